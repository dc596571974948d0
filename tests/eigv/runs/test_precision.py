"""The numbers that a run calculates in; GPUs and matrix units are pretended."""

import json
import logging

import pytest
import torch

from base.errors import UserError
from base.jobs import resume
from base.jobs.interruption import Terminated
from eigv.config.methods import METHODS
from eigv.method.draws import Draws
from eigv.runs import precision
from eigv.runs.evaluation import evaluate
from eigv.runs.training import train
from tests.eigv import synthetic
from tests.eigv.method.small_models import (
    BANK,
    FORMS,
    SETTINGS,
    every_backbone,
    every_form,
    every_method,
    small_batch,
    small_model,
)
from tests.eigv.runs.test_training import settings


def machine(monkeypatch, *, instructions=True, units=False, capability=(8, 0), emulated=False):
    """A processor with these bf16 instructions and matrix units, and a GPU of this capability."""
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: instructions)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: units)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: not emulated)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "a GPU")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)


@pytest.mark.parametrize(
    ("device", "units", "emulated", "expected", "why"),
    [
        ("cpu", True, False, "bf16", "auto: cpu has matrix units"),
        ("cpu", False, False, "float32", "no matrix units for it (AMX)"),
        ("cuda:0", False, False, "bf16", "auto: a GPU has matrix units"),
        ("cuda:0", True, True, "float32", "a GPU only emulates bf16"),
    ],
)
def test_auto_takes_bf16_where_the_device_is_quick_at_it_and_says_so(
    monkeypatch, caplog, device, units, emulated, expected, why
):
    machine(monkeypatch, units=units, emulated=emulated)
    with caplog.at_level(logging.INFO):
        assert precision.to_train_in("auto", device) == expected
    assert f"precision: {expected} (" in caplog.text and why in caplog.text


@pytest.mark.parametrize(
    ("asked", "device", "lacks", "reason"),
    [
        ("bf16", "cpu", {"instructions": False}, "no instructions for bf16"),
        ("bf16", "cuda:0", {"emulated": True}, "a GPU only emulates bf16"),
        ("tf32", "cpu", {}, "TF32 is a format of GPUs, and this is a processor"),
        ("tf32", "cuda:0", {"capability": (7, 5)}, "a GPU has no TF32"),
    ],
)
def test_what_a_device_lacks_is_refused_in_training_and_replaced_in_answering(
    monkeypatch, caplog, asked, device, lacks, reason
):
    machine(monkeypatch)
    if device != "cpu" or asked != "tf32":
        assert precision.to_train_in(asked, device) == precision.to_answer_in(asked, device) == asked
    machine(monkeypatch, **lacks)
    with pytest.raises(UserError, match=f"training.precision: {asked}: .*{reason}; `auto`"):
        precision.to_train_in(asked, device)
    assert precision.to_train_in("auto", device) in ("float32", "bf16")
    assert precision.to_answer_in(asked, device) == "float32"
    assert f"trained in {asked} answers in float32: " in caplog.text and reason in caplog.text


def test_bf16_without_matrix_units_is_done_and_said_to_be_slow(monkeypatch, caplog):
    machine(monkeypatch)
    assert precision.to_train_in("bf16", "cpu") == "bf16"
    assert "may be slower than float32" in caplog.text


def test_a_model_of_before_the_choice_answers_in_float32(caplog):
    assert precision.to_answer_in("", "cpu") == precision.to_answer_in("float32", "cpu") == "float32"
    assert not caplog.text


def test_a_gpu_takes_short_numbers_where_they_are_asked_for_alone():
    try:
        for numbers, short in (("tf32", True), ("float32", False)):
            precision.prepare(torch.nn.Linear(2, 2), numbers, "cuda:0")
            assert torch.backends.cuda.matmul.allow_tf32 is torch.backends.cudnn.allow_tf32 is short
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = False, True


@pytest.mark.parametrize("packed", [True, False])
def test_recurrent_layers_on_a_gpu_stay_in_float32_under_bf16(packed):
    layer = torch.nn.LSTM(3, 2, batch_first=True)
    given = torch.randn(2, 4, 3).bfloat16()
    expected = layer(given.float())[0]
    precision.prepare(layer, "bf16", "cuda:0")
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = False, True
    if packed:
        found, _ = layer(torch.nn.utils.rnn.pack_padded_sequence(given, torch.tensor([4, 4]), batch_first=True))
        found, _ = torch.nn.utils.rnn.pad_packed_sequence(found, batch_first=True)
    else:
        found, _ = layer(given)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected)


@every_backbone
@every_form
def test_a_step_in_bf16_is_that_in_float32_but_for_rounding(backbone, form):
    found = {}
    for numbers in ("float32", "bf16"):
        model, batch = small_model(form, backbone=backbone), small_batch(form)
        with precision.calculating(numbers, "cpu"):
            losses = model.training_step(batch, METHODS["eigv"], Draws(0), BANK, SETTINGS)
        losses.total.backward()
        assert losses.total.dtype == losses.scene.causal.dtype == torch.float32
        assert {p.grad.dtype for p in model.parameters() if p.grad is not None} == {torch.float32}
        assert set(losses.scene.causal.unique().tolist()) <= {0.0, 1.0}
        with precision.calculating(numbers, "cpu"):
            prediction = model.eval().predict(batch)
        assert prediction.logits.dtype == prediction.scene.probability_causal.dtype == torch.float32
        found[numbers] = torch.cat([losses.total.detach()[None], prediction.logits.flatten()])
    assert not torch.equal(found["float32"], found["bf16"])
    torch.testing.assert_close(found["bf16"], found["float32"], atol=0.02, rtol=0.02)


@every_backbone
@every_method
def test_a_step_of_every_method_in_bf16_has_about_its_loss_in_float32(backbone, name):
    found = []
    for numbers in ("float32", "bf16"):
        model = small_model("multiple-choice", backbone=backbone, method=name)
        with precision.calculating(numbers, "cpu"):
            losses = model.training_step(small_batch("multiple-choice"), METHODS[name], Draws(0), BANK, SETTINGS)
        losses.total.backward()
        found.append(losses.total.detach())
    torch.testing.assert_close(*found, atol=0.02, rtol=0.02)


@pytest.mark.parametrize("form", FORMS)
def test_a_run_in_bf16_is_evaluated_in_bf16_and_both_are_recorded(monkeypatch, tmp_path, form):
    machine(monkeypatch, units=True)
    data = synthetic.write(tmp_path, multiple_choice=form == "multiple-choice")
    results = {}
    for asked in ("float32", "auto"):
        out, how = tmp_path / asked, settings("eigv", epochs=1, precision=asked)
        card = train(how, **data, out=out, state=out / "state", device="cpu")
        evaluate(out / "model.json", "test", **data, answer_from="video", out=out, device="cpu")
        about = json.loads((out / "run.json").read_text())
        results[asked] = (card.precision, about["trained_in"], about["evaluated_in"])
    assert results == {"float32": ("float32",) * 3, "auto": ("bf16",) * 3}
    assert json.loads((tmp_path / "auto/model.json").read_text())["precision"] == "bf16"
    first, second = ((tmp_path / name / "predictions.csv").read_text() for name in results)
    assert first != second


def test_a_state_made_in_other_numbers_is_not_gone_on_from(monkeypatch, tmp_path, caplog):
    data = synthetic.write(tmp_path, multiple_choice=True)
    how = settings("erm", epochs=2, precision="auto")
    saved = resume.State.epoch_done

    def killed(self, row, model):
        saved(self, row, model)
        raise Terminated

    for units, again in ((False, False), (True, True)):  # first killed in float32, then on a machine with matrix units
        machine(monkeypatch, units=units)
        monkeypatch.setattr(resume.State, "epoch_done", saved if again else killed)
        if again:
            train(how, **data, out=tmp_path / "run", state=tmp_path / "state", device="cpu")
        else:
            with pytest.raises(Terminated):
                train(how, **data, out=tmp_path / "run", state=tmp_path / "state", device="cpu")
    assert "is of other settings, other data or another version: training begins anew" in caplog.text
