"""`explanations.csv`: what the indicator of a run selects, and other explainers of the same model, by question."""

from pathlib import Path

import numpy as np
import pandas as pd

from base.errors import UserError
from base.reading import read_csv

INDICATOR = "indicator"
SAME_SIZE, TUNED, OWN = "size of the indicator", "threshold tuned on gold", "own"
"""How scores become a selection: as many clips as the indicator selects for that question, every clip above the one
threshold that gives the best IoU on validation, or as the row itself says."""
BASELINES = ("random", "all clips", "gold")
"""Selections beside those of explainers, to compare with."""
TEXTS = ["qid", "video_id", "type", "explainer", "selection"]
NUMBERS = ["share", "iop", "recall", "iou", "auc", "right"]
"""From 0 to 1: `auc` is empty where there is none, `right` whether the selection alone still gives the right answer."""


def read_explanations(path: Path) -> pd.DataFrame:
    """The columns of such a file, a row for each question, explainer and selection; `UserError` for another file."""
    table = read_csv(path, [*TEXTS, *NUMBERS]).replace({"right": {"True": "1", "False": "0"}})
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
    table = read_csv(path, [*TEXTS, "clips"])
    table = table[(table["selection"] == SAME_SIZE) & ~table["explainer"].isin(BASELINES)]
    found: dict[str, dict[str, tuple[int, ...]]] = {}
    for qid, explainer, clips in zip(table["qid"], table["explainer"], table["clips"], strict=True):
        if not all(clip.isdecimal() for clip in clips.split()):
            raise UserError(
                f"{path}: the clips of question {qid!r} are {clips!r}, no numbers; write the file again with "
                "`eigv compare-explanations`"
            )
        found.setdefault(qid, {})[explainer] = tuple(map(int, clips.split()))
    return found
