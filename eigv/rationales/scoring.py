"""Scores grounding predictions of any system as NExT-GQA does; a question without a prediction counts as wrong."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from base.errors import UserError
from base.reading import read_object
from eigv.rationales.nextgqa import best, seven
from eigv.rationales.predicted import FORM, read_answers, read_predicted
from eigv.rationales.spans import Span, joined
from extract.annotations.gold import read_gold

PUBLISHED = Path(__file__).with_name("nextgqa_published.csv")
"""Table 1 of Xiao et al., Can I Trust Your Answer? Visually Grounded Video Question Answering, CVPR 2024: on test."""
SOURCE = (
    "published rows: Xiao et al., CVPR 2024, Table 1, on NExT-GQA's test split. Their features, text encoders and "
    "training data differ from each other and from yours: a row beside yours compares systems, not methods"
)
AsOne = Literal["all", "hull", "longest"]
"""What counts of several predicted spans: all of them, from the first start to the last end, or the longest."""


@dataclass(frozen=True)
class GroundingScore:
    """What a file of predicted spans is worth."""

    metrics: dict[str, float]
    """NExT-GQA's set in percent; Acc@QA and Acc@GQA where answers are known."""
    questions: int
    missing: int
    """Questions without a prediction, which count as wrong."""
    notes: list[str]

    def as_json(self) -> dict[str, Any]:
        """Metrics, counts and notes."""
        return {**self.metrics, "questions": self.questions, "missing": self.missing, "notes": self.notes}

    def text(self, name: str, published: bool = False) -> str:
        """A table with a row for these predictions, called `name`; below it, if asked for, the published rows."""
        columns = ["Acc@QA", *seven(np.zeros(1), np.zeros(1), np.zeros(1, bool))]
        rows = [[name, *(f"{self.metrics[c]:.1f}" if c in self.metrics else "-" for c in columns)]]
        if published:
            rows += [[" ".join([row["model"], *_made_of(row)]), *(row[c] or "-" for c in columns)] for row in _rows()]
        rows = [["", *columns], *rows]
        wide = max(len(row[0]) for row in rows)
        lines = ["  ".join([row[0].ljust(wide), *(cell.rjust(7) for cell in row[1:])]) for row in rows]
        notes = [f"{self.questions} questions", *self.notes, *([SOURCE] if published else [])]
        return "\n".join([*lines, *(f"note: {note}" for note in notes)])


def score_grounding(
    predictions: Path, gold: Path, answers: Path | None = None, as_one: AsOne = "all", relative: bool = False
) -> GroundingScore:
    """Scores predicted spans against the gold spans of a split, by NExT-GQA's metrics.

    `answers` says of each question whether it was answered right, if `predictions` does not. With `relative`, spans are
    shares of the video, of the durations that `gold` has, and become seconds as the benchmark makes them, rounded to a
    tenth. Raises `UserError` for files that cannot be understood, and for predictions that are all of other questions.
    """
    right = read_gold(gold)
    found = read_predicted(predictions)
    spans = {qid: _chosen(of_question, as_one) for qid, of_question in found.spans.items()}
    if right.keys().isdisjoint(spans):
        raise UserError(
            f"{predictions}: none of its {len(spans)} questions has gold spans in {gold} (the first is "
            f"{next(iter(spans), '')!r}, one there is {next(iter(right), '')!r}); is it of another split? Expected "
            f"{FORM}"
        )
    if relative:
        durations = _durations(gold)
        spans = {
            qid: [(_tenths(start * durations[qid]), _tenths(end * durations[qid])) for start, end in of_question]
            for qid, of_question in spans.items()
            if qid in durations
        }
    notes = _notes(spans, right)
    pairs = [best(spans.get(qid, []), [(start, end) for start, end in segments]) for qid, segments in right.items()]
    iop, iou = np.array(pairs).T
    correct = found.correct if answers is None else read_answers(answers)
    known = None
    if correct:
        known = np.array([correct.get(qid, False) for qid in right])
        if unanswered := len(right.keys() - correct.keys()):
            notes.append(f"{unanswered} of {len(right)} questions have no answer and count as wrong")
    else:
        notes.append("no answers are given (--answers), so there is no Acc@QA and no Acc@GQA")
    metrics = {} if known is None else {"Acc@QA": 100.0 * float(known.mean())}
    missing = sum(not spans.get(qid) for qid in right)
    return GroundingScore(metrics | seven(iop, iou, known), len(right), missing, notes)


def _chosen(spans: list[Span], as_one: AsOne) -> list[Span]:
    if as_one == "all" or not spans:
        return spans
    if as_one == "hull":
        return [(min(start for start, _ in spans), max(end for _, end in spans))]
    return [max(joined(spans), key=lambda span: span[1] - span[0])]


def _notes(spans: dict[str, list[Span]], right: dict[str, Any]) -> list[str]:
    notes = []
    if missing := sum(not spans.get(qid) for qid in right):
        notes.append(f"{missing} of {len(right)} questions have no predicted span and count as wrong")
    if strange := [qid for qid in spans if qid not in right]:
        notes.append(f"{len(strange)} predictions are of questions without gold spans, the first is {strange[0]!r}")
    if several := sum(len(joined(spans[qid])) > 1 for qid in right if qid in spans):
        notes.append(f"{several} predictions have several spans, which count together; NExT-GQA knows one (--as-one)")
    return notes


def _durations(gold: Path) -> dict[str, float]:
    """The length of the video of each question, in seconds."""
    raw = read_object(gold, "the gold spans", "NExT-GQA's form")
    if not all(isinstance(video, dict) and "duration" in video for video in raw.values()):
        raise UserError(f"{gold} has no durations, by which shares of a video become seconds; give NExT-GQA's own file")
    return {f"{name}_{qid}": float(video["duration"]) for name, video in raw.items() for qid in video["location"]}


def _tenths(seconds: float) -> float:
    return float(np.round(seconds, 1))


def _rows() -> list[dict[str, str]]:
    with PUBLISHED.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _made_of(row: dict[str, str]) -> list[str]:
    parts = [row[name] for name in ("vision", "text") if row[name] != "-"]
    return [f"[{', '.join(parts)}]"] if parts else []
