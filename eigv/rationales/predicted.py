"""Grounding predictions of any system, in the forms in which they are passed around, read into one."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from base.answers import comparable
from base.errors import UserError
from base.formats.predictions import right_by_question
from base.ids import composed
from base.reading import read_csv, read_object
from eigv.rationales.spans import Span

FORM = '{"video_qid": [start, end], ...}'
SPANS = ("spans", "span", "location")
"""What the spans of an entry are called that says more, the first that is there."""


@dataclass(frozen=True)
class Predicted:
    """What a system says of some questions, by their ids."""

    spans: dict[str, list[Span]]
    """The seconds that the answer rests on; an empty list for nothing."""
    correct: dict[str, bool]
    """Whether it was answered right, of those questions of which that is known."""


def read_predicted(path: Path) -> Predicted:
    """Reads the seconds that a system has predicted, and its answers where the file has them.

    By question id (`{video}_{qid}` in NExT-GQA) a span `[start, end]`, several of them, or an object that holds one or
    the other as `span` or `spans`, and maybe `prediction` and `answer`. By video id an object by question number, or
    one with a `location`, as the benchmark's gold has it. A CSV is the `predictions.csv` of a run. `UserError` names
    the entry that cannot be read.
    """
    if path.suffix.lower() == ".csv":
        return _read_run(path)
    spans: dict[str, list[Span]] = {}
    correct: dict[str, bool] = {}
    for key, value in read_object(path, "the predicted spans", FORM).items():
        for name, entry in _entries(key, value).items():
            qid, where = composed(name), f"{path}: the entry {name!r}"
            if qid in spans:
                raise UserError(f"{path}: the question {qid!r} has two predictions; take one out")
            of_entry = entry if not isinstance(entry, dict) else _spans_of(entry, where)
            spans[qid] = _spans(of_entry, where)
            if isinstance(entry, dict) and {"prediction", "answer"} <= entry.keys():
                correct[qid] = _same(entry)
    return Predicted(spans, correct)


def read_answers(path: Path) -> dict[str, bool]:
    """By question id whether a system was right: {"video_qid": {"prediction": ..., "answer": ...}, ...}."""
    form = '{"video_qid": {"prediction": ..., "answer": ...}, ...}'
    if path.suffix.lower() == ".csv":
        return _read_run(path, grounded=False).correct
    found = {}
    for qid, entry in read_object(path, "the answers", form).items():
        if not isinstance(entry, dict) or not {"prediction", "answer"} <= entry.keys():
            raise UserError(f"{path}: the entry {qid!r} has no `prediction` with the right `answer`; expected {form}")
        found[composed(qid)] = _same(entry)
    return found


def _entries(key: str, value: Any) -> dict[str, Any]:
    """The predictions of an entry by question id: it is one itself, or those of a video."""
    if not isinstance(value, dict):
        return {key: value}
    of_video = value["location"] if isinstance(value.get("location"), dict) else value
    if of_video is value and ("prediction" in value or any(name in value for name in SPANS)):
        return {key: value}
    return {f"{key}_{qid}": entry for qid, entry in of_video.items()}


def _spans_of(entry: dict[str, Any], where: str) -> Any:
    name = next((name for name in SPANS if name in entry), None)
    if name is None:
        raise UserError(f"{where} has no `span`: its keys are {', '.join(map(repr, entry)) or 'none'}")
    return entry[name]


def _spans(value: Any, where: str) -> list[Span]:
    """One span, or several."""
    many = [value] if isinstance(value, list) and value and not isinstance(value[0], list) else value
    try:
        found = [(float(start), float(end)) for start, end in many]
    except (TypeError, ValueError):
        raise UserError(f"{where}: expected [start, end] or [[start, end], ...] in seconds, found {value!r}") from None
    if any(not -math.inf < start <= end < math.inf for start, end in found):
        raise UserError(f"{where}: a span goes from a start to a later end, in seconds: {value!r}")
    return found


def _same(entry: dict[str, Any]) -> bool:
    return comparable(str(entry["prediction"])) == comparable(str(entry["answer"]))


def _read_run(path: Path, grounded: bool = True) -> Predicted:
    """The spans and the answers of a `predictions.csv`."""
    table = read_csv(path, ["qid"], whole_rows=True)
    needed = {"correct"} | ({"causal_spans"} if grounded else set())
    if missing := needed - {*table.columns}:
        raise UserError(
            f"{path} is no predictions.csv of a run that grounds its answers: it lacks {', '.join(sorted(missing))}; "
            f"give one, or JSON: {FORM}"
        )
    right = dict(zip(table["qid"], right_by_question(table, path).tolist(), strict=True))
    spans = {}
    for qid, text in zip(table["qid"], table["causal_spans"], strict=True) if grounded else ():
        spans[qid] = _spans([span.split("-") for span in text.split()], f"{path}: the question {qid!r}")
    return Predicted(spans, right)
