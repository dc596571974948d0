"""The loop over epochs, one for every training: goes on after a kill, keeps the best epoch, says how far it is.

A training supplies what is its own (`Training`): the steps of an epoch, and the check at its end.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor, nn

from base.jobs.announcements import Announcements
from base.jobs.progress import progress
from base.jobs.resume import History, Measured, State, Watched, best_epoch
from base.locks import exclusive


class Training(Protocol):
    """What is a training's own.

    Everything random in an epoch must follow from its number and from the state of PyTorch's generators and of `parts`:
    a training that was killed and goes on then ends with the same weights as one that was not.
    """

    @property
    def model(self) -> nn.Module:
        """What is trained."""

    @property
    def parts(self) -> dict[str, Any]:
        """What else changes while it is trained, by name; each has `state_dict` and `load_state_dict`."""

    def train_epoch(self, epoch: int, done: int) -> Iterator[Measured]:
        """Makes the steps of an epoch (counted from 1) but for the first `done`; yields what was measured in each.

        Tensors are read when all steps of the epoch are made, or a state is saved: not one by one.
        """

    def check_epoch(self, epoch: int, watched: Watched) -> dict[str, Any]:
        """The row of the history for an epoch, with at least `epoch` and `val_accuracy`.

        `val_score`, where it has one, says in the place of the accuracy which epoch is the best.

        `watched` is what was measured in all steps of the epoch. Called once an epoch: a schedule of the learning rate
        takes its step here.
        """


@dataclass(frozen=True)
class Trained:
    """What all epochs have led to."""

    history: History
    """A row for each epoch."""
    best: dict[str, Any] | None
    """The row of the best epoch; None where there was no epoch."""
    weights: dict[str, Tensor]
    """Of the best epoch, on the CPU; empty where there was no epoch."""
    stopped: str = ""
    """Why there were fewer epochs than planned, in words; empty where there were not."""


@contextmanager
def all_epochs(
    training: Training,
    epochs: int,
    folder: Path,
    key: str,
    announcements: Announcements,
    why_stop: Callable[[History], str] = lambda history: "",
) -> Iterator[Trained]:
    """Trains the epochs that are not done; the block is to write what they have led to.

    `folder` holds what is needed to go on after a kill, and is removed when the block ends without an error. Waits
    while another process is at the same training. `key` says everything that the weights depend on: a state with
    another one is not gone on from. `why_stop` gives the reason to make no more epochs after those so far, if any.
    Raises `Terminated` when SIGTERM comes, once the state is saved.
    """
    with exclusive(folder / "lock"):
        state = State(folder / "last.pt", key, {"model": training.model, **training.parts})
        announcements.begin(epochs, state.position)
        with state.saved_on_sigterm():
            todo = range(state.position.epoch, epochs + 1)
            for epoch in progress(todo, total=len(todo), label=announcements.name, unit="epoch"):
                if why_stop(state.history):
                    break
                for measured in training.train_epoch(epoch, state.position.step):
                    state.step_done(measured)
                state.epoch_done(training.check_epoch(epoch, state.position.read()), training.model)
                announcements.epoch(state.history)
        best = best_epoch(state.history) if state.history else None
        stopped = why_stop(state.history) if len(state.history) < epochs else ""
        yield Trained(state.history, best, state.best_weights, stopped)
        shutil.rmtree(folder)
    announcements.end(best, stopped)
