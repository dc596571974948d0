"""The loop over epochs, with a training that only counts."""

import logging
import os
import signal

import pytest
import torch

from base.jobs.announcements import Announcements
from base.jobs.epochs import all_epochs
from base.jobs.interruption import Terminated


class Counting:
    """Each step adds a random number to the one weight; each epoch's accuracy is given."""

    def __init__(self, accuracies, steps=3, before_step=lambda epoch, step: None):
        self.model = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.zeros_(self.model.weight)
        self.parts = {}
        self.accuracies, self.steps, self.before_step = accuracies, steps, before_step
        self.made = []
        """(epoch, step) of every step that was made."""

    def train_epoch(self, epoch, done):
        if done == 0:
            torch.manual_seed(epoch)
        for step in range(done + 1, self.steps + 1):
            self.before_step(epoch, step)
            with torch.no_grad():
                self.model.weight += torch.rand(1)
            self.made.append((epoch, step))
            yield {"weight": self.model.weight.item()}

    def check_epoch(self, epoch, watched):
        assert len(watched["weight"]) == self.steps
        return {"epoch": epoch, "val_accuracy": self.accuracies[epoch - 1], "weights": watched["weight"]}


def trained(training, folder, key="key", announce=None):
    """All epochs, and nothing to write."""
    with all_epochs(training, len(training.accuracies), folder, key, Announcements("a training", announce)) as found:
        pass
    return found


@pytest.mark.parametrize(("accuracies", "best"), [([50, 70, 70, 60], 2), ([1, 2, 3], 3), ([0.0, 0.0], 1)])
def test_the_first_of_the_epochs_with_the_best_accuracy_is_kept(tmp_path, accuracies, best):
    announced = tmp_path / "lines"
    found = trained(Counting(accuracies), tmp_path / "state", announce=announced)
    assert [row["val_accuracy"] for row in found.history] == accuracies
    assert found.best == found.history[best - 1] and found.best["epoch"] == best
    assert found.weights["weight"].item() == found.history[best - 1]["weights"][-1]
    assert announced.read_text().splitlines()[-1] == (
        f"a training: done, kept epoch {best}, validation {max(accuracies):.1f} %"
    )


@pytest.mark.parametrize("at", [(1, 2), (2, 1), (3, 3)])
def test_after_sigterm_it_goes_on_after_the_step_at_work(tmp_path, at):
    whole = trained(Counting([10, 30, 20]), tmp_path / "whole")

    def terminate(epoch, step):
        if (epoch, step) == at:
            os.kill(os.getpid(), signal.SIGTERM)

    first, second = Counting([10, 30, 20], before_step=terminate), Counting([10, 30, 20])
    with pytest.raises(Terminated):
        trained(first, tmp_path / "state")
    found = trained(second, tmp_path / "state")
    assert first.made[-1] == at and first.made + second.made == [(e, s) for e in (1, 2, 3) for s in (1, 2, 3)]
    assert found.history == whole.history and found.best == whole.best and found.weights == whole.weights


def test_it_stops_where_there_is_a_reason_and_does_not_go_on_after_a_kill(tmp_path):
    """The kill comes when the last epoch is saved and nothing is written."""
    announced, again = tmp_path / "lines", Counting([10, 30, 20, 40])
    arguments = (4, tmp_path / "state", "key", Announcements("a training", announced))
    enough = (lambda history: "enough" if len(history) == 3 else "",)
    first = Counting([10, 30, 20, 40])
    with pytest.raises(OSError, match="full"), all_epochs(first, *arguments, *enough):
        raise OSError("the disk is full")
    with all_epochs(again, *arguments, *enough) as found:
        pass
    assert first.made[-1] == (3, 3) and again.made == []
    assert (len(found.history), found.best["epoch"], found.stopped) == (3, 2, "enough")
    said = "a training: done, kept epoch 2, validation 30.0 %, stopped early: enough"
    assert announced.read_text().splitlines()[-1] == said


def test_measured_tensors_are_read_as_the_numbers_that_they_are(tmp_path):
    class Measuring(Counting):
        def train_epoch(self, epoch, done):
            for measured in super().train_epoch(epoch, done):
                yield {"weight": torch.tensor(measured["weight"]), "plain": measured["weight"]}

        def check_epoch(self, epoch, watched):
            assert watched["weight"] == watched["plain"] and all(type(n) is float for n in watched["weight"])
            return super().check_epoch(epoch, watched)

    assert len(trained(Measuring([10, 20]), tmp_path / "state").history) == 2


def test_the_state_is_there_until_everything_is_written(tmp_path):
    """Not a step is made again where writing has failed."""
    announced, again = tmp_path / "lines", Counting([10, 20])
    arguments = (2, tmp_path / "state", "key", Announcements("a training", announced))
    with pytest.raises(OSError, match="full"), all_epochs(Counting([10, 20]), *arguments) as before:
        raise OSError("the disk is full")
    with all_epochs(again, *arguments) as after:
        assert (tmp_path / "state/last.pt").is_file()
    assert again.made == [] and after.history == before.history and after.weights == before.weights
    assert not (tmp_path / "state").exists()
    assert announced.read_text().splitlines()[-2:] == [
        "a training: goes on after its last epoch",
        "a training: done, kept epoch 2, validation 20.0 %",
    ]


def test_a_state_of_another_training_is_not_gone_on_from(tmp_path, caplog):
    with pytest.raises(OSError), all_epochs(Counting([9]), 1, tmp_path / "state", "old", Announcements("", None)):
        raise OSError
    anew = Counting([10, 20])
    with caplog.at_level(logging.WARNING):
        trained(anew, tmp_path / "state", key="new")
    assert "last.pt is of other settings, other data or another version: training begins anew" in caplog.text
    assert len(anew.made) == 6


def test_without_epochs_nothing_is_kept(tmp_path):
    found = trained(Counting([]), tmp_path / "state")
    assert (found.history, found.best, found.weights) == ([], None, {})
    assert not (tmp_path / "state").exists()
