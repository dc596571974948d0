"""A model learns: the steps of an epoch, and the check after it."""

import logging
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from base.jobs.curves import Curves
from base.jobs.interruption import stop_if_asked
from base.jobs.progress import progress
from base.jobs.resume import Watched
from eigv.config.methods import method as method_of
from eigv.method.batch import Batch
from eigv.method.draws import Draws
from eigv.method.memory_bank import MemoryBank
from eigv.method.step import Losses
from eigv.runs import precision
from eigv.runs.answering import Answering
from eigv.runs.data import Split
from eigv.runs.device.compiling import compile_parts
from eigv.runs.device.placement import ahead
from eigv.runs.exclusions import Exclusions
from eigv.runs.learning import monitors, optimisation
from eigv.runs.learning.not_finite import Finite
from eigv.runs.model_files import ModelCard

log = logging.getLogger(__name__)


class ModelTraining:
    """The steps and the check of one run, for the loop over epochs.

    A progress line within epochs needs a `name`; what is left of a step that is not finite, the folder `state`.
    """

    def __init__(
        self,
        card: ModelCard,
        train_split: Split,
        val_split: Split,
        device: str,
        name: str = "",
        state: Path | None = None,
        curves: Curves | None = None,
        guide: dict[str, Tensor] | None = None,
    ) -> None:
        self.settings, self.device, self.name, self.curves = card.settings, device, name, curves
        self.train_split, self.val_split = train_split, val_split
        self.method = method_of(self.settings.method)
        self.model = card.build().to(device)
        if self.model.guide is not None:
            self.model.guide.load_state_dict(guide or {})
        how = self.settings.training
        self.numbers = precision.to_train_in(how.precision, device)
        precision.prepare(self.model, self.numbers, device)
        if how.compile:
            compile_parts(self.model, device)
        self.optimizer = optimisation.optimizer_of(self.model, how)
        self.schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
            self.optimizer, "max", factor=how.decay_factor, patience=how.decay_at - 1
        )
        self.draws = Draws(self.settings.seed, device)
        self.finite = Finite(self.model, self.optimizer, self.draws, card.described(), state)
        self.parts: dict[str, Any] = {
            "finite": self.finite,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "draws": self.draws,
        }
        if curves is not None:
            self.parts["curves"] = curves
        per_epoch = min(len(train_split), how.questions or len(train_split))
        self.steps_an_epoch = -(-per_epoch // (how.batch * how.accumulate))
        self.bank: MemoryBank | None = None
        self.excluded: Exclusions | None = None
        if self.method.reads_bank:
            eigv = self.settings.eigv
            rows, self.excluded = train_split.bank((eigv.igv if self.method.branches else eigv.disruptor).exclude)
            self.bank = MemoryBank(train_split.videos.features, rows)

    def train_epoch(self, epoch: int, done: int) -> Iterator[dict[str, Tensor]]:
        """What is left of one pass over the train split."""
        how = self.settings.training
        order = optimisation.begin_epoch(self.settings, self.draws, len(self.train_split), epoch, done)
        self.model.train()
        before = (epoch - 1) * self.steps_an_epoch
        if self.curves is not None:
            self.curves.begin(before + done + 1)
        batches = self.train_split.batches(how.batch, order[done * how.accumulate * how.batch :], self.excluded)
        sent = ahead((batch.to(self.device) for batch in batches), self.device)
        for step, together in enumerate(self._shown(_groups(sent, how.accumulate), epoch, done), done + 1):
            self.finite.begin(epoch, step, [qid for batch in together for qid in batch.qids])
            measured = self._learn(together)
            norm = measured["gradient_norm"] = optimisation.gradient_norm(self.model.parameters())
            self.finite.judge(measured)
            optimisation.update(self.optimizer, norm, how, before + step)
            yield measured
        self.finite.look()

    def _shown(self, steps: Iterator[list[Batch]], epoch: int, done: int) -> Iterator[list[Batch]]:
        """The steps with a line that says how far the epoch is, unless the training has no name."""
        if not self.name:
            return steps
        return progress(
            steps,
            total=self.steps_an_epoch,
            label=f"{self.name}, epoch {epoch}",
            unit="step",
            done=done,
            about=lambda: f"loss {self.finite.loss:.4g}",
        )

    def _learn(self, batches: list[Batch]) -> dict[str, Tensor]:
        """Leaves the gradient of the mean loss over all questions of `batches`; returns what is watched, likewise."""
        self.optimizer.zero_grad(set_to_none=True)
        questions = sum(batch.size for batch in batches)
        mean: dict[str, Tensor] = {}
        for batch in batches:
            with precision.calculating(self.numbers, self.device):
                losses = self.model.training_step(batch, self.method, self.draws, self.bank, self.settings.eigv)
            share = batch.size / questions  # 1 of a batch alone
            (losses.total * share if share < 1 else losses.total).backward()
            for name, value in _measured(losses).items():
                mean[name] = mean[name] + value * share if name in mean else value * share
        return mean

    def check_epoch(self, epoch: int, watched: Watched) -> dict[str, float]:
        """The means of what is watched, and what the model gives without mixing, noise and dropout.

        The latter on validation, and on `training.checked_questions` of train.
        """
        row = {"epoch": float(epoch)} | {name: float(np.mean(seen)) for name, seen in watched.items()}
        val, effects = self._accuracy(self.val_split, len(self.val_split))
        count = min(len(self.train_split), len(self.val_split), self.settings.training.checked_questions)
        clean, _ = self._accuracy(self.train_split, count)
        row |= {"clean_accuracy": clean, "val_accuracy": val}
        if self.method.grounds and effects:
            row["question_effect"] = float(np.mean(effects))
        last = epoch * self.steps_an_epoch
        row["learning_rate"] = self.optimizer.param_groups[0]["lr"] * optimisation.warmth(self.settings.training, last)
        self.schedule.step(val)
        if self.curves is not None:
            self.curves.epoch(last - self.steps_an_epoch + 1, watched, row)
        log.info("%s", ", ".join(f"{name} {value:.4g}" for name, value in row.items()))
        return row

    def _accuracy(self, split: Split, count: int) -> tuple[float, list[float]]:
        """Percentage of `count` questions of a split answered right as the method trains it; `question_effects`."""
        self.model.eval()
        right, effects = 0, []
        questions = np.linspace(0, len(split), count, endpoint=False).astype(np.int64)
        from_ = self.method.answers_from
        answering = Answering(self.model, self.settings.training.batch, self.device, self.numbers, from_)
        for rows, prediction in answering.of(split, questions):
            right += int((prediction.logits.argmax(dim=1).cpu().numpy() == split.answers[rows]).sum())
            effects += monitors.question_effects(prediction)
            stop_if_asked()
        return 100.0 * right / count, effects


def _groups(batches: Iterable[Batch], size: int) -> Iterator[list[Batch]]:
    """Up to `size` batches at a time."""
    left = iter(batches)
    while group := list(islice(left, size)):
        yield group


def _measured(losses: Losses) -> dict[str, Tensor]:
    """What is watched of the losses of one batch, on its device."""
    values = {
        "loss": losses.total,
        "answer_loss": losses.answer,
        "contrastive_loss": losses.contrastive,
        **losses.others,
        "train_accuracy": 100 * losses.accuracy,
    }
    if losses.scene is not None:
        values |= monitors.selection(losses.scene)
    return {name: value.detach() for name, value in values.items() if value is not None}
