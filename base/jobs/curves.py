"""The curves of a training for those who watch it while it runs: TensorBoard events, Weights & Biases.

They decide no number. Both are packages that are asked for by name, and imported where they are.
"""

import os
import uuid
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from base.errors import UserError
from base.jobs.resume import Watched

NOT_THERE = (
    "`training.logger` asks for {0}, whose package is not installed where trainings run: pip install 'eigv[{0}]', or "
    "leave {0} out of it"
)


class Curves:
    """Where the curves of one training go; a context that closes them. Part of its state, so that they go on."""

    def __init__(self, loggers: tuple[str, ...], folder: Path, name: str, settings: dict[str, Any]) -> None:
        """`UserError` for a logger whose package is not installed, or that nobody knows.

        Args:
            loggers: csv (nothing beside history.csv, which is always written), tensorboard, wandb.
            folder: what is written on disk goes into `tensorboard/<name>` and `wandb` in it.
            name: of the run.
            settings: of the run, as JSON values, to be shown beside the curves.
        """
        self.id = uuid.uuid4().hex
        """Of the run at Weights & Biases: the same after a kill."""
        self._opened = False
        self._sinks: list[_Sink] = []
        for logger in dict.fromkeys(loggers):
            if logger == "tensorboard":
                self._sinks.append(_TensorBoard(folder / "tensorboard" / name))
            elif logger == "wandb":
                self._sinks.append(_WeightsAndBiases(folder, name, settings))
            elif logger != "csv":
                raise UserError(f"{logger!r} is no logger: csv, tensorboard, wandb")

    def begin(self, step: int) -> None:
        """Training begins, or goes on, with step `step`, counted from 1 over all epochs."""
        if not self._opened:
            for sink in self._sinks:
                sink.open(step, self.id)
        self._opened = True

    def epoch(self, first: int, watched: Watched, row: dict[str, Any]) -> None:
        """An epoch is done: what was `watched` in its steps, of which `first` is the first, and its `row`."""
        steps = max(map(len, watched.values()), default=0)
        for sink in self._sinks:
            for number in range(steps):
                sink.log(first + number, {f"step/{name}": seen[number] for name, seen in watched.items()})
            numbers = {name: value for name, value in row.items() if isinstance(value, int | float)}
            sink.log(first + steps - 1, {f"epoch/{name}": value for name, value in numbers.items()})

    def state_dict(self) -> dict[str, Any]:
        """What goes on after a kill."""
        return {"id": self.id}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on with the curves that a state belongs to."""
        self.id = state["id"]

    def __enter__(self) -> "Curves":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._opened:
            for sink in self._sinks:
                sink.close(failed=error is not None)


class _Sink(Protocol):
    def open(self, step: int, identity: str) -> None: ...

    def log(self, step: int, values: dict[str, float]) -> None: ...

    def close(self, failed: bool) -> None: ...


class _TensorBoard:
    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise UserError(NOT_THERE.format("tensorboard")) from None
        self._folder, self._make = folder, SummaryWriter

    def open(self, step: int, identity: str) -> None:
        # What a killed or an earlier training has left behind this step is not shown any more.
        self._writer = self._make(str(self._folder), purge_step=step)

    def log(self, step: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def close(self, failed: bool) -> None:
        self._writer.close()


class _WeightsAndBiases:
    def __init__(self, folder: Path, name: str, settings: dict[str, Any]) -> None:
        try:
            import wandb
        except ImportError:
            raise UserError(NOT_THERE.format("wandb")) from None
        if not hasattr(wandb, "init"):  # the folder `wandb` that it leaves where it was called
            raise UserError(NOT_THERE.format("wandb"))
        self._wandb, self._folder, self._name, self._settings = wandb, folder, name, settings

    def open(self, step: int, identity: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            self._run = self._wandb.init(
                project=os.environ.get("WANDB_PROJECT", "eigv"),
                name=os.environ.get("WANDB_NAME", self._name),
                dir=str(self._folder),
                id=identity,
                resume="allow",
                config=self._settings,
            )
        except self._wandb.Error as error:
            raise UserError(
                f"Weights & Biases: {error}; `wandb login` first, or WANDB_MODE=offline in the environment"
            ) from None

    def log(self, step: int, values: dict[str, float]) -> None:
        self._run.log(values, step=step)

    def close(self, failed: bool) -> None:
        self._run.finish(exit_code=int(failed))
