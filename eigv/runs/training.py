"""Training of one run: the steps of an epoch, validation, and the model and history that are written.

Everything random in an epoch (order, dropout, draws) follows from the run's seed and the epoch's number, and within an
epoch the generators' states are saved. A run that was killed and goes on therefore ends with the same weights as one
that was not.
"""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from base import plug
from base.errors import UserError
from base.formats.run_folder import RunFolder
from base.formats.vocabulary import read_vocabulary
from base.jobs.adam import Adam
from base.jobs.announcements import Announcements
from base.jobs.device import device_name
from base.jobs.epochs import all_epochs
from base.jobs.interruption import stop_if_asked
from base.jobs.resume import Watched
from base.provenance import commit
from base.writing import write_csv
from eigv.config.methods import method as method_of
from eigv.config.run import RunSettings
from eigv.method.draws import Draws
from eigv.method.memory_bank import MemoryBank
from eigv.method.step import Losses
from eigv.runs import monitors
from eigv.runs.data import Split
from eigv.runs.exclusions import Exclusions
from eigv.runs.model_files import ModelCard, save
from eigv.runs.shared_data import SharedData

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
    stage: int = 0,
    shared: SharedData | None = None,
) -> ModelCard:
    """Trains one run on the train split and keeps the epoch with the best validation accuracy.

    Writes `model.safetensors`, `model.json` and `history.csv` into `out`. `state` is a folder outside the outputs that
    holds what is needed to go on after a kill; it is removed at the end. `name` is what the run is called in its
    progress, else by its backbone and method; `announce` is a file to which a line is appended after each epoch;
    `stage` is the version of what training does (workflow/stages.yaml): a state of another one is not gone on from;
    `shared` is the data set of those three places, where other runs of the process use it too.
    """
    announcements = Announcements(name or f"{settings.backbone} {settings.method}", announce)
    data = shared or SharedData(video, questions, text)
    train_split = data.split("train", settings.features, training=True)
    val_split = data.split("val", settings.features, training=False)
    torch.manual_seed(settings.seed)
    card = ModelCard(
        settings,
        clip_widths=train_split.videos.widths,
        token_width=train_split.tokens.tokens.shape[1],
        classes=None if train_split.candidates > 1 else len(read_vocabulary(questions)),
    )
    training = _Training(card, train_split, val_split, device)
    key = _key(settings, stage, data.digest(settings.features, train_split, val_split))
    with all_epochs(training, settings.training.epochs, state, key, announcements) as trained:
        assert trained.best is not None  # there is at least one epoch
        chosen = {"epoch": int(trained.best["epoch"]), "val_accuracy": trained.best["val_accuracy"]}
        card = replace(card, **chosen, inputs=_about_inputs(train_split), commit=commit(), **_about_machine(device))
        write_csv(RunFolder(out).history, pd.DataFrame(trained.history))
        save(out, card, trained.weights)
    warning = monitors.in_words(trained.history[-1])
    if warning:
        log.warning("%s", warning)
    log.info("kept epoch %d: validation accuracy %.2f %%", card.epoch, card.val_accuracy)
    return card


def _key(settings: RunSettings, stage: int, data: str) -> str:
    """What the weights depend on: settings, data, the version of the stage, code of the user's own.

    Not the commit: whoever edits a page of the documentation between a kill and the restart loses no work.
    """
    plugin = [plug.describe(settings.plugin.code)] if settings.plugin else []
    decides = settings.model_dump(mode="json", exclude={"inference"})
    return json.dumps([stage, decides, plugin, data], sort_keys=True)


class _Training:
    """The steps and the check of one run, for the loop over epochs."""

    def __init__(self, card: ModelCard, train_split: Split, val_split: Split, device: str) -> None:
        self.settings, self.device = card.settings, device
        self.train_split, self.val_split = train_split, val_split
        self.method = method_of(self.settings.method)
        self.model = card.build().to(device)
        how = self.settings.training
        self.optimizer = Adam(self.model.parameters(), how.learning_rate, weight_decay=how.weight_decay)
        self.schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
            self.optimizer, "max", factor=how.decay_factor, patience=how.decay_at - 1
        )
        self.draws = Draws(self.settings.seed, device)
        self.parts = {"optimizer": self.optimizer, "schedule": self.schedule, "draws": self.draws}
        self.bank: MemoryBank | None = None
        self.excluded: Exclusions | None = None
        if self.method.disrupt_video:
            rows, self.excluded = train_split.bank(self.settings.eigv.disruptor.exclude)
            self.bank = MemoryBank(train_split.videos.features.to(device), rows)

    def train_epoch(self, epoch: int, done: int) -> Iterator[dict[str, float]]:
        """What is left of one pass over the train split."""
        how, seed = self.settings.training, self.settings.seed * 1_000_003 + epoch
        if done == 0:
            torch.manual_seed(seed)
            self.draws.seed(seed)
        order = torch.randperm(len(self.train_split), generator=torch.Generator().manual_seed(seed))[: how.questions]
        self.model.train()
        for batch in self.train_split.batches(how.batch, order[done * how.batch :], self.excluded):
            losses = self.model.training_step(
                batch.to(self.device), self.method, self.draws, self.bank, self.settings.eigv
            )
            self.optimizer.zero_grad(set_to_none=True)
            losses.total.backward()
            gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
            norm = torch.nn.utils.get_total_norm(gradients)
            if not torch.isfinite(norm):
                raise UserError(
                    f"a gradient is not finite in epoch {epoch}; questions of the batch: {', '.join(batch.qids)}"
                )
            self.optimizer.step()
            yield _measured(losses, norm)

    def check_epoch(self, epoch: int, watched: Watched) -> dict[str, float]:
        """The means of what is watched, and what the model gives without mixing, noise and dropout.

        The latter on validation, and on as many questions of train.
        """
        row = {"epoch": float(epoch)} | {name: float(np.mean(seen)) for name, seen in watched.items()}
        val, effects = self._accuracy(self.val_split, len(self.val_split))
        clean, _ = self._accuracy(self.train_split, min(len(self.train_split), len(self.val_split)))
        row |= {"clean_accuracy": clean, "val_accuracy": val}
        if self.method.grounds and effects:
            row["question_effect"] = float(np.mean(effects))
        row["learning_rate"] = self.optimizer.param_groups[0]["lr"]
        self.schedule.step(val)
        log.info("%s", ", ".join(f"{name} {value:.4g}" for name, value in row.items()))
        return row

    def _accuracy(self, split: Split, count: int) -> tuple[float, list[float]]:
        """Percentage of a split's first `count` questions answered right from the whole video; `question_effects`."""
        self.model.eval()
        right, effects = 0, []
        for part in split.batches(self.settings.training.batch, torch.arange(count)):
            prediction = self.model.predict(part.to(self.device))
            right += int((prediction.logits.argmax(dim=1).cpu() == part.answer).sum())
            effects += monitors.question_effects(prediction)
            stop_if_asked()
        return 100.0 * right / count, effects


def _measured(losses: Losses, norm: Tensor) -> dict[str, float]:
    """What is watched of one step."""
    values = {
        "loss": losses.total,
        "answer_loss": losses.answer,
        "contrastive_loss": losses.contrastive,
        "train_accuracy": 100 * losses.accuracy,
        "gradient_norm": norm,
    }
    if losses.scene is not None:
        values |= monitors.selection(losses.scene)
    return {name: float(value.detach()) for name, value in values.items() if value is not None}


def _about_machine(device: str) -> dict[str, Any]:
    return {"device": device_name(device), "deterministic": torch.are_deterministic_algorithms_enabled()}


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
