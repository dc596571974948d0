"""A step that is not finite ends the training, and what there was before it can be looked at."""

import dataclasses

import pytest
import torch

from base.errors import UserError
from eigv.method.model import VideoQA
from eigv.runs.learning import not_finite, optimisation
from eigv.runs.training import train
from tests.eigv import numbered
from tests.eigv.runs.scripted import STEP, settings

pytestmark = pytest.mark.usefixtures("one_thread")
KINDS = ("loss", "gradient")
BAD = 5
"""Of three steps an epoch."""


class Breaking:
    """The fifth step has an infinite loss, or a gradient that is not a number though the loss is one."""

    def __init__(self, monkeypatch, kind):
        self.kind, self.made, self.before, self.qids = kind, 0, {}, []
        monkeypatch.setattr(VideoQA, "training_step", lambda *given: self.step(*given))

    def step(self, model, batch, *given):
        self.made += 1
        if self.made != BAD:
            return STEP(model, batch, *given)
        self.before = {name: value.clone() for name, value in model.state_dict().items()}
        self.qids = batch.qids
        losses = STEP(model, batch, *given)
        first = next(iter(model.parameters()))
        worse = losses.total * torch.inf if self.kind == "loss" else losses.total + (0 * first).sum().sqrt()
        return dataclasses.replace(losses, total=worse)


def ended(tmp_path, **training):
    """What is said, and what the file holds."""
    data = numbered.write(tmp_path)
    state = tmp_path / "state"
    with pytest.raises(UserError) as error:
        train(settings("eigv", epochs=9, **training), **data, out=tmp_path / "run", state=state, device="cpu")
    assert not (tmp_path / "run/model.json").exists()
    assert f"torch.load('{state}/not_finite.pt')" in str(error.value)
    return str(error.value), torch.load(state / "not_finite.pt")


def check(script, said, found):
    assert "not finite in epoch 2, step 2: loss " in said
    assert (found["epoch"], found["step"], found["qids"]) == (2, 2, script.qids)
    assert ", ".join(script.qids[:5]) in said and f"and {len(script.qids) - 5} more" in said
    assert found["model"].keys() == script.before.keys()
    assert all(torch.equal(found["model"][name], value) for name, value in script.before.items())
    assert (found["measured"]["loss"] == torch.inf) == (script.kind == "loss")
    assert not torch.tensor(found["measured"]["gradient_norm"]).isfinite()


@pytest.mark.parametrize("kind", KINDS)
def test_the_step_is_named_and_what_there_was_before_it_is_saved(monkeypatch, tmp_path, kind):
    script = Breaking(monkeypatch, kind)
    said, found = ended(tmp_path)
    check(script, said, found)
    assert script.made == BAD
    assert found["gradients_not_finite"] and found["gradients_not_finite"][0] in said
    assert found["settings"]["method"] == "eigv" and found["clip_widths"] == {"appearance": 2, "motion": 3}


@pytest.mark.parametrize("kind", KINDS)
def test_a_device_that_is_asked_later_has_made_no_bad_step(monkeypatch, tmp_path, kind):
    """As on a GPU: the processor looks at the end of the epoch, a step after the bad one."""
    adam, finite = torch.optim.Adam, not_finite.Finite.__init__
    monkeypatch.setattr(
        optimisation, "optimizer_of", lambda model, how: adam(model.parameters(), how.learning_rate, fused=True)
    )

    def asked_later(self, *given):
        finite(self, *given)
        self.every = not_finite.LOOK_EVERY

    monkeypatch.setattr(not_finite.Finite, "__init__", asked_later)
    script = Breaking(monkeypatch, kind)
    said, found = ended(tmp_path)
    check(script, said, found)
    assert script.made == BAD + 1  # the third of the epoch was begun, and not made


def test_no_state_is_saved_behind_a_bad_step():
    model = torch.nn.Linear(1, 1)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)

    class Draws:
        def state_dict(self):
            return {}

    finite = not_finite.Finite(model, optimizer, Draws(), {}, None)
    finite.every = 50
    finite.begin(1, 1, ["a"])
    finite.judge({"loss": torch.tensor(torch.nan), "gradient_norm": torch.tensor(1.0)})
    with pytest.raises(UserError, match="not finite in epoch 1, step 1: loss nan"):
        finite.state_dict()
