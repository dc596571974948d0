"""`explanations.csv`: what the indicator of a run selects, and other explainers of the same model, by question."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from base.errors import UserError
from base.reading import read_csv

INDICATOR = "indicator"
SAME_SIZE, TUNED, OWN = "size of the indicator", "threshold tuned on gold", "own"
"""How scores become a selection: as many clips as the indicator selects for that question, every clip above the one
threshold that gives the best IoU on validation, or as the row itself says."""
BASELINES = ("random", "all clips", "gold")
"""Selections beside those of explainers, to compare with."""
TEXTS = ["qid", "video_id", "type", "explainer", "selection"]
CLIPS = "clips"
"""The column of the selections, numbers of clips from 0 split by spaces; files of before do not have it."""
NUMBERS = ["share", "iop", "recall", "iou", "auc", "right"]
"""From 0 to 1: `auc` is empty where there is none, `right` whether the selection alone still gives the right answer."""


def read_explanations(path: Path) -> pd.DataFrame:
    """The columns of such a file, a row for each question, explainer and selection; `UserError` for another file."""
    return _checked(read_csv(path, [*TEXTS, *NUMBERS]), path)


def _checked(written: pd.DataFrame, path: Path) -> pd.DataFrame:
    table = written.replace({"right": {"True": "1", "False": "0"}})
    for column in NUMBERS:
        numbers = pd.to_numeric(table[column].replace("", "nan"), errors="coerce")
        wrong = np.flatnonzero(numbers.isna() & (table[column] != "") if column == "auc" else numbers.isna())
        if len(wrong):
            raise UserError(
                f"{path}: {column} of question {table['qid'].iloc[wrong[0]]!r} is {table[column].iloc[wrong[0]]!r}, no "
                "number; write the file again with `eigv compare-explanations`"
            )
        table[column] = numbers
    repeated = table.duplicated(["qid", "explainer", "selection"])
    if repeated.any() or not (table["explainer"] == INDICATOR).any():
        raise UserError(
            f"{path} has {'a question twice' if repeated.any() else 'no row of the indicator'}; write it again with "
            "`eigv compare-explanations`"
        )
    return table[[*TEXTS, *NUMBERS]]


def read_post_hoc(path: Path) -> dict[str, dict[str, tuple[int, ...]]]:
    """By question, and by explainer, the clips (numbered from 0) that each post-hoc explainer selects there, as many as
    the indicator; `UserError` for another file."""
    table = read_csv(path, [*TEXTS, CLIPS])
    table = table[(table["selection"] == SAME_SIZE) & ~table["explainer"].isin(BASELINES)]
    found: dict[str, dict[str, tuple[int, ...]]] = {}
    for qid, explainer, clips in zip(table["qid"], table["explainer"], _clips(table, path), strict=True):
        found.setdefault(qid, {})[explainer] = clips
    return found


def clips_as_text(selected: NDArray[np.bool_]) -> list[str]:
    """Selections (Q, K) as they stand in `CLIPS`."""
    return [" ".join(map(str, np.flatnonzero(row))) for row in selected]


def read_selections(path: Path) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
    """The rows of such a file, as `read_explanations` has them, with their selections (R, K).

    `UserError` for another file, and for one of before, without selections. K is known from the rows of all clips.
    """
    written = read_csv(path, [*TEXTS, *NUMBERS, CLIPS])
    table, clips = _checked(written, path), _clips(written, path)
    selected = np.zeros((len(clips), 1 + max(max(row, default=0) for row in clips)), dtype=bool)
    for row, numbers in zip(selected, clips, strict=True):
        row[list(numbers)] = True
    return table, selected


def _clips(table: pd.DataFrame, path: Path) -> list[tuple[int, ...]]:
    for qid, clips in zip(table["qid"], table[CLIPS], strict=True):
        if not all(clip.isdecimal() for clip in clips.split()):
            raise UserError(
                f"{path}: the clips of question {qid!r} are {clips!r}, no numbers; write the file again with "
                "`eigv compare-explanations`"
            )
    return [tuple(map(int, clips.split())) for clips in table[CLIPS]]
