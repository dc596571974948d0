"""What a model's own indicator selects, beside what post-hoc explainers of the same model would: against gold spans.

Sizes: Q questions, K clips, A answers.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from base.errors import UserError
from base.formats.explanations import CLIPS, INDICATOR, OWN, SAME_SIZE, TUNED, clips_as_text
from base.jobs.progress import progress
from base.writing import write_csv
from eigv.config.choices import Environment
from eigv.config.methods import method as method_of
from eigv.explanations.attributions import explainers
from eigv.method.faithfulness import answered_right
from eigv.method.grounding import smooth
from eigv.method.model import VideoQA
from eigv.rationales.clips import auc, first, of_same_size, overlap
from eigv.runs import model_files
from eigv.runs.data import Split, Videos
from extract.annotations.gold import read_gold

MEASURED = ["iop", "recall", "iou", "auc", "share", "right"]
THRESHOLDS = 60
"""Quantiles of the scores on validation that are tried."""

Shaped = Callable[[NDArray[np.bool_]], NDArray[np.bool_]]
"""What becomes of selections (Q, K)."""


@dataclass(frozen=True)
class Scored:
    """The questions of a split that have a gold clip, with the scores of their clips."""

    split: Split
    gold: NDArray[np.bool_]
    """(Q, K)"""
    selected: NDArray[np.bool_]
    """(Q, K) by the indicator."""
    scores: dict[str, NDArray[np.float64]]
    """By explainer (Q, K); of every question the largest magnitude is 1."""


def compare(
    model_file: Path,
    video: Path,
    questions: Path,
    text: Path,
    gold: Path,
    out: Path,
    device: str,
    split: str = "test",
    environment: Environment | None = None,
) -> pd.DataFrame:
    """Writes `out`, a CSV with a row for each question, explainer and way to select; returns it.

    Columns: qid, video_id, type, explainer, selection, clips (numbers from 0 of those that are selected), share (of
    them of all clips), iop, recall, iou, auc, and right (whether the model still gives the right answer when it sees
    that selection alone; `environment` is what becomes of the other clips, by default what the model's settings say).
    Explained is the answer that the model gives. Where the indicator smooths its scenes, the selections of all
    explainers are smoothed too, after they were cut at its size and before a threshold is judged. Raises `UserError`
    for a model without an indicator, and where no question has a gold clip.
    """
    model, card = model_files.load(model_file)
    if not method_of(card.settings.method).grounds:
        raise UserError(f"{model_file}: {card.settings.method} has no indicator to compare with; see `eigv explain`")
    model.to(device)
    model.environment = environment or model.environment
    videos = Videos.read(video, card.streams)
    spans = read_gold(gold)
    size = card.settings.training.batch
    tuned, tested = (
        _scored(model, Split.read(name, questions, text, videos, training=False), name, spans, size, device)
        for name in ("val", split)
    )
    source = np.random.default_rng(0)
    shaped = _smooth if model.grounding.smooths else _as_it_is
    rows = list(_selections(tuned, tested, source, shaped))
    right = _right(model, tested, np.stack([selected for _, _, selected, _ in rows]), size, device)
    found = pd.concat([_measured(tested, *row, of_row) for row, of_row in zip(rows, right, strict=True)])
    write_csv(out, found)
    return found


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """The means of `compare` over the questions, in percent, by explainer and selection, in their order."""
    return 100 * found.groupby(["explainer", "selection"], sort=False)[MEASURED].mean()


def _scored(
    model: VideoQA, split: Split, name_of: str, spans: dict[str, list[list[float]]], size: int, device: str
) -> Scored:
    split = split.with_gold(spans)
    assert split.gold is not None
    selected: list[NDArray[np.bool_]] = []
    asked = explainers(model)
    scores: dict[str, list[NDArray[np.floating]]] = {name: [] for name in (INDICATOR, *asked)}
    for batch in progress(
        split.batches(size), total=-(-len(split) // size), label=f"explanations of {name_of}", unit="batch"
    ):
        there = batch.to(device)
        prediction = model.predict(there)
        answer = prediction.logits.argmax(dim=1)
        selected.append(prediction.scene.causal.cpu().numpy() > 0.5)
        scores[INDICATOR].append(prediction.scene.probability_causal.cpu().numpy())
        for name, explainer in asked.items():
            scores[name].append(explainer(model, there, answer).cpu().numpy())
    every = {name: _normed(np.concatenate(parts)) for name, parts in scores.items()}
    return Scored(split, split.gold, np.concatenate(selected), every)


def _normed(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    largest = np.abs(scores).max(axis=1, keepdims=True)
    return scores.astype(np.float64) / np.where(largest > 0, largest, 1)


def _selections(
    tuned: Scored, tested: Scored, source: np.random.Generator, shaped: Shaped
) -> Iterator[tuple[str, str, NDArray[np.bool_], NDArray[np.float64] | None]]:
    """Every explainer, way to select, selection (Q, K), and the scores (Q, K) that it is of."""
    size = tested.selected.sum(axis=1)
    yield INDICATOR, OWN, tested.selected, tested.scores[INDICATOR]
    for name, scores in tested.scores.items():
        if name != INDICATOR:
            yield name, SAME_SIZE, shaped(first(scores, size)), scores
        yield name, TUNED, shaped(scores > best_threshold(tuned.scores[name], tuned.gold, shaped)), scores
    yield "random", SAME_SIZE, of_same_size(tested.selected, source), None
    yield "all clips", OWN, np.ones_like(tested.gold), None
    yield "gold", OWN, tested.gold, None


def _as_it_is(selected: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return selected


def _smooth(selected: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return smooth(torch.from_numpy(selected)).numpy()


def best_threshold(scores: NDArray[np.float64], gold: NDArray[np.bool_], shaped: Shaped = _as_it_is) -> float:
    """The threshold on `scores` (Q, K) whose `shaped` selections have the best mean IoU with `gold` (Q, K).

    Of several it is the lowest.
    """
    tried = np.unique(np.quantile(scores, np.linspace(0, 1, THRESHOLDS)))
    return float(max(tried, key=lambda threshold: overlap(shaped(scores > threshold), gold).iou.mean()))


def _measured(
    tested: Scored,
    explainer: str,
    selection: str,
    selected: NDArray[np.bool_],
    scores: NDArray[np.float64] | None,
    right: NDArray[np.bool_],
) -> pd.DataFrame:
    table = tested.split.table
    found = overlap(selected, tested.gold)
    return pd.DataFrame(
        {
            "qid": table["qid"].to_numpy(),
            "video_id": table["video_id"].to_numpy(),
            "type": table["type"].to_numpy() if "type" in table else "",
            "explainer": explainer,
            "selection": selection,
            CLIPS: clips_as_text(selected),
            "share": selected.mean(axis=1),
            **found._asdict(),
            "auc": np.nan if scores is None else auc(scores, tested.gold),
            "right": right,
        }
    )


def _right(model: VideoQA, tested: Scored, selected: NDArray[np.bool_], size: int, device: str) -> NDArray[np.bool_]:
    """(M, Q) whether the answers from the clips `selected` (M, Q, K) alone are right."""
    starts = range(0, len(tested.split), size)
    batches = zip(starts, tested.split.batches(size), strict=True)
    parts = [answered_right(model, batch.to(device), selected[:, start : start + size]) for start, batch in batches]
    return np.concatenate(parts, axis=1)
