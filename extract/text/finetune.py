"""Fine-tuning of the text encoder on the questions of the train split, without any video.

Multiple choice: a linear head scores the pooled state of each [CLS] question [SEP] candidate [SEP], cross-entropy over
the candidates. Open-ended: a linear head classifies the question's pooled state into the answer vocabulary.

Sizes: B questions of a batch, A candidates (or answers of the vocabulary), D width of the encoder.
"""

import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from extract import resume
from extract.config import FineTuning, Text
from extract.errors import UserError
from extract.files import exclusive, read_json, write_json
from extract.progress import progress
from extract.text.encoder import load_encoder
from extract.text.sequences import Questions, batches, pad, read_questions

log = logging.getLogger(__name__)


class QuestionOnly(nn.Module):
    """The encoder and a linear head on its pooled state: a VideoQA model that never sees the video."""

    def __init__(self, encoder: nn.Module, outputs: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(encoder.config.hidden_size, outputs)  # type: ignore[union-attr, arg-type]
        self.outputs = outputs

    def forward(self, inputs: dict[str, Tensor], sequences: int) -> Tensor:
        """Scores (B, A) of each candidate or each answer."""
        states = self.encoder(**inputs)
        pooled = states.pooler_output if states.pooler_output is not None else states.last_hidden_state[:, 0]
        return self.head(pooled).view(-1, sequences * self.outputs)


@dataclass(frozen=True)
class Split:
    """The questions of a split and the number of each right answer; -1 outside the vocabulary."""

    questions: Questions
    answers: list[int]


def finetune(annotations: Path, text: Text, out: Path, state: Path, device: str) -> dict[str, Any]:
    """Fine-tunes the encoder and writes it as a folder that transformers loads, with `finetuning.json` in it.

    The epoch with the best validation accuracy is kept. `state` is a folder for what is needed to go on after a kill;
    it lies outside `out` and is removed at the end. Returns what `finetuning.json` holds.
    """
    tokenizer, encoder = load_encoder(text.encoder)
    vocabulary: list[str] = read_json(annotations / "answers.json", "the answer vocabulary")
    train = _read(annotations / "train.csv", tokenizer, text, vocabulary)
    val = _read(annotations / "val.csv", tokenizer, text, vocabulary)
    settings = text.finetuning
    torch.manual_seed(settings.seed)
    model = QuestionOnly(encoder, len(vocabulary) or 1).to(device)
    with exclusive(state / "lock"):
        history = _run_epochs(model, train, val, settings, state / "last.pt", text)
        best = max(history, key=lambda row: row["val_accuracy"]) if history else None
        about = {
            "encoder": text.encoder,
            "settings": settings.model_dump(),
            "history": history,
            "val_accuracy": best["val_accuracy"] if best else None,
            "epoch": best["epoch"] if best else 0,
        }
        _save(model, tokenizer, about, out)
        shutil.rmtree(state)
    return about


def _read(path: Path, tokenizer: Any, text: Text, vocabulary: list[str]) -> Split:
    questions = read_questions(path, tokenizer, text.length)
    if questions.sequences > 1:
        return Split(questions, questions.table["answer"].astype(int).tolist())
    number = {answer: i for i, answer in enumerate(vocabulary)}
    return Split(questions, [number.get(answer, -1) for answer in questions.table["answer"]])


def _run_epochs(
    model: QuestionOnly, train: Split, val: Split, settings: FineTuning, state: Path, text: Text
) -> list[dict[str, float]]:
    """Trains and leaves the best epoch's weights in the model. Goes on from `state` if that is of these settings."""
    steps = settings.epochs * steps_an_epoch(len(train.questions), settings)
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate)
    warm = max(1, round(settings.warmup * steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, max(0.0, (steps - step) / max(1, steps - warm)))
    )
    key = json.dumps([text.model_dump(), len(train.questions), len(val.questions)], sort_keys=True)
    parts = {"model": model, "optimizer": optimizer, "schedule": schedule}
    history, best = resume.restore(state, key, parts)
    if history:
        log.info("going on after epoch %d", len(history))
    for epoch in range(len(history) + 1, settings.epochs + 1):
        # Everything random in an epoch follows from its number, so a resumed run equals an uninterrupted one.
        torch.manual_seed(settings.seed * 1000 + epoch)
        loss = _train_epoch(model, train, settings, optimizer, schedule, epoch)
        accuracy = accuracy_of(model, val, settings.batch)
        history.append({"epoch": epoch, "loss": loss, "val_accuracy": accuracy})
        log.info("epoch %d: loss %.4f, validation accuracy %.2f %% (question only)", epoch, loss, accuracy)
        if accuracy >= max(row["val_accuracy"] for row in history):
            best = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
        resume.save(state, key, parts, history, best)
    if best:
        model.load_state_dict(best)
    return history


def steps_an_epoch(questions: int, settings: FineTuning) -> int:
    """How many steps an epoch has."""
    every = -(-questions // settings.batch)
    return every if settings.steps is None else min(every, settings.steps)


def _train_epoch(
    model: QuestionOnly,
    train: Split,
    settings: FineTuning,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    epoch: int,
) -> float:
    model.train()
    device = next(model.parameters()).device
    order = torch.Generator().manual_seed(settings.seed * 1000 + epoch)
    losses: list[float] = []
    todo = list(batches(train.questions, settings.batch, order))[: steps_an_epoch(len(train.questions), settings)]
    for rows in progress(todo, total=len(todo), label=f"fine-tuning, epoch {epoch}", unit="step"):
        answers = torch.tensor([train.answers[row] for row in rows], device=device)
        if bool((answers < 0).all()):
            continue
        scores = model(pad(train.questions, rows, device), train.questions.sequences)
        loss = F.cross_entropy(scores, answers, ignore_index=-1)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if not np.isfinite(losses[-1]):
            raise UserError(f"the loss is not finite in epoch {epoch}; lower text.finetuning.learning_rate")
    return float(np.mean(losses))


@torch.inference_mode()
def accuracy_of(model: QuestionOnly, split: Split, batch: int) -> float:
    """Percentage of questions answered right."""
    model.eval()
    device = next(model.parameters()).device
    right = 0
    for rows in batches(split.questions, batch):
        predicted = model(pad(split.questions, rows, device), split.questions.sequences).argmax(dim=1).tolist()
        right += sum(split.answers[row] == guess for row, guess in zip(rows, predicted, strict=True))
    return 100.0 * right / len(split.questions)


def _save(model: QuestionOnly, tokenizer: Any, about: dict[str, Any], out: Path) -> None:
    """The folder appears whole: it is written beside its place and renamed."""
    temporary = out.with_name(f".{out.name}.partial")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    model.encoder.save_pretrained(temporary)  # type: ignore[operator]
    tokenizer.save_pretrained(temporary)
    write_json(temporary / "finetuning.json", about)
    shutil.rmtree(out, ignore_errors=True)
    temporary.replace(out)
