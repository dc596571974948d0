"""Runs on `tests.eigv.numbered` whose steps are real, and whose answers are right as often as a test says."""

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors import torch as safetensors
from torch import Tensor

from eigv.config.run import RunSettings
from eigv.method.batch import Batch
from eigv.method.model import VideoQA
from eigv.runs.model_files import ModelCard
from eigv.runs.training import train
from tests.eigv import numbered

STEPS = 3
"""Steps of an epoch: 20 questions, 8 at once."""
FIRST = {"train": 0, "val": 20, "test": 32}
"""The number of the first question of each split."""
CHECKED = [0, 1, 3, 5, 6, 8, 10, 11, 13, 15, 16, 18]
"""The questions of train that are answered after each epoch: as many as validation has, spread over the 20."""
STEP, PREDICT = VideoQA.training_step, VideoQA.predict


def trainer(folder: Path) -> Callable[..., tuple[ModelCard, pd.DataFrame, dict[str, Tensor]]]:
    """What trains, on data of `tests.eigv.numbered`, by the settings and under the name that it is given, and returns
    the card, the history and the weights that are kept."""
    data = numbered.write(folder)

    def trained(run_settings: RunSettings, name: str = "run") -> tuple[ModelCard, pd.DataFrame, dict[str, Tensor]]:
        out = folder / name
        card = train(run_settings, **data, out=out, state=folder / f"state of {name}", device="cpu")
        return card, pd.read_csv(out / "history.csv"), safetensors.load_file(out / "model.safetensors")

    return trained


def settings(method: str = "erm", seed: int = 0, dropout: float = 0.0, **training: Any) -> RunSettings:
    hga = {"hidden": 4, "words": 4, "dropout": dropout, "fusion": {"width": 8, "chunks": 2, "rank": 1}}
    return RunSettings.model_validate(
        {
            "backbone": "hga",
            "features": "app+mot",
            "method": method,
            "seed": seed,
            "backbones": {"hga": hga},
            "training": {"batch": 8, "learning_rate": 0.01} | training,
        }
    )


@dataclasses.dataclass
class Step:
    """What a step was given."""

    epoch: int
    batch: Batch
    bank: Any
    draws: Tensor
    """The state of the generator."""
    training: bool


class Scripted:
    """Patches a model: notes its steps, and answers the first questions of a split right, so many in each epoch.

    `right` has those numbers by split, an entry an epoch; `measured` the accuracy of the steps of each epoch. From the
    causal scene one question fewer is answered right. Without `right` the model answers for itself.
    """

    def __init__(self, monkeypatch, right: dict[str, list[int]] | None = None, measured: list[float] | None = None):
        self.right, self.measured = right, measured
        self.steps: list[Step] = []
        self.asked: list[tuple[int, list[str]]] = []
        """The epoch and the questions of every prediction."""
        self.begun_with: VideoQA | None = None
        self.weights: dict[int, dict[str, Tensor]] = {}
        """After the last step of each epoch."""
        monkeypatch.setattr(VideoQA, "training_step", lambda model, *given: self._step(model, *given))
        monkeypatch.setattr(VideoQA, "predict", lambda model, *given, **named: self._predict(model, *given, **named))

    @property
    def epoch(self) -> int:
        return -(-len(self.steps) // STEPS)

    def questions(self, epoch: int) -> list[str]:
        """Of all steps of an epoch, in their order."""
        return [qid for step in self.steps if step.epoch == epoch for qid in step.batch.qids]

    def _step(self, model, batch, method, draws, bank, settings):
        if self.begun_with is None:
            self.begun_with = copy.deepcopy(model)
        self.steps.append(Step(0, batch, bank, draws.generator.get_state(), model.training))
        self.steps[-1].epoch = self.epoch
        losses = STEP(model, batch, method, draws, bank, settings)
        if self.measured is None:
            return losses
        return dataclasses.replace(losses, accuracy=torch.tensor(self.measured[self.epoch - 1]))

    def _predict(self, model, batch, from_="video", clips=None, both=False):
        assert not model.training
        self.asked.append((self.epoch, batch.qids))
        self.weights.setdefault(self.epoch, {name: value.clone() for name, value in model.state_dict().items()})
        found = PREDICT(model, batch, from_, clips, both)
        assert not found.logits.requires_grad
        if self.right is None:
            return found
        other = None if found.other is None else self._script(batch, found.other, from_ == "video")
        return dataclasses.replace(found, logits=self._script(batch, found.logits, from_ != "video"), other=other)

    def _script(self, batch: Batch, logits: Tensor, causal: bool) -> Tensor:
        scripted = torch.zeros_like(logits)
        for row, qid in enumerate(batch.qids):
            number = int(qid[1:])
            split = max((name for name in FIRST if FIRST[name] <= number), key=FIRST.__getitem__)
            rank = CHECKED.index(number) if split == "train" else number - FIRST[split]
            answer = numbered.answer_of(number, batch.multiple_choice)
            scripted[row, answer if rank < self.right[split][self.epoch - 1] - causal else answer - 1] = 9.0
        return scripted
