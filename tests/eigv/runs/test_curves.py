"""A training shows its curves while it runs, and they decide nothing."""

import sys
import types

import pandas as pd
import pytest

from base.errors import UserError
from eigv.runs.training import train
from tests.eigv import numbered
from tests.eigv.runs.scripted import STEPS, settings

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def logged(monkeypatch):
    """What a package like wandb is told: steps and values."""
    found = []
    run = types.SimpleNamespace(
        log=lambda values, step: found.append((step, values)), finish=lambda exit_code: found.append(exit_code)
    )
    package = types.ModuleType("wandb")
    package.init, package.Error = lambda **told: run, RuntimeError
    monkeypatch.setitem(sys.modules, "wandb", package)
    return found


def test_the_same_seed_gives_the_same_bytes_whoever_watches(tmp_path, logged):
    data, how = numbered.write(tmp_path), settings("eigv", epochs=2, dropout=0.2)
    train(how, **data, out=tmp_path / "a", state=tmp_path / "state", device="cpu")
    train(how, **data, out=tmp_path / "b", state=tmp_path / "state", device="cpu", loggers=("csv", "wandb"))
    for name in ("model.safetensors", "model.json", "history.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name

    history, code = pd.read_csv(tmp_path / "b/history.csv"), logged.pop()
    assert code == 0
    steps = [(step, values["step/loss"]) for step, values in logged if "step/loss" in values]
    assert [step for step, _ in steps] == list(range(1, 2 * STEPS + 1))
    losses = [sum(loss for _, loss in steps[first : first + STEPS]) / STEPS for first in (0, STEPS)]
    assert history["loss"].tolist() == pytest.approx(losses)
    epochs = [(step, values["epoch/val_accuracy"]) for step, values in logged if "epoch/val_accuracy" in values]
    assert [step for step, _ in epochs] == [STEPS, 2 * STEPS]
    assert [value for _, value in epochs] == pytest.approx(history["val_accuracy"].tolist())


def test_a_missing_package_is_said_before_anything_is_read(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    nowhere = dict.fromkeys(("video", "questions", "text", "out", "state"), tmp_path / "nowhere")
    with pytest.raises(UserError, match="tensorboard, whose package is not installed"):
        train(settings(), **nowhere, device="cpu", loggers=("tensorboard",))
