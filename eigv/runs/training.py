"""Training of one run: epochs, validation, the best epoch kept, going on after a kill.

Everything random in an epoch (order, dropout, draws) follows from the run's seed and the epoch's number, and within an
epoch the generators' states are saved. A run that was killed and goes on therefore ends with the same weights as one
that was not.
"""

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from base import resume
from base.announcements import Announcements
from base.errors import UserError
from base.files import exclusive, read_json, write_csv
from base.formats.run_folder import RunFolder
from base.interruption import stop_if_asked
from base.progress import progress
from base.provenance import commit
from eigv.config.methods import method as method_of
from eigv.config.run import RunSettings
from eigv.method.draws import Draws
from eigv.method.memory_bank import MemoryBank
from eigv.method.model import VideoQA
from eigv.runs import monitors
from eigv.runs.data import Split, Videos
from eigv.runs.exclusions import Exclusions
from eigv.runs.model_files import ModelCard, save

log = logging.getLogger(__name__)


def train(
    settings: RunSettings,
    video: Path,
    questions: Path,
    text: Path,
    out: Path,
    state: Path,
    device: str,
    name: str = "",
    announce: Path | None = None,
) -> ModelCard:
    """Trains one run on the train split and keeps the epoch with the best validation accuracy.

    Writes `model.safetensors`, `model.json` and `history.csv` into `out`. `state` is a folder outside the outputs that
    holds what is needed to go on after a kill; it is removed at the end. `name` is what the run is called in its
    progress, else by its backbone and method; `announce` is a file to which a line is appended after each epoch.
    """
    announcements = Announcements(name or f"{settings.backbone} {settings.method}", announce)
    videos = Videos.read(video, settings.features)
    train_split = Split.read("train", questions, text, videos, training=True)
    val_split = Split.read("val", questions, text, videos, training=False)
    torch.manual_seed(settings.seed)
    card = ModelCard(
        settings,
        clip_widths=videos.widths,
        token_width=train_split.tokens.tokens.shape[1],
        classes=None if train_split.candidates > 1 else len(read_json(questions / "answers.json", "the answers")),
    )
    model = card.build().to(device)
    with exclusive(state / "lock"):
        reached = _epochs(model, card, train_split, val_split, state / "last.pt", device, announcements)
        top = max(reached.history, key=lambda row: row["val_accuracy"])
        chosen = {"epoch": int(top["epoch"]), "val_accuracy": top["val_accuracy"], "inputs": _about_inputs(train_split)}
        chosen["commit"] = commit()
        card = ModelCard(**{**vars(card), **chosen})
        write_csv(RunFolder(out).history, pd.DataFrame(reached.history))
        save(out, card, reached.best)
        shutil.rmtree(state)
    warning = monitors.in_words(reached.history[-1])
    if warning:
        log.warning("%s", warning)
    log.info("kept epoch %d: validation accuracy %.2f %%", card.epoch, card.val_accuracy)
    announcements.end(top)
    return card


def _epochs(
    model: VideoQA,
    card: ModelCard,
    train_split: Split,
    val_split: Split,
    file: Path,
    device: str,
    announcements: Announcements,
) -> resume.State:
    """Trains all epochs that are not done; returns where training has come to."""
    settings = card.settings.training
    optimizer = torch.optim.Adam(model.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, "max", factor=0.5, patience=settings.patience)
    bank, excluded = None, None
    if method_of(card.settings.method).disrupt_video:
        rows, excluded = train_split.bank(card.settings.eigv.disruptor.exclude)
        bank = MemoryBank(train_split.videos.features.to(device), rows)
    key = f"{card.settings.model_dump_json()} {len(train_split)} {len(val_split)} {commit()}"
    draws = Draws(card.settings.seed, device)
    parts = {"model": model, "optimizer": optimizer, "schedule": schedule, "draws": draws}
    state = resume.State(file, key, parts)
    todo = range(state.position.epoch, settings.epochs + 1)
    announcements.begin(settings.epochs, state.position)
    with state.saved_on_sigterm():
        for _ in progress(todo, total=len(todo), label=announcements.name, unit="epoch"):
            row = _train_epoch(model, card.settings, train_split, bank, excluded, optimizer, draws, state, device)
            row |= _check_epoch(model, card.settings, train_split, val_split, device)
            row["learning_rate"] = optimizer.param_groups[0]["lr"]
            schedule.step(row["val_accuracy"])
            log.info("%s", ", ".join(f"{name} {value:.4g}" for name, value in row.items()))
            state.epoch_done(row, model)
            announcements.epoch(state.history)
    return state


def _train_epoch(
    model: VideoQA,
    settings: RunSettings,
    split: Split,
    bank: MemoryBank | None,
    excluded: Exclusions | None,
    optimizer: torch.optim.Optimizer,
    draws: Draws,
    state: resume.State,
    device: str,
) -> dict[str, float]:
    """What is left of one pass over the train split; returns the means of what is watched in all of it."""
    epoch, done = state.position.epoch, state.position.step
    seed = settings.seed * 1_000_003 + epoch
    if done == 0:
        torch.manual_seed(seed)
        draws.seed(seed)
    order = torch.randperm(len(split), generator=torch.Generator().manual_seed(seed))[: settings.training.questions]
    method = method_of(settings.method)
    model.train()
    for batch in split.batches(settings.training.batch, order[done * settings.training.batch :], excluded):
        losses = model.training_step(batch.to(device), method, draws, bank, settings.eigv)
        optimizer.zero_grad(set_to_none=True)
        losses.total.backward()
        norm = torch.nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])
        if not torch.isfinite(norm):
            raise UserError(
                f"a gradient is not finite in epoch {epoch}; questions of the batch: {', '.join(batch.qids)}"
            )
        optimizer.step()
        values = {
            "loss": losses.total,
            "answer_loss": losses.answer,
            "contrastive_loss": losses.contrastive,
            "train_accuracy": 100 * losses.accuracy,
            "gradient_norm": norm,
        }
        if losses.scene is not None:
            values |= monitors.selection(losses.scene)
        state.step_done({name: float(value.detach()) for name, value in values.items() if value is not None})
    return {"epoch": float(epoch)} | {name: float(np.mean(seen)) for name, seen in state.position.watched.items()}


def _check_epoch(
    model: VideoQA, settings: RunSettings, train_split: Split, val_split: Split, device: str
) -> dict[str, float]:
    """What the model gives without mixing, noise and dropout: on validation, and on as many questions of train."""
    checked = settings.training.batch
    val, effects = _accuracy(model, val_split, len(val_split), checked, device)
    clean, _ = _accuracy(model, train_split, min(len(train_split), len(val_split)), checked, device)
    row = {"clean_accuracy": clean, "val_accuracy": val}
    if method_of(settings.method).grounds and effects:
        row["question_effect"] = float(np.mean(effects))
    return row


def _accuracy(model: VideoQA, split: Split, count: int, size: int, device: str) -> tuple[float, list[float]]:
    """Percentage of a split's first `count` questions answered right from the whole video, and `question_effects`."""
    model.eval()
    right, effects = 0, []
    for part in split.batches(size, torch.arange(count)):
        prediction = model.predict(part.to(device))
        right += int((prediction.logits.argmax(dim=1).cpu() == part.answer).sum())
        effects += monitors.question_effects(prediction)
        stop_if_asked()
    return 100.0 * right / count, effects


def _about_inputs(split: Split) -> dict[str, Any]:
    video, text = split.videos.store.attributes, split.tokens.attributes
    return {
        "appearance": video["appearance_network"],
        "motion": video["motion_network"],
        "sampling": video["sampling"],
        "text_encoder": text["encoder"],
        "train_questions": len(split),
        "train_questions_left_out": split.left_out,
    }
