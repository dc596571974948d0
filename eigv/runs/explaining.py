"""An indicator is put on a trained model: it learns which clips the model needs, the model stays as it is."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from base.errors import UserError
from base.formats.run_folder import RunFolder
from base.jobs.adam import Adam
from base.jobs.announcements import Announcements
from base.jobs.epochs import all_epochs
from base.jobs.interruption import stop_if_asked
from base.jobs.resume import Watched
from base.provenance import commit
from base.writing import write_csv
from eigv.config.data_on import DataOn
from eigv.config.methods import GUIDE
from eigv.config.run import RunSettings
from eigv.method.draws import Draws
from eigv.method.faithful import select
from eigv.method.model import VideoQA
from eigv.runs import monitors, optimisation, precision
from eigv.runs.data import Split
from eigv.runs.device.compiling import compile_parts
from eigv.runs.device.placement import ahead
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
    `UserError` where the settings are of another model.
    """
    trained, card = load(predictor)
    settings = settings or card.settings.model_copy(update={"method": GUIDE})
    if settings.method != GUIDE:
        raise UserError(f"an indicator is put on a model by the method {GUIDE}, not by {settings.method}")
    card.refuse_another(settings, predictor)
    announcements = Announcements(name or f"{settings.backbone} {settings.method}", announce)
    data = shared or SharedData(video, questions, text)
    streams = card.streams
    train_split = data.split("train", streams, training=True)
    val_split = data.split("val", streams, training=False)

    torch.manual_seed(settings.seed)
    card = replace(card, settings=settings)
    model = card.build()  # the indicator is new
    kept = {key: value for key, value in trained.state_dict().items() if not key.startswith("grounding.")}
    model.load_state_dict(kept, strict=False)
    digest = data.digest(streams, train_split, val_split)
    train_split, val_split = data.on(device, data_on, streams, "train", "val")
    train_split = labelled(train_split, settings, labels)
    explaining = _Explaining(model.to(device), settings, train_split, val_split, device)
    key = key_of(settings, explaining.numbers, stage, digest, predictor, labels)
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


class _Explaining:
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

    def train_epoch(self, epoch: int, done: int) -> Iterator[dict[str, Tensor]]:
        """What is left of one pass over the train split. The model answers as it does in evaluation."""
        how = self.settings.training
        order = optimisation.begin_epoch(self.settings, self.draws, len(self.train_split), epoch, done)
        self.model.eval()
        batches = self.train_split.batches(how.batch, order[done * how.batch :])
        for batch in ahead((batch.to(self.device) for batch in batches), self.device):
            with precision.calculating(self.numbers, self.device):
                found = select(self.model, batch, self.settings.eigv.faithful, self.draws)
            self.optimizer.zero_grad(set_to_none=True)
            found.loss.backward()
            self.optimizer.step()
            watched = {"loss": found.loss, "train_accuracy": 100 * found.from_scene.float().mean()}
            watched |= monitors.selection(found.scene)
            yield {name: value.detach() for name, value in watched.items()}

    @torch.no_grad()
    def check_epoch(self, epoch: int, watched: Watched) -> dict[str, float]:
        """The means of what is watched, and of validation without noise: the objective and what is answered from the
        chosen clips, from the others, and from all."""
        row = {"epoch": float(epoch)} | {name: float(np.mean(seen)) for name, seen in watched.items()}
        losses, shares = [], []
        right = {"val_accuracy": 0, "val_from_scene": 0, "val_from_environment": 0}
        effects: list[float] = []
        batches = self.val_split.batches(self.settings.training.batch)
        for there in ahead((batch.to(self.device) for batch in batches), self.device):
            known = replace(there, answer=there.answer.clamp_min(0))  # an answer outside the vocabulary is wrong below
            with precision.calculating(self.numbers, self.device):
                prediction = self.model.predict(there)
                found = select(self.model, known, self.settings.eigv.faithful)
            losses.append(float(found.loss) * there.size)
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
