"""The questions of a data set: `annotations/<split>.csv`, and `summary.json` with how many were left out.

A row a question, all text: `qid` (unique), `video_id`, `question`, `type`, `answer`; multiple choice also the
candidates `a0` to `a4`, and `answer` is then the index of the right one.
"""

import itertools
from pathlib import Path
from typing import Any

import pandas as pd

from base.reading import read_csv, read_object
from base.writing import write_csv, write_json

CANDIDATES = [f"a{i}" for i in range(5)]
COLUMNS = ["qid", "video_id", "question", "type", "answer"]
INDICES = [str(i) for i in range(len(CANDIDATES))]
"""What the answer of a multiple-choice question can be."""

SUMMARY = "summary.json"


def is_multiple_choice(table: pd.DataFrame) -> bool:
    """Whether questions have candidates; open-ended ones have none."""
    return CANDIDATES[0] in table.columns


def candidate_columns(table: pd.DataFrame) -> list[str]:
    """The columns of the candidates, `a0`, `a1`, ...: five in annotations, any number in questions that are asked."""
    return list(itertools.takewhile(lambda name: name in table.columns, (f"a{n}" for n in itertools.count())))


def write_annotations(path: Path, table: pd.DataFrame) -> None:
    """Writes the questions of a split."""
    write_csv(path, table)


def read_annotations(path: Path) -> pd.DataFrame:
    """The questions of a split, all text. `UserError` for a file that is missing, is no CSV or lacks a column."""
    return read_csv(path, COLUMNS)


def write_summary(folder: Path, summary: dict[str, dict[str, Any]]) -> None:
    """Writes what is counted in each split, `questions_left_out` among it."""
    write_json(folder / SUMMARY, summary)


def questions_left_out(folder: Path, split: str) -> int:
    """How many questions of a split are not used because their videos are not."""
    summary = read_object(folder / SUMMARY, "the counts of questions", "{split: {questions_left_out: ...}, ...}")
    return int(summary[split]["questions_left_out"])
