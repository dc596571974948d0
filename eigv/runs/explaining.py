"""An indicator is put on a trained model: it learns which clips the model needs, the model stays as it is."""

import logging
from collections.abc import Iterator
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
from torch import Tensor

from base.errors import UserError
from base.formats.run_folder import RunFolder
from base.formats.vocabulary import read_vocabulary
from base.jobs.adam import Adam
from base.jobs.announcements import Announcements
from base.jobs.epochs import all_epochs
from base.jobs.interruption import stop_if_asked
from base.jobs.resume import Watched
from base.provenance import commit
from base.writing import write_bytes, write_csv
from eigv.config.choices import DataOn
from eigv.config.methods import GUIDE
from eigv.config.run import RunSettings
from eigv.method.batch import Batch
from eigv.method.draws import Draws
from eigv.method.faithful import Selection, select, weights_of
from eigv.method.model import VideoQA
from eigv.runs import monitors, optimisation, precision
from eigv.runs.data import Split
from eigv.runs.device.compiling import compile_parts
from eigv.runs.device.placement import ahead
from eigv.runs.model_files import ModelCard, load, save
from eigv.runs.shared_data import SharedData
from eigv.runs.training import _Training, about_machine, key_of, labelled

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
    explaining = _Explaining(model.to(device), settings, train_split, val_split, device)
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
            training = _Training(card, train_split.only(part != number), val_split, device)
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
        self.readers = [model]
        self.part = np.zeros(len(train_split), dtype=np.int64)  # of each train question, the reader that answers it
        self.weights: Tensor | None = None
        self.val_weights: Tensor | None = None

    def be_answered_by(self, readers: list[VideoQA], part: NDArray[np.int64]) -> None:
        """The train questions of each part are answered by the reader that was trained without it, those of val by the
        first; they count by `weights_of` these answers."""
        self.readers, self.part = readers, part
        for reader in readers:
            precision.prepare(reader, self.numbers, self.device)
        self.weights = torch.empty(len(part))
        for number, reader in enumerate(readers):
            rows = np.flatnonzero(part == number)
            self.weights[torch.from_numpy(rows)] = self._weights(reader, self.train_split, rows)
        of_val = self._weights(readers[0], self.val_split, np.arange(len(self.val_split)))
        self.val_weights = of_val / of_val.mean()

    @torch.no_grad()
    def _weights(self, reader: VideoQA, split: Split, rows: NDArray[np.int64]) -> Tensor:
        """(n,) of the questions `rows`, on the CPU."""
        found = []
        for batch in split.batches(self.settings.training.batch, torch.from_numpy(rows)):
            there = batch.to(self.device)
            with precision.calculating(self.numbers, self.device):
                logits = reader.predict(there).logits.float()
            found.append(weights_of(logits, there.answer.clamp_min(0)).cpu())
        return torch.cat(found)

    def _select(self, batch: Batch, rows: NDArray[np.int64]) -> Iterator[tuple[float, Selection]]:
        """What is chosen in the train questions `rows`, reader by reader, with each one's share of them."""
        for number, reader in enumerate(self.readers):
            mine = np.flatnonzero(self.part[rows] == number)
            if len(mine):
                its = batch if len(mine) == len(rows) else self.train_split.batch(rows[mine]).to(self.device)
                with precision.calculating(self.numbers, self.device):
                    found = select(self.model, its, self.settings.eigv.faithful, self.draws, reader)
                yield len(mine) / len(rows), found

    def train_epoch(self, epoch: int, done: int) -> Iterator[dict[str, Tensor]]:
        """What is left of one pass over the train split. The model answers as it does in evaluation."""
        how = self.settings.training
        order = optimisation.begin_epoch(self.settings, self.draws, len(self.train_split), epoch, done)
        if self.weights is not None:
            seeded = torch.Generator().manual_seed(self.settings.seed * 1_000_003 + epoch)
            order = torch.multinomial(self.weights, len(order), replacement=True, generator=seeded)
        order = order[done * how.batch :]
        self.model.eval()
        batches = self.train_split.batches(how.batch, order)
        sent = ahead((batch.to(self.device) for batch in batches), self.device)
        for batch, rows in zip(sent, order.split(how.batch), strict=True):
            self.optimizer.zero_grad(set_to_none=True)
            mean: dict[str, Tensor] = {}
            for share, found in self._select(batch, rows.numpy()):
                (found.loss * share if share < 1 else found.loss).backward()
                watched = {"loss": found.loss, "train_accuracy": 100 * found.from_scene.float().mean()}
                watched |= monitors.selection(found.scene)
                for name, value in watched.items():
                    part = value.detach() * share if share < 1 else value.detach()
                    mean[name] = mean[name] + part if name in mean else part
            self.optimizer.step()
            yield mean

    @torch.no_grad()
    def check_epoch(self, epoch: int, watched: Watched) -> dict[str, float]:
        """The means of what is watched, and of validation without noise: the objective and what is answered from the
        chosen clips, from the others, and from all."""
        row = {"epoch": float(epoch)} | {name: float(np.mean(seen)) for name, seen in watched.items()}
        losses, shares, seen = [], [], 0
        right = {"val_accuracy": 0, "val_from_scene": 0, "val_from_environment": 0}
        effects: list[float] = []
        batches = self.val_split.batches(self.settings.training.batch)
        for there in ahead((batch.to(self.device) for batch in batches), self.device):
            known = replace(there, answer=there.answer.clamp_min(0))  # an answer outside the vocabulary is wrong below
            with precision.calculating(self.numbers, self.device):
                prediction = self.model.predict(there)
                found = select(self.model, known, self.settings.eigv.faithful)
                judged = found
                if self.val_weights is not None:
                    judged = select(self.model, known, self.settings.eigv.faithful, reader=self.readers[0])
            of_each = judged.of_each
            if self.val_weights is not None:
                of_each = of_each * self.val_weights[seen : seen + there.size].to(of_each)
            seen += there.size
            losses.append(float(of_each.mean()) * there.size)
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
