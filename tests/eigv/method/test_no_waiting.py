"""A step never waits for the device that it runs on: it is run on one whose tensors have no values to wait for.

On `meta`, a tensor that is copied to the host, asked for its number, or used to decide a shape is an error of PyTorch's
own. What is copied to a device while the host waits is not, and is looked for.
"""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from eigv.config.methods import METHODS
from eigv.config.run import EigvSettings
from eigv.method.batch import Batch
from eigv.method.draws import Draws
from eigv.method.memory_bank import MemoryBank
from eigv.method.model import VideoQA
from tests.eigv.method.small_models import BANK, SETTINGS, SIZES, every_backbone, every_form, small_batch, small_model

OFFICIAL = EigvSettings.model_validate(
    {
        "grounding": {"query": "answer", "scaled": True, "official_sum_mask": True},
        "intervener": {"candidates": "both", "question": "tokens", "length": "own"},
        "disruptor": {"negatives": 2, "questions": "permuted", "random_question": "mixed", "owners": "shuffled"},
    }
)


class Waiting(TorchDispatchMode):
    """Notes copies between host and device that the host waits for, also of places that lie on the host."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        if function is torch.ops.aten._to_copy.default:
            there, here = args[0].device.type, result.device.type
            if there != here and not kwargs.get("non_blocking"):
                self.found.append(f"a copy of {tuple(result.shape)} from {there} to {here}")
        if function is torch.ops.aten.index.Tensor and args[0].is_meta:
            if any(index is not None and index.device.type == "cpu" for index in args[1]):
                self.found.append(f"places {[tuple(i.shape) for i in args[1] if i is not None]} on the host")
            if any(index is not None and index.dtype == torch.bool for index in args[1]):
                self.found.append("a mask that decides a shape")
        return result


def placed(model: VideoQA, batch: Batch) -> tuple[VideoQA, Batch]:
    return model.to("meta"), batch.to("meta")


@every_backbone
@every_form
@pytest.mark.parametrize(
    ("name", "settings", "bank"),
    [
        ("erm", SETTINGS, "meta"),
        ("mixup", SETTINGS, "meta"),
        ("eigv", SETTINGS, "meta"),
        ("eigv", SETTINGS, "cpu"),
        ("eigv", OFFICIAL, "meta"),
        ("igv", SETTINGS, "meta"),
    ],
    ids=["plain", "mixup", "paper", "bank on the host", "official", "igv"],
)
def test_a_step_does_not_wait(monkeypatch, backbone, form, name, settings, bank):
    switches = {"mspan": "official_batch_statistics", "amu": "official_padding", "hme": "official_shared_map"}
    official = {
        name: getattr(SIZES, name).model_copy(update={switch: settings is OFFICIAL})
        for name, switch in switches.items()
    }
    if settings is OFFICIAL:
        official["hme"] = official["hme"].model_copy(update={"reading": "twice"})
        official["hga"] = SIZES.hga.model_copy(update={"co_attention": True})
        official["comem"] = SIZES.comem.model_copy(update={"network": "published"})
    monkeypatch.setattr("tests.eigv.method.small_models.SIZES", SIZES.model_copy(update=official))
    model, batch = placed(small_model(form, 0.1, backbone), small_batch(form))
    model.environment = "dropped" if METHODS[name].branches else "zeroed"
    clips = MemoryBank(BANK.features.to(bank))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Waiting() as waiting:
        losses = model.training_step(batch, METHODS[name], Draws(0, "meta"), clips, settings)
        losses.total.backward()
        optimizer.step()
    assert losses.total.is_meta and not waiting.found


@every_backbone
@every_form
@pytest.mark.parametrize(
    ("from_", "environment"), [("video", "zeroed"), ("causal-scene", "zeroed"), ("causal-scene", "dropped")]
)
def test_an_answer_does_not_wait(backbone, form, from_, environment):
    model, batch = placed(small_model(form, backbone=backbone).eval(), small_batch(form))
    model.environment = environment
    with Waiting() as waiting:
        assert model.predict(batch, from_).logits.is_meta
    assert not waiting.found


@pytest.mark.parametrize(
    ("waits", "error"),
    [
        (lambda x: x.sum().item(), RuntimeError),
        (lambda x: x.cpu(), NotImplementedError),
        (lambda x: x[x > 0], (RuntimeError, NotImplementedError)),
        (lambda x: bool(x.isfinite().all()), RuntimeError),
        (lambda x: torch.zeros(3).to(x.device), AssertionError),
        (lambda x: x[torch.tensor([0, 1])], AssertionError),
    ],
)
def test_what_waits_is_found(waits, error):
    with pytest.raises(error), Waiting() as waiting:
        waits(torch.empty(4, device="meta"))
        assert not waiting.found
