"""Fine-tuning of the text encoder on the questions of the train split, without any video.

Multiple choice: a linear head scores the pooled state of each question joined with a candidate, cross-entropy over the
candidates. Open-ended: a linear head classifies the question's pooled state into the answer vocabulary.

Sizes: B questions of a batch, A candidates (or classes of the vocabulary).
"""

import json
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from base.errors import UserError
from base.formats.vocabulary import read_vocabulary
from base.jobs.announcements import Announcements
from base.jobs.device import calculates_bf16, device_name
from base.jobs.epochs import all_epochs
from base.jobs.progress import progress
from base.jobs.resume import History, Watched
from base.reading import sha256
from base.writing import naming, write_json
from extract.config import FineTuningSettings, TextSettings
from extract.text.encoder import load_encoder
from extract.text.joining import summary_token
from extract.text.learning_curve import write_curve
from extract.text.question_only import LabelledQuestions, QuestionOnly, accuracies, save_head
from extract.text.sequences import batches, pad

log = logging.getLogger(__name__)


def finetune(
    annotations: Path,
    text: TextSettings,
    out: Path,
    state: Path,
    device: str,
    name: str = "fine-tuning",
    announce: Path | None = None,
    stage: int = 0,
) -> dict[str, Any]:
    """Fine-tunes the encoder and writes it as a folder that transformers loads.

    Beside the encoder lie the head, `finetuning.json`, `learning_curve.csv` and `learning_curve.png`. The epoch with
    the best validation accuracy is kept. `state` is a folder for what is needed to go on after a kill; it lies outside
    `out` and is removed at the end. `name` is what this is called in its progress; `announce` is a file to which a line
    is appended after each epoch; a state of another `stage` (workflow/stages.yaml) is not gone on from. Returns what
    `finetuning.json` holds.
    """
    settings = text.finetuning
    torch.manual_seed(settings.seed)  # before the encoder: its pooler is drawn anew where the weights have none
    tokenizer, encoder = load_encoder(text.encoder)
    classes = read_vocabulary(annotations)
    train, left_out = _train_questions(annotations / "train.csv", tokenizer, text, classes)
    val = LabelledQuestions.read(annotations / "val.csv", tokenizer, text, classes)
    torch.manual_seed(settings.seed)
    model = QuestionOnly(encoder, len(classes) or 1, summary_token(tokenizer)).to(device)
    files = [sha256(annotations / name) for name in ("train.csv", "val.csv")]
    key = json.dumps([stage, text.model_dump(exclude={"layer"}), *files, classes], sort_keys=True)
    training = _Training(model, train, val, settings, name)
    with all_epochs(training, settings.epochs, state, key, Announcements(name, announce)) as trained:
        if trained.weights:
            model.load_state_dict(trained.weights)
        about = {
            "encoder": text.encoder,
            "settings": text.model_dump(),
            "device": device_name(device),
            "train_questions": len(train.answers),
            "train_questions_outside_vocabulary": left_out,
            "val_questions": len(val.answers),
            "history": [{name: value for name, value in row.items() if name != "losses"} for row in trained.history],
            "val_accuracy": trained.best["val_accuracy"] if trained.best else None,
            "epoch": trained.best["epoch"] if trained.best else 0,
        }
        _save(model, tokenizer, about, trained.history, out)
    return about


def _train_questions(
    path: Path, tokenizer: Any, text: TextSettings, classes: list[str]
) -> tuple[LabelledQuestions, int]:
    """The questions that are trained on, and how many are not because no class is theirs."""
    every = LabelledQuestions.read(path, tokenizer, text, classes, training=True)
    rows = [row for row, answer in enumerate(every.answers) if answer >= 0]
    left_out = len(every.answers) - len(rows)
    if not rows:
        raise UserError(f"{path}: no question has an answer in the vocabulary; keep more answers (`answers`)")
    few = text.finetuning.questions
    if few and few < len(rows):
        draw = torch.randperm(len(rows), generator=torch.Generator().manual_seed(text.finetuning.seed))
        rows = sorted(rows[i] for i in draw[:few].tolist())
    return every.take(rows), left_out


class _Training:
    """The steps and the check of the fine-tuning, for the loop over epochs; `name` stands in its progress."""

    def __init__(
        self,
        model: QuestionOnly,
        train: LabelledQuestions,
        val: LabelledQuestions,
        settings: FineTuningSettings,
        name: str,
    ) -> None:
        self.model, self.train, self.val, self.settings, self.name = model, train, val, settings, name
        self.device = next(model.parameters()).device
        self.amp = autocast_type(self.device, settings)
        self.steps_an_epoch = steps_an_epoch(len(train.answers), settings)
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate)
        self.schedule = warm_up_and_fall(self.optimizer, settings.epochs * self.steps_an_epoch, settings.warmup)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.amp is torch.float16)
        self.parts = {"optimizer": self.optimizer, "schedule": self.schedule, "scaler": self.scaler}

    def train_epoch(self, epoch: int, done: int) -> Iterator[dict[str, float]]:
        """What is left of an epoch."""
        self.model.train()
        seed = self.settings.seed * 1000 + epoch
        if done == 0:
            torch.manual_seed(seed)
        order = batches(self.train.questions, self.settings.batch, torch.Generator().manual_seed(seed))
        todo = order[done : self.steps_an_epoch]
        for rows in progress(todo, total=len(todo), label=f"{self.name}, epoch {epoch}", unit="step"):
            loss = self._step(rows)
            if not np.isfinite(loss):
                raise UserError(f"the loss is not finite in epoch {epoch}; lower text.finetuning.learning_rate")
            yield {"loss": loss}

    def check_epoch(self, epoch: int, watched: Watched) -> dict[str, Any]:
        """The mean and the course of the loss, and the accuracy on validation."""
        by_type = accuracies(self.model, self.val, self.settings.batch)
        loss, accuracy = float(np.mean(watched["loss"])), by_type.pop("all")
        log.info("epoch %d: loss %.4f, validation accuracy %.2f %% (question only)", epoch, loss, accuracy)
        row = {"epoch": epoch, "loss": loss, "val_accuracy": accuracy, "val_by_type": by_type}
        return row | {"losses": watched["loss"]}

    def _step(self, rows: list[int]) -> float:
        """One step on the questions `rows`, in parts; returns their mean loss."""
        self.optimizer.zero_grad()
        total = 0.0
        for part in parts_of(rows, self.settings.accumulation):
            answers = torch.tensor([self.train.answers[row] for row in part], device=self.device)
            with torch.autocast(self.device.type, self.amp, enabled=self.amp is not None):
                scores = self.model(pad(self.train.questions, part, self.device), self.train.questions.sequences)
            loss = F.cross_entropy(scores.float(), answers, reduction="sum") / len(rows)
            self.scaler.scale(loss).backward()
            total += loss.item()
        self.scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.schedule.step()
        return total


def warm_up_and_fall(optimizer: torch.optim.Optimizer, steps: int, warmup: float) -> torch.optim.lr_scheduler.LambdaLR:
    """The rate rises linearly over the share `warmup` of all steps, then falls linearly to zero.

    In transformers' linear schedule the first step has the rate 0 and teaches nothing; here the rise begins a step
    earlier, and the fall is the same.
    """
    warm = max(1, round(warmup * steps))
    return torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, max(0.0, (steps - step) / max(1, steps - warm)))
    )


def parts_of(rows: list[int], parts: int) -> Iterator[list[int]]:
    """A batch in at most so many parts of nearly the same size."""
    size = -(-len(rows) // parts)
    yield from (rows[i : i + size] for i in range(0, len(rows), size))


def autocast_type(device: torch.device, settings: FineTuningSettings) -> torch.dtype | None:
    """What a GPU calculates in: bfloat16, or float16 where it has no units for that; None for float32."""
    if device.type != "cuda" or not settings.mixed_precision:
        return None
    return torch.bfloat16 if calculates_bf16() else torch.float16


def steps_an_epoch(questions: int, settings: FineTuningSettings) -> int:
    """How many steps an epoch has."""
    every = -(-questions // settings.batch)
    return every if settings.steps is None else min(every, settings.steps)


def _save(model: QuestionOnly, tokenizer: Any, about: dict[str, Any], history: History, out: Path) -> None:
    """The folder appears whole: it is written beside its place and renamed."""
    temporary = out.with_name(f".{out.name}.partial")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        with naming(out):
            temporary.mkdir(parents=True)
            model.encoder.save_pretrained(temporary)  # type: ignore[operator]
            tokenizer.save_pretrained(temporary)
            save_head(model, temporary)
            write_json(temporary / "finetuning.json", about)
            write_curve(history, temporary)
        shutil.rmtree(out, ignore_errors=True)
        temporary.replace(out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
