"""An indicator is put on a trained model: it learns which clips the model needs, the model stays as it is."""

import logging
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from safetensors import torch as safetensors

from base.errors import UserError
from base.formats.run_folder import RunFolder
from base.formats.vocabulary import read_vocabulary
from base.jobs.announcements import Announcements
from base.jobs.epochs import all_epochs
from base.provenance import commit
from base.writing import write_bytes, write_csv
from eigv.config.choices import DataOn
from eigv.config.methods import GUIDE
from eigv.config.run import RunSettings
from eigv.method.model import VideoQA
from eigv.runs.data import Split
from eigv.runs.learning import monitors, optimisation
from eigv.runs.learning.indicator import IndicatorTraining
from eigv.runs.learning.model import ModelTraining
from eigv.runs.model_files import ModelCard, load, save
from eigv.runs.shared_data import SharedData
from eigv.runs.training import about_machine, key_of, labelled

log = logging.getLogger(__name__)


def explain(
    predictor: Path,
    video: Path,
    questions: Path,
    text: Path,
    out: Path,
    state: Path,
    device: str,
    settings: RunSettings | None = None,
    name: str = "",
    announce: Path | None = None,
    stage: int = 0,
    shared: SharedData | None = None,
    data_on: DataOn = "auto",
    labels: Path | None = None,
) -> ModelCard:
    """Trains the indicator of a run of the method `faithful` on the model of another run, its `model.json`.

    Without `settings`, they are those of the explained run, with the defaults of `eigv.faithful`. Writes
    `model.safetensors` (the model as it was, and the indicator), `model.json` and `history.csv` into `out`; `state`,
    `name`, `announce`, `stage`, `shared`, `data_on` and `labels` are as in `eigv.runs.training.train`. Raises
    `UserError` where the settings are of another model, or the questions have other answers to choose from.
    """
    trained, card = load(predictor)
    settings = settings or card.settings.model_copy(update={"method": GUIDE})
    if settings.method != GUIDE:
        raise UserError(f"an indicator is put on a model by the method {GUIDE}, not by {settings.method}")
    card.refuse_another(settings, predictor)
    card.refuse_other_answers(read_vocabulary(questions), questions)
    announcements = Announcements(name or f"{settings.backbone} {settings.method}", announce)
    data = shared or SharedData(video, questions, text)
    streams = card.streams
    train_split = data.split("train", streams, training=True)
    val_split = data.split("val", streams, training=False)

    explained = card
    torch.manual_seed(settings.seed)
    card = replace(card, settings=settings)
    model = card.build()  # the indicator is new
    kept = {key: value for key, value in trained.state_dict().items() if not key.startswith("grounding.")}
    model.load_state_dict(kept, strict=False)
    digest = data.digest(streams, train_split, val_split)
    train_split, val_split = data.on(device, data_on, streams, "train", "val")
    train_split = labelled(train_split, settings, labels)
    part = parts_of(train_split, settings.eigv.faithful.folds, settings.seed)
    explaining = IndicatorTraining(model.to(device), settings, train_split, val_split, device)
    key = key_of(settings, explaining.numbers, stage, digest, predictor, labels)
    if settings.eigv.faithful.folds > 1:
        readers = _readers(explained, train_split, val_split, part, state, key, announcements.name, device)
        explaining.be_answered_by(readers, part)
    with all_epochs(explaining, settings.eigv.faithful.epochs, state, key, announcements) as done:
        assert done.best is not None  # there is at least one epoch
        card = replace(card, precision=explaining.numbers, commit=commit(), **about_machine(device))
        write_csv(RunFolder(out).history, pd.DataFrame(done.history))
        save(out, card, done.weights)
    for warning in filter(None, (monitors.in_words(done.best), environment_answers(done.best))):
        log.warning("%s", warning)
    return card


def environment_answers(row: dict[str, Any]) -> str:
    """What to say where the clips that were not chosen still give the answers; empty where they do not.

    `row` is one of the history.
    """
    whole, rest, share = (row[name] for name in ("val_accuracy", "val_from_environment", "causal_share"))
    if share > 0.5 and row["val_from_scene"] >= whole - 5:
        found = f"{100 * share:.0f} % of the clips are chosen, more than half"
    elif rest > 0.5 * whole:
        found = (
            f"without the chosen clips {rest:.1f} % of the questions are still answered right, with all {whole:.1f} %"
        )
    else:
        return ""
    return (
        f"the environment seems to hold answers: {found}. Where it predicts the answer, ask for the smallest scene: "
        "eigv.faithful.completeness: 0, gated: false, price: 1, budget: 0.2, contiguity: 0 (docs/rationales.md)"
    )


def parts_of(split: Split, folds: int, seed: int) -> NDArray[np.int64]:
    """(Q,) of each question the part that its video is dealt to by `seed`; `UserError` for fewer videos than parts."""
    videos, of = np.unique(split.video_row, return_inverse=True)
    if folds > len(videos):
        raise UserError(f"eigv.faithful.folds: {folds} parts of {len(videos)} train videos: ask for fewer")
    return (np.random.default_rng(seed).permutation(len(videos)) % folds)[of]


def _readers(
    card: ModelCard,
    train_split: Split,
    val_split: Split,
    part: NDArray[np.int64],
    state: Path,
    key: str,
    name: str,
    device: str,
) -> list[VideoQA]:
    """For each part of the train videos a model as that of `card`, trained on the others.

    Finished ones are kept in `state`, so that a killed training goes on after them.
    """
    readers = []
    for number in range(part.max() + 1):
        file = state / f"reader{number}-{sha256(key.encode()).hexdigest()[:16]}.safetensors"
        if not file.is_file():
            torch.manual_seed(card.settings.seed)
            training = ModelTraining(card, train_split.only(part != number), val_split, device)
            how = card.settings.training
            announcements = Announcements(f"{name}, model without part {number + 1} of {part.max() + 1}", None)
            of_part = state / f"reader{number}"
            why = partial(optimisation.why_stop, how=how)
            with all_epochs(training, how.epochs, of_part, f"{key}{number}", announcements, why) as done:
                write_bytes(file, safetensors.save({k: v.contiguous() for k, v in done.weights.items()}))
        reader = card.build()
        reader.load_state_dict(safetensors.load_file(file))
        readers.append(reader.to(device).eval().requires_grad_(False))
    return readers
