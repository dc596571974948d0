"""Training of one run: the steps of an epoch, validation, and the model and history that are written.

Everything random in an epoch (order, dropout, draws) follows from the run's seed and the epoch's number, and within an
epoch the generators' states are saved. A run that was killed and goes on therefore ends with the same weights as one
that was not.
"""

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from base import plug
from base.errors import UserError
from base.formats.run_folder import RunFolder, with_weights
from base.formats.vocabulary import fingerprint, read_vocabulary
from base.jobs.announcements import Announcements
from base.jobs.curves import Curves
from base.jobs.device import device_name
from base.jobs.epochs import all_epochs
from base.provenance import commit
from base.reading import sha256
from base.writing import write_csv
from eigv.backbones import streams_of
from eigv.config.choices import DataOn
from eigv.config.methods import method as method_of
from eigv.config.run import RunSettings
from eigv.runs import precision
from eigv.runs.data import Split
from eigv.runs.learning import monitors, optimisation
from eigv.runs.learning.model import ModelTraining
from eigv.runs.model_files import ModelCard, guide_of, save
from eigv.runs.shared_data import SharedData
from extract.annotations.gold import read_gold

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
    training = ModelTraining(card, train_split, val_split, device, name, state, shown, guiding)
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


def about_machine(device: str) -> dict[str, Any]:
    """What a run was trained on."""
    return {"device": device_name(device), "deterministic": torch.are_deterministic_algorithms_enabled()}
