"""A loss or a gradient that is not finite: noticed without waiting for the device, and left in a file to look at."""

from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from base.errors import UserError
from base.writing import atomic_path
from eigv.method.draws import Draws

FILE = "not_finite.pt"
LOOK_EVERY = 50
"""Steps between two looks at a device that calculates on while the processor goes ahead."""
NAMED = 5
"""Questions and parameters that a message names; the file has all."""


@dataclass
class _Step:
    """A step that may turn out bad, and what there was before it."""

    epoch: int
    number: int
    qids: list[str]
    draws: dict[str, Tensor]
    generators: dict[str, Tensor | None]
    buffers: dict[str, Tensor]
    measured: dict[str, Tensor] | None = None


class Finite:
    """Looks at the loss and the gradient of every step; the first that is not finite ends the training.

    On a CPU at once. A GPU is asked every `LOOK_EVERY` steps only: it leaves out a bad step and all after it by itself,
    so that the weights are those before the bad step all the same.
    """

    def __init__(
        self, model: nn.Module, optimizer: Optimizer, draws: Draws, described: dict[str, Any], folder: Path | None
    ) -> None:
        """Of a training that `described` (settings and widths) tells how to build; the file is written into `folder`.

        `optimizer` must be a fused one where the device is not to be asked at every step.
        """
        self.model, self.optimizer, self.draws = model, optimizer, draws
        self.described, self.folder = described, folder
        self.device = next(model.parameters()).device
        self.every = LOOK_EVERY if optimizer.defaults.get("fused") and self.device.type == "cuda" else 1
        self.loss = float("nan")
        """Of the last step that was looked at."""
        self._bad = torch.zeros((), device=self.device)
        self._steps: deque[_Step] = deque()

    def begin(self, epoch: int, number: int, qids: list[str]) -> None:
        """Step `number` of an epoch is about to be made from these questions."""
        cuda = torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None
        buffers = {name: value.clone() for name, value in self.model.named_buffers()}
        generators = {"cpu": torch.get_rng_state(), "cuda": cuda}
        self._steps.append(_Step(epoch, number, qids, self.draws.state_dict(), generators, buffers))

    def judge(self, measured: dict[str, Tensor]) -> None:
        """Looks at what was measured of the step, before the optimiser makes it; `UserError` for a bad one.

        `measured` has at least `loss` and `gradient_norm`. What is found too late is a step that was not made.
        """
        self._steps[-1].measured = measured
        if self.every > 1:
            bad = ~torch.isfinite(measured["loss"] + measured["gradient_norm"])
            self._bad = torch.maximum(self._bad, bad.float())
            self.optimizer.found_inf = self._bad  # type: ignore[attr-defined]  # what gradient scalers tell it
        if len(self._steps) >= self.every:
            self.look()

    def look(self) -> None:
        """Looks at the steps that were not looked at yet; `UserError` for the first bad one."""
        judged = [step for step in self._steps if step.measured is not None]
        if not judged:
            return
        names = ("loss", "gradient_norm")
        values = torch.stack([step.measured[name].double() for step in judged for name in names if step.measured])
        for step, (loss, norm) in zip(judged, values.view(-1, 2).tolist(), strict=True):
            if not (abs(loss) < float("inf") and abs(norm) < float("inf")):
                self._stop(step, last=step is self._steps[-1])
            self.loss = loss
        self._steps.clear()

    def state_dict(self) -> dict[str, Any]:
        """Nothing; but no state of a training is saved that lies behind a bad step."""
        self.look()
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to go on from."""

    def _stop(self, step: _Step, last: bool) -> NoReturn:
        """`last`: the gradients that are there are those of the step."""
        assert step.measured is not None
        measured = {name: float(value) for name, value in step.measured.items()}
        bad = [
            name
            for name, parameter in self.model.named_parameters()
            if last and parameter.grad is not None and not parameter.grad.isfinite().all()
        ]
        state = {
            **self.described,
            "epoch": step.epoch,
            "step": step.number,
            "qids": step.qids,
            "measured": measured,
            "gradients_not_finite": bad,
            "model": {n: step.buffers.get(n, value).cpu() for n, value in self.model.state_dict().items()},
            "optimizer": self.optimizer.state_dict(),
            "draws": step.draws,
            "generators": step.generators,
        }
        said = ", ".join(f"{name} {value:.4g}" for name, value in measured.items() if "loss" in name or "norm" in name)
        where = f" (of {_few(bad)})" if bad else ""
        text = (
            f"not finite in epoch {step.epoch}, step {step.number}: {said}{where}; questions of the step: "
            f"{_few(step.qids)}. The same command would come to the same step: look at the features of these "
            "questions, lower `training.learning_rate`, or set `training.clip_norm` or `training.warmup_steps`"
        )
        if self.folder is not None:
            path = self.folder / FILE
            with atomic_path(path) as temporary, temporary.open("wb") as file:
                torch.save(state, file)
            text += f". The weights before the step, its questions and generators: torch.load({str(path)!r})"
        raise UserError(text)


def _few(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
