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
TEXTS = ["qid", "video_id", "type", "explainer", "selection"]
CLIPS = "clips"
"""The column of the selections, which files of before do not have."""
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


def clips_as_text(selected: NDArray[np.bool_]) -> list[str]:
    """Selections (Q, K) as they stand in `CLIPS`: a 1 for each clip that is selected, a 0 for each other."""
    return ["".join(row) for row in np.where(selected, "1", "0")]


def read_selections(path: Path) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
    """The rows of such a file, as `read_explanations` has them, with their selections (R, K).

    `UserError` for another file, and for one of before, without selections.
    """
    table = read_explanations(path)
    written = read_csv(path, [*TEXTS, CLIPS])[CLIPS]
    wrong = ~written.str.fullmatch("[01]+") | (written.str.len() != written.str.len().max())
    if wrong.any():
        raise UserError(
            f"{path}: the clips of question {table['qid'][wrong].iloc[0]!r} are {written[wrong].iloc[0]!r}, not a 0 or "
            "1 for each; write the file again with `eigv compare-explanations`"
        )
    return table, np.array([list(row) for row in written]) == "1"
