"""An indicator learns which clips a finished model needs: the steps of an epoch, and the check after it."""

import logging
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from base.jobs.adam import Adam
from base.jobs.interruption import stop_if_asked
from base.jobs.resume import Watched
from eigv.config.run import RunSettings
from eigv.method.batch import Batch
from eigv.method.draws import Draws
from eigv.method.faithful import Selection, select, weights_of
from eigv.method.model import VideoQA
from eigv.runs import precision
from eigv.runs.data import Split
from eigv.runs.device.compiling import compile_parts
from eigv.runs.device.placement import ahead
from eigv.runs.learning import monitors, optimisation

log = logging.getLogger(__name__)


class IndicatorTraining:
    """The steps and the check of an indicator, for the loop over epochs."""

    def __init__(
        self, model: VideoQA, settings: RunSettings, train_split: Split, val_split: Split, device: str
    ) -> None:
        self.model, self.settings, self.device = model, settings, device
        self.train_split, self.val_split = train_split, val_split
        self.numbers = precision.to_train_in(settings.training.precision, device)
        precision.prepare(model, self.numbers, device)
        if settings.training.compile:
            compile_parts(model, device)
        model.requires_grad_(False)
        model.grounding.requires_grad_(True)
        self.optimizer = Adam(model.grounding.parameters(), settings.eigv.faithful.learning_rate)
        self.draws = Draws(settings.seed, device)
        self.parts = {"optimizer": self.optimizer, "draws": self.draws}
        self.readers = [model]
        self.part = np.zeros(len(train_split), dtype=np.int64)  # of each train question, the reader that answers it
        self.weights: Tensor | None = None
        self.val_weights: Tensor | None = None

    def be_answered_by(self, readers: list[VideoQA], part: NDArray[np.int64]) -> None:
        """The train questions of each part are answered by the reader that was trained without it, those of val by the
        first; they count by `weights_of` these answers."""
        self.readers, self.part = readers, part
        for reader in readers:
            precision.prepare(reader, self.numbers, self.device)
        self.weights = torch.empty(len(part))
        for number, reader in enumerate(readers):
            rows = np.flatnonzero(part == number)
            self.weights[torch.from_numpy(rows)] = self._weights(reader, self.train_split, rows)
        of_val = self._weights(readers[0], self.val_split, np.arange(len(self.val_split)))
        self.val_weights = of_val / of_val.mean()

    @torch.no_grad()
    def _weights(self, reader: VideoQA, split: Split, rows: NDArray[np.int64]) -> Tensor:
        """(n,) of the questions `rows`, on the CPU."""
        found = []
        for batch in split.batches(self.settings.training.batch, torch.from_numpy(rows)):
            there = batch.to(self.device)
            with precision.calculating(self.numbers, self.device):
                logits = reader.predict(there).logits.float()
            found.append(weights_of(logits, there.answer.clamp_min(0)).cpu())
        return torch.cat(found)

    def _select(self, batch: Batch, rows: NDArray[np.int64]) -> Iterator[tuple[float, Selection]]:
        """What is chosen in the train questions `rows`, reader by reader, with each one's share of them."""
        for number, reader in enumerate(self.readers):
            mine = np.flatnonzero(self.part[rows] == number)
            if len(mine):
                its = batch if len(mine) == len(rows) else self.train_split.batch(rows[mine]).to(self.device)
                with precision.calculating(self.numbers, self.device):
                    found = select(self.model, its, self.settings.eigv.faithful, self.draws, reader)
                yield len(mine) / len(rows), found

    def train_epoch(self, epoch: int, done: int) -> Iterator[dict[str, Tensor]]:
        """What is left of one pass over the train split. The model answers as it does in evaluation."""
        how = self.settings.training
        order = optimisation.begin_epoch(self.settings, self.draws, len(self.train_split), epoch, done)
        if self.weights is not None:
            seeded = torch.Generator().manual_seed(self.settings.seed * 1_000_003 + epoch)
            order = torch.multinomial(self.weights, len(order), replacement=True, generator=seeded)
        order = order[done * how.batch :]
        self.model.eval()
        batches = self.train_split.batches(how.batch, order)
        sent = ahead((batch.to(self.device) for batch in batches), self.device)
        for batch, rows in zip(sent, order.split(how.batch), strict=True):
            self.optimizer.zero_grad(set_to_none=True)
            mean: dict[str, Tensor] = {}
            for share, found in self._select(batch, rows.numpy()):
                (found.loss * share if share < 1 else found.loss).backward()
                watched = {"loss": found.loss, "train_accuracy": 100 * found.from_scene.float().mean()}
                watched |= monitors.selection(found.scene)
                for name, value in watched.items():
                    part = value.detach() * share if share < 1 else value.detach()
                    mean[name] = mean[name] + part if name in mean else part
            self.optimizer.step()
            yield mean

    @torch.no_grad()
    def check_epoch(self, epoch: int, watched: Watched) -> dict[str, float]:
        """The means of what is watched, and of validation without noise: the objective and what is answered from the
        chosen clips, from the others, and from all."""
        row = {"epoch": float(epoch)} | {name: float(np.mean(seen)) for name, seen in watched.items()}
        losses, shares, seen = [], [], 0
        right = {"val_accuracy": 0, "val_from_scene": 0, "val_from_environment": 0}
        effects: list[float] = []
        batches = self.val_split.batches(self.settings.training.batch)
        for there in ahead((batch.to(self.device) for batch in batches), self.device):
            known = replace(there, answer=there.answer.clamp_min(0))  # an answer outside the vocabulary is wrong below
            with precision.calculating(self.numbers, self.device):
                prediction = self.model.predict(there)
                found = select(self.model, known, self.settings.eigv.faithful)
                judged = found
                if self.val_weights is not None:
                    judged = select(self.model, known, self.settings.eigv.faithful, reader=self.readers[0])
            of_each = judged.of_each
            if self.val_weights is not None:
                of_each = of_each * self.val_weights[seen : seen + there.size].to(of_each)
            seen += there.size
            losses.append(float(of_each.mean()) * there.size)
            shares.append(float(found.scene.causal.mean()) * there.size)
            answers = {
                "val_accuracy": prediction.logits.argmax(dim=1) == there.answer,
                "val_from_scene": found.from_scene & (there.answer >= 0),
                "val_from_environment": found.from_environment & (there.answer >= 0),
            }
            for name, correct in answers.items():
                right[name] += int(correct.sum())
            effects += monitors.question_effects(prediction)
            stop_if_asked()
        count = len(self.val_split)
        row |= {name: 100.0 * number / count for name, number in right.items()}
        row |= {"causal_share": sum(shares) / count, "val_score": -sum(losses) / count}
        if effects:
            row["question_effect"] = float(np.mean(effects))
        log.info("%s", ", ".join(f"{name} {value:.4g}" for name, value in row.items()))
        return row
