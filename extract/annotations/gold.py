"""Gold spans: for some questions, the seconds of the video that hold the answer."""

import math
from pathlib import Path
from typing import Any

from base.errors import UserError
from base.ids import composed
from base.reading import read_object
from extract.annotations.contract import splits
from extract.config import Dataset

Spans = dict[str, list[list[float]]]


def gold_files(dataset: Dataset) -> list[Path]:
    """The files of the gold spans of a data set; of a file a split those that are there, or all where none is."""
    if dataset.gold is None:
        return []
    files = list(dict.fromkeys(Path(str(dataset.gold).format(split=split)) for split in splits(dataset)))
    return list(filter(Path.is_file, files)) or files


def read_gold(path: Path, qids: set[str] | None = None) -> Spans:
    """Reads {qid: [[start, end], ...]}, or NExT-GQA's {video: {"location": {qid: [[start, end], ...]}}}.

    In the second form the question id is `{video}_{qid}`. Spans may reach over the ends of the video, as 39 of NExT-GQA
    do. Raises `UserError` for spans that are none, and for questions that are not in `qids`, those of the annotations,
    if they are given.
    """
    raw = read_object(path, "the gold spans", "{question id: [[start, end], ...], ...}")
    found: Spans = {}
    for key, value in raw.items():
        if isinstance(value, dict):
            if not isinstance(value.get("location"), dict):
                raise UserError(f"{path}: the entry of the video {key!r} has no `location`")
            entries = {f"{key}_{qid}": spans for qid, spans in value["location"].items()}
        else:
            entries = {key: value}
        found |= {composed(qid): _spans(spans, path, qid) for qid, spans in entries.items()}
    unknown = [] if qids is None else [qid for qid in found if qid not in qids]
    if qids is not None and unknown:
        raise UserError(
            f"{path}: {len(unknown)} of {len(found)} question ids are not in the annotations, the first is "
            f"{unknown[0]!r}; an id there reads like {next(iter(qids), '')!r}"
        )
    return found


def _spans(value: Any, path: Path, qid: str) -> list[list[float]]:
    try:
        spans = [[float(start), float(end)] for start, end in value]
    except (TypeError, ValueError):
        raise UserError(f"{path}: the question {qid!r}: expected [[start, end], ...], found {value!r}") from None
    if not spans or any(not -math.inf < start <= end < math.inf for start, end in spans):
        raise UserError(f"{path}: the question {qid!r}: a span goes from a start to a later end: {value!r}")
    return spans
