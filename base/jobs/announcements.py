"""How far a training is, for somebody who watches many of them: a line at its start, after each epoch, at its end."""

import logging
import os
import re
import time
from pathlib import Path
from typing import Any

from base.jobs.progress import duration
from base.jobs.resume import History, Position, best_epoch

log = logging.getLogger(__name__)


class Announcements:
    """Lines about one training, each appended to a file at once; a line that cannot be written is only a warning."""

    def __init__(self, name: str, file: Path | None) -> None:
        """Lines that begin with `name`; no lines without a file, which may be `/dev/fd/3` or alike."""
        self.name = name
        self._file = file

    def begin(self, epochs: int, position: Position) -> None:
        """Training of so many epochs begins, or goes on at a position."""
        self._epochs = epochs
        self._seen: list[tuple[float, int]] = []
        """Times at which so many epochs were done."""
        if position.step == 0:
            self._seen.append((time.monotonic(), position.epoch - 1))
        if (position.epoch, position.step) == (1, 0):
            self._say(f"begins, {epochs} epochs")
        elif position.epoch > epochs:
            self._say("goes on after its last epoch")
        else:
            self._say(f"goes on in epoch {position.epoch} of {epochs}")

    def epoch(self, history: History) -> None:
        """An epoch is done, the last one of `history`."""
        done = len(history)
        last, best = history[-1]["val_accuracy"], best_epoch(history)["val_accuracy"]
        text = f"epoch {done} of {self._epochs}, validation {last:.1f} %, best {best:.1f} %"
        self._seen.append((time.monotonic(), done))
        (begun, first), (now, _) = self._seen[0], self._seen[-1]
        if first < done < self._epochs:
            text += f", {duration((now - begun) / (done - first) * (self._epochs - done))} left"
        self._say(text)

    def end(self, best: dict[str, Any] | None, stopped: str = "") -> None:
        """Everything is written; `best` is the epoch that was kept, None where there was no epoch.

        `stopped` says why there were fewer epochs than planned.
        """
        about = f", kept epoch {best['epoch']:.0f}, validation {best['val_accuracy']:.1f} %" if best else ""
        self._say(f"done{about}{stopped and f', stopped early: {stopped}'}")

    def _say(self, text: str) -> None:
        if self._file is None:
            return
        try:
            opened = _open(self._file)
            try:
                os.write(opened, f"{self.name}: {text}\n".encode())  # whole, between the lines of other processes
            finally:
                os.close(opened)
        except OSError as error:
            log.warning("%s cannot be written: %s", self._file, error.strerror)


def _open(file: Path) -> int:
    inherited = re.fullmatch(r"/dev/fd/(\d+)", str(file))
    if inherited:
        # Opened by its name, a file would be written at a place of our own, and its other writer would write over it.
        return os.dup(int(inherited[1]))
    return os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
