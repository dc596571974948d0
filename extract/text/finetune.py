"""Fine-tuning of the text encoder on the questions of the train split, without any video.

Multiple choice: a linear head scores the pooled state of each [CLS] question [SEP] candidate [SEP], cross-entropy over
the candidates. Open-ended: a linear head classifies the question's pooled state into the answer vocabulary.

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

from base import resume
from base.announcements import Announcements
from base.errors import UserError
from base.files import exclusive, naming, read_json, sha256, write_json
from base.progress import progress
from extract.config import FineTuning, Text
from extract.text.encoder import load_encoder
from extract.text.learning_curve import write_curve
from extract.text.question_only import LabelledQuestions, QuestionOnly, accuracies, save_head
from extract.text.sequences import batches, pad

log = logging.getLogger(__name__)


def finetune(
    annotations: Path,
    text: Text,
    out: Path,
    state: Path,
    device: str,
    name: str = "fine-tuning",
    announce: Path | None = None,
) -> dict[str, Any]:
    """Fine-tunes the encoder and writes it as a folder that transformers loads.

    Beside the encoder lie the head, `finetuning.json`, `learning_curve.csv` and `learning_curve.png`. The epoch with
    the best validation accuracy is kept. `state` is a folder for what is needed to go on after a kill; it lies outside
    `out` and is removed at the end. `name` is what this is called in its progress; `announce` is a file to which a line
    is appended after each epoch. Returns what `finetuning.json` holds.
    """
    announcements = Announcements(name, announce)
    settings = text.finetuning
    torch.manual_seed(settings.seed)  # before the encoder: its pooler is drawn anew where the weights have none
    tokenizer, encoder = load_encoder(text.encoder)
    classes: list[str] = read_json(annotations / "answers.json", "the answer vocabulary")
    train, left_out = _train_questions(annotations / "train.csv", tokenizer, text, classes)
    val = LabelledQuestions.read(annotations / "val.csv", tokenizer, text, classes)
    torch.manual_seed(settings.seed)
    model = QuestionOnly(encoder, len(classes) or 1).to(device)
    files = [sha256(annotations / name) for name in ("train.csv", "val.csv", "answers.json")]
    key = json.dumps([text.model_dump(), *files], sort_keys=True)
    with exclusive(state / "lock"):
        training = _Training(model, train, val, settings, state / "last.pt", key, announcements)
        history = training.run()
        best = max(history, key=lambda row: row["val_accuracy"]) if history else None
        about = {
            "encoder": text.encoder,
            "settings": text.model_dump(),
            "train_questions": len(train.answers),
            "train_questions_outside_vocabulary": left_out,
            "val_questions": len(val.answers),
            "history": [{name: value for name, value in row.items() if name != "losses"} for row in history],
            "val_accuracy": best["val_accuracy"] if best else None,
            "epoch": best["epoch"] if best else 0,
        }
        _save(model, tokenizer, about, history, out)
        shutil.rmtree(state)
    announcements.end(best)
    return about


def _train_questions(path: Path, tokenizer: Any, text: Text, classes: list[str]) -> tuple[LabelledQuestions, int]:
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
    """The loop over epochs and steps, which goes on from a saved state of the same settings and questions."""

    def __init__(
        self,
        model: QuestionOnly,
        train: LabelledQuestions,
        val: LabelledQuestions,
        settings: FineTuning,
        file: Path,
        key: str,
        announcements: Announcements,
    ) -> None:
        self.model, self.train, self.val, self.settings = model, train, val, settings
        self.announcements = announcements
        self.device = next(model.parameters()).device
        self.amp = autocast_type(self.device, settings)
        self.steps_an_epoch = steps_an_epoch(len(train.answers), settings)
        steps = settings.epochs * self.steps_an_epoch
        warm = max(1, round(settings.warmup * steps))
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda step: min((step + 1) / warm, max(0.0, (steps - step) / max(1, steps - warm)))
        )
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.amp is torch.float16)
        parts = {name: getattr(self, name) for name in ("model", "optimizer", "schedule", "scaler")}
        self.state = resume.State(file, key, parts)

    def run(self) -> resume.History:
        """Trains; the model ends with the weights of the best epoch."""
        state = self.state
        self.announcements.begin(self.settings.epochs, state.position)
        with state.saved_on_sigterm():
            for epoch in range(state.position.epoch, self.settings.epochs + 1):
                losses = self._epoch(epoch)
                by_type = accuracies(self.model, self.val, self.settings.batch)
                accuracy = by_type.pop("all")
                row = {"epoch": epoch, "loss": float(np.mean(losses)), "val_accuracy": accuracy, "val_by_type": by_type}
                row["losses"] = losses
                log.info(
                    "epoch %d: loss %.4f, validation accuracy %.2f %% (question only)", epoch, row["loss"], accuracy
                )
                state.epoch_done(row, self.model)
                self.announcements.epoch(state.history)
        if state.best:
            self.model.load_state_dict(state.best)
        return state.history

    def _epoch(self, epoch: int) -> list[float]:
        """What is left of an epoch; returns the loss of each of its steps."""
        self.model.train()
        done, seed = self.state.position.step, self.settings.seed * 1000 + epoch
        # Everything random in an epoch follows from its number, so a resumed run equals an uninterrupted one.
        if done == 0:
            torch.manual_seed(seed)
        order = batches(self.train.questions, self.settings.batch, torch.Generator().manual_seed(seed))
        todo = order[done : self.steps_an_epoch]
        for rows in progress(todo, total=len(todo), label=f"{self.announcements.name}, epoch {epoch}", unit="step"):
            loss = self._step(rows)
            if not np.isfinite(loss):
                raise UserError(f"the loss is not finite in epoch {epoch}; lower text.finetuning.learning_rate")
            self.state.step_done({"loss": loss})
        return self.state.position.watched["loss"]

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


def parts_of(rows: list[int], parts: int) -> Iterator[list[int]]:
    """A batch in at most so many parts of nearly the same size."""
    size = -(-len(rows) // parts)
    yield from (rows[i : i + size] for i in range(0, len(rows), size))


def autocast_type(device: torch.device, settings: FineTuning) -> torch.dtype | None:
    """What a GPU calculates in: bfloat16, or float16 where it has none; None for float32."""
    if device.type != "cuda" or not settings.mixed_precision:
        return None
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16


def steps_an_epoch(questions: int, settings: FineTuning) -> int:
    """How many steps an epoch has."""
    every = -(-questions // settings.batch)
    return every if settings.steps is None else min(every, settings.steps)


def _save(model: QuestionOnly, tokenizer: Any, about: dict[str, Any], history: resume.History, out: Path) -> None:
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
