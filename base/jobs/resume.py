"""What a training needs to go on after a kill: one file, which it writes after every epoch and every few minutes.

It lies in a folder of its own, which the loop over epochs holds locked and removes at its end (`base.jobs.epochs`).
"""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from base.jobs import interruption
from base.writing import atomic_path

log = logging.getLogger(__name__)

SAVE_EVERY = 300.0
"""Seconds of work that a kill without a warning can cost at most, beside the step at work."""
LAYOUT = 2
"""Of the file; one of another layout is not read."""

Measured = Mapping[str, float | Tensor]
"""What was measured in one step, by name; a tensor is a number that the device may still be at."""
Watched = dict[str, list[float]]
"""What was measured in each step of an epoch, by name."""
History = list[dict[str, Any]]
"""A row for each epoch, with at least `epoch` and `val_accuracy`."""


def best_epoch(history: History) -> dict[str, Any]:
    """The row of the epoch with the best validation accuracy, or `val_score` where rows have one, the first of several.

    There must be one.
    """
    return max(history, key=lambda row: row.get("val_score", row["val_accuracy"]))


@dataclass
class Position:
    """Where training stands: so many steps of an epoch are done; with the state of torch's random generators."""

    epoch: int = 1
    step: int = 0
    measured: dict[str, list[float | Tensor]] = field(default_factory=dict)
    """In the steps that are done."""

    def read(self) -> Watched:
        """What was measured, as numbers: waits for the device, once."""
        unread = [value for seen in self.measured.values() for value in seen if isinstance(value, Tensor)]
        numbers = iter(torch.stack([value.double() for value in unread]).tolist() if unread else ())
        watched = {
            name: [next(numbers) if isinstance(value, Tensor) else value for value in seen]
            for name, seen in self.measured.items()
        }
        self.measured = {name: list(seen) for name, seen in watched.items()}
        return watched

    def state_dict(self) -> dict[str, Any]:
        # Of the GPU at work, which may be another after a restart.
        cuda = torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None
        return {
            "epoch": self.epoch,
            "step": self.step,
            "watched": self.read(),
            "cpu": torch.get_rng_state(),
            "cuda": cuda,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epoch, self.step, self.measured = state["epoch"], state["step"], state["watched"]
        torch.set_rng_state(state["cpu"])
        if state["cuda"] is not None and torch.cuda.is_initialized():
            torch.cuda.set_rng_state(state["cuda"])


class State:
    """The state of a training, in memory and in its file.

    Attributes:
        position: where it stands.
        history: a row for each epoch so far.
        best_weights: those of the best epoch so far, on the CPU.
    """

    def __init__(self, path: Path, key: str, parts: dict[str, Any]) -> None:
        """Goes on from the file where there is one of the same `key`, which says of what settings it is.

        Args:
            path: the file.
            key: as text.
            parts: what changes in training and has `state_dict` and `load_state_dict`; restored at once.
        """
        self.position = Position()
        self.history: History = []
        self.best_weights: dict[str, Tensor] = {}
        self._path, self._key = path, f"{LAYOUT} {key}"
        self._parts = parts | {"position": self.position}
        for left in path.parent.glob(f".{path.stem}.*.partial{path.suffix}"):
            left.unlink()  # of a killed process, perhaps on another machine: the folder is locked
        self._restore()
        self._saved, self._saved_at = self._place, time.monotonic()

    def step_done(self, measured: Measured) -> None:
        """Counts a step and what was measured in it. Saves now and then; raises `Terminated` if SIGTERM has come."""
        self.position.step += 1
        for name, value in measured.items():
            self.position.measured.setdefault(name, []).append(value)
        if time.monotonic() - self._saved_at > SAVE_EVERY:
            self.save()
        interruption.stop_if_asked()

    def epoch_done(self, row: dict[str, Any], model: nn.Module) -> None:
        """Counts an epoch, keeps the weights of `model` if it is the best one, and saves.

        Raises `Terminated` if SIGTERM has come.
        """
        self.history.append(row)
        if best_epoch(self.history) is row:
            self.best_weights = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
        self.position.epoch, self.position.step, self.position.measured = self.position.epoch + 1, 0, {}
        self.save()
        interruption.stop_if_asked()

    @contextmanager
    def saved_on_sigterm(self) -> Iterator[None]:
        """Within the block SIGTERM is heeded where `stop_if_asked` is called: the state is saved, the process ends."""
        with interruption.postponed():
            try:
                yield
            except interruption.Terminated:
                if self._saved != self._place:
                    self.save()
                log.warning(
                    "ended by SIGTERM in epoch %d after step %d; the same command goes on from there", *self._place
                )
                raise

    def save(self) -> None:
        """Writes the file."""
        states = {name: part.state_dict() for name, part in self._parts.items()}
        # Into an open file: where torch opens it, nothing says that the disk is full.
        with atomic_path(self._path) as temporary, temporary.open("wb") as file:
            torch.save({"key": self._key, **states, "history": self.history, "best": self.best_weights}, file)
        self._saved, self._saved_at = self._place, time.monotonic()

    @property
    def _place(self) -> tuple[int, int]:
        return self.position.epoch, self.position.step

    def _restore(self) -> None:
        if not self._path.is_file():
            return
        with self._path.open("rb") as file:
            try:
                saved = torch.load(file, map_location="cpu", weights_only=True)
            except Exception as error:  # whatever torch stumbles over
                # Else every retry would fail as this one.
                log.warning("%s is damaged, training begins anew (%s)", self._path, str(error).split("\n")[0])
                return
        if saved["key"] != self._key:
            log.warning("%s is of other settings, other data or another version: training begins anew", self._path)
            return
        for name, part in self._parts.items():
            part.load_state_dict(saved[name])
        self.history, self.best_weights = saved["history"], saved["best"]
        log.info("going on in epoch %d after step %d", *self._place)
