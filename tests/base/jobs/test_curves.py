"""Curves go to the loggers that are asked for, with steps counted over all epochs, and go on after a kill."""

import sys
import types

import pytest

from base.errors import UserError
from base.jobs.curves import Curves

WATCHED = {"loss": [3.0, 2.0], "train_accuracy": [10.0, 20.0]}
ROW = {"epoch": 3.0, "val_accuracy": 50.0}


class Run:
    """Of a package like wandb, in this process: keeps what it is told."""

    def __init__(self, **told):
        self.told, self.logged, self.code = told, [], None

    def log(self, values, step):
        self.logged.append((step, values))

    def finish(self, exit_code):
        self.code = exit_code


@pytest.fixture
def wandb(monkeypatch):
    package = types.ModuleType("wandb")
    package.runs, package.Error = [], type("Error", (Exception,), {})
    package.init = lambda **told: package.runs.append(Run(**told)) or package.runs[-1]
    monkeypatch.setitem(sys.modules, "wandb", package)
    for name in ("WANDB_PROJECT", "WANDB_NAME"):
        monkeypatch.delenv(name, raising=False)
    return package


def test_weights_and_biases_gets_every_step_and_epoch(wandb, tmp_path):
    with Curves(("csv", "wandb"), tmp_path / "logs", "d/hga", {"seed": 0}) as curves:
        curves.begin(5)
        curves.epoch(5, WATCHED, ROW)
    (run,) = wandb.runs
    assert run.logged == [
        (5, {"step/loss": 3.0, "step/train_accuracy": 10.0}),
        (6, {"step/loss": 2.0, "step/train_accuracy": 20.0}),
        (6, {"epoch/epoch": 3.0, "epoch/val_accuracy": 50.0}),
    ]
    told = run.told
    assert (told["project"], told["name"], told["config"]) == ("eigv", "d/hga", {"seed": 0})
    assert told["dir"] == str(tmp_path / "logs") and (tmp_path / "logs").is_dir()
    assert run.code == 0


def test_a_training_that_goes_on_is_the_same_run_there(wandb, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    first, other = (Curves(("wandb",), tmp_path, "a", {}) for _ in range(2))
    with pytest.raises(KeyboardInterrupt), first:
        first.begin(1)
        raise KeyboardInterrupt
    again = Curves(("wandb",), tmp_path, "a", {})
    again.load_state_dict(first.state_dict())
    for curves in (again, other):
        curves.begin(2)
        curves.begin(3)  # a second epoch of the same training
    one, same, new = wandb.runs
    assert one.told["id"] == same.told["id"] != new.told["id"]
    assert same.told["resume"] == "allow" and same.told["project"] == "mine"
    assert one.code == 1


def test_what_weights_and_biases_refuses_is_said_with_what_to_do(wandb, tmp_path):
    def refuses(**told):
        raise wandb.Error("api_key not configured")

    wandb.init = refuses
    with pytest.raises(UserError, match=r"api_key not configured; `wandb login` first, or WANDB_MODE=offline"):
        Curves(("wandb",), tmp_path, "a", {}).begin(1)


@pytest.mark.parametrize(("logger", "package"), [("tensorboard", "torch.utils.tensorboard"), ("wandb", "wandb")])
def test_a_package_that_is_missing_is_said_with_how_to_install_it(monkeypatch, tmp_path, logger, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=rf"pip install 'eigv\[{logger}\]'"):
        Curves((logger,), tmp_path, "a", {})


def test_the_folder_that_wandb_leaves_behind_is_not_its_package(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "wandb", types.ModuleType("wandb"))
    with pytest.raises(UserError, match="not installed"):
        Curves(("wandb",), tmp_path, "a", {})


def test_an_unknown_logger_is_refused(tmp_path):
    with pytest.raises(UserError, match="'tensorbord' is no logger: csv, tensorboard, wandb"):
        Curves(("tensorbord",), tmp_path, "a", {})


def test_tensorboard_shows_steps_and_epochs_and_what_a_kill_left_over_once(tmp_path):
    pytest.importorskip("tensorboard", reason="the optional package tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for loss in (3.0, 2.5):  # the epoch whose state was not saved is made again
        with Curves(("tensorboard",), tmp_path, "d/hga", {}) as curves:
            curves.begin(5)
            curves.epoch(5, {"loss": [loss, 2.0]}, ROW | {"stopped": ""})
    events = EventAccumulator(str(tmp_path / "tensorboard/d/hga"))
    events.Reload()
    found = {name: [(e.step, e.value) for e in events.Scalars(name)] for name in events.Tags()["scalars"]}
    assert found == {
        "step/loss": [(5, 2.5), (6, 2.0)],
        "epoch/epoch": [(6, 3.0)],
        "epoch/val_accuracy": [(6, 50.0)],
    }
