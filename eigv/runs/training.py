"""Training of one run: the steps of an epoch, validation, and the model and history that are written.

Everything random in an epoch (order, dropout, draws) follows from the run's seed and the epoch's number, and within an
epoch the generators' states are saved. A run that was killed and goes on therefore ends with the same weights as one
that was not.
"""

import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from base import plug
from base.errors import UserError
from base.formats.run_folder import RunFolder, with_weights
from base.formats.vocabulary import fingerprint, read_vocabulary
from base.jobs.announcements import Announcements
from base.jobs.curves import Curves
from base.jobs.device import device_name
from base.jobs.epochs import all_epochs
from base.jobs.interruption import stop_if_asked
from base.jobs.progress import progress
from base.jobs.resume import Watched
from base.provenance import commit
from base.reading import sha256
from base.writing import write_csv
from eigv.backbones import streams_of
from eigv.config.choices import DataOn
from eigv.config.methods import method as method_of
from eigv.config.run import RunSettings
from eigv.method.batch import Batch
from eigv.method.draws import Draws
from eigv.method.memory_bank import MemoryBank
from eigv.method.step import Losses
from eigv.runs import monitors, optimisation, precision
from eigv.runs.answering import Answering
from eigv.runs.data import Split
from eigv.runs.device.compiling import compile_parts
from eigv.runs.device.placement import ahead
from eigv.runs.exclusions import Exclusions
from eigv.runs.model_files import ModelCard, guide_of, save
from eigv.runs.not_finite import Finite
from eigv.runs.shared_data import SharedData
from extract.annotations.gold import read_gold

log = logging.getLogger(__name__)

Weights = dict[str, Tensor]


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
    loggers: tuple[str, ...] = (),
    curves: Path | None = None,
    shared: SharedData | None = None,
    before: Path | None = None,
    data_on: DataOn = "auto",
    labels: Path | None = None,
) -> ModelCard:
    """Trains one run on the train split and keeps the epoch with the best validation accuracy.

    Writes `model.safetensors`, `model.json` and `history.csv` into `out`. `state` is a folder outside the outputs that
    holds what is needed to go on after a kill; it is removed at the end. `name` is what the run is called in its
    progress, else by its backbone and method; `announce` is a file to which a line is appended after each epoch;
    `stage` is the version of what training does (workflow/stages.yaml): a state of another one is not gone on from.
    `loggers` are tensorboard, wandb or both, for curves beside the history; what they write lies in `curves`, by
    default a folder of that name in `out`. `shared` is the data set of those three places, where other runs of the
    process use it too. `before` says the scenes of a method whose indicator does not: the `model.json` of its guide, or
    the file of the gold spans. `data_on` says where the data lie while a GPU is at work. `labels` is the file of the
    gold spans that an indicator learns from (`eigv.faithful.labelled`).

    `UserError` where what is named is not there or does not fit, where packages of loggers are not there, and for a
    loss or a gradient that is not finite: a file in `state` then has what there was before that step.
    """
    guiding = guide_of(settings, before)
    name = name or f"{settings.backbone} {settings.method}"
    announcements = Announcements(name, announce)
    shown = Curves(loggers, curves or out / "curves", name, settings.model_dump(mode="json"))
    data = shared or SharedData(video, questions, text)
    streams = streams_of(settings.backbone, settings.features, settings.plugin)
    train_split = data.split("train", streams, training=True)
    val_split = data.split("val", streams, training=False)
    digest = data.digest(streams, train_split, val_split)
    train_split, val_split = data.on(device, data_on, streams, "train", "val")
    if method_of(settings.method).scenes == "gold":
        assert before is not None
        train_split = train_split.with_gold(read_gold(before))
    elif method_of(settings.method).selects != "no":
        train_split = labelled(train_split, settings, labels)
    torch.manual_seed(settings.seed)
    answers = [] if train_split.candidates > 1 else read_vocabulary(questions)
    card = ModelCard(
        settings,
        clip_widths=train_split.videos.widths,
        token_width=train_split.tokens.tokens.shape[1],
        classes=len(answers) if train_split.candidates == 1 else None,
        vocabulary=fingerprint(answers) if answers else "",
    )
    training = _Training(card, train_split, val_split, device, name, state, shown, guiding)
    key = key_of(settings, training.numbers, stage, digest, before, labels)
    how = settings.training
    with (
        shown,
        all_epochs(training, how.epochs, state, key, announcements, lambda h: optimisation.why_stop(h, how)) as trained,
    ):
        assert trained.best is not None  # there is at least one epoch
        if trained.stopped:
            trained.history[-1]["stopped"] = trained.stopped
        chosen = {"epoch": int(trained.best["epoch"]), "val_accuracy": trained.best["val_accuracy"]}
        card = replace(card, **chosen, inputs=train_split.about, commit=commit(), **about_machine(device))
        card = replace(card, precision=training.numbers, made_by=train_split.made_by(questions, text))
        write_csv(RunFolder(out).history, pd.DataFrame(trained.history))
        save(out, card, trained.weights)
    warning = monitors.in_words(trained.history[-1])
    if warning:
        log.warning("%s", warning)
    if trained.stopped:
        log.info("stopped after epoch %d of %d: %s", len(trained.history), how.epochs, trained.stopped)
    log.info("kept epoch %d: validation accuracy %.2f %%", card.epoch, card.val_accuracy)
    return card


def labelled(split: Split, settings: RunSettings, labels: Path | None) -> Split:
    """The train split with the gold clips that an indicator learns from; `UserError` where nobody says the spans."""
    share = settings.eigv.faithful.labelled
    if not share:
        return split
    if labels is None:
        raise UserError(f"eigv.faithful.labelled: {share} wants gold spans of the questions: name them with --labels")
    return split.with_labels(read_gold(labels), share, settings.seed)


def key_of(
    settings: RunSettings,
    numbers: precision.Numbers,
    stage: int,
    data: str,
    before: Path | None = None,
    labels: Path | None = None,
) -> str:
    """What the weights depend on: settings, the numbers, data, the version of the stage, code of the user's own,
    what the training goes on from, with the weights beside it, and the labels.

    Not the commit: whoever edits a page of the documentation between a kill and the restart loses no work.
    """
    plugin = [plug.describe(settings.plugin.code)] if settings.plugin else []
    decides = settings.model_dump(mode="json", exclude={"inference"})
    return json.dumps(
        [stage, numbers, decides, plugin, data, *map(sha256, with_weights(before) + with_weights(labels))],
        sort_keys=True,
    )


class _Training:
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
        guide: Weights | None = None,
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


def about_machine(device: str) -> dict[str, Any]:
    """What a run was trained on."""
    return {"device": device_name(device), "deterministic": torch.are_deterministic_algorithms_enabled()}
