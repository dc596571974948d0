"""The answered questions of a run: predictions beside what was asked, and a choice among them."""

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from base.errors import UserError
from eigv.config.shown import Rationales
from extract.annotations import CANDIDATES, COLUMNS
from extract.annotations.contract import read_csv

A_VIDEO = 2
"""Questions that are shown of one video."""


def read_answers(predictions: Path, questions: Path) -> pd.DataFrame:
    """The rows of a `predictions.csv` with their questions (and candidates); `confidence` is the probability of the
    predicted answer, `is_right` whether it is the right one."""
    table = read_csv(predictions, ["qid", "video_id", "type", "answer", "prediction", "correct"])
    asked = read_csv(questions / "test.csv", COLUMNS).drop(columns=["video_id", "type", "answer"])
    joined = table.merge(asked, on="qid", how="left", validate="1:1")
    if joined["question"].isna().any():
        raise UserError(
            f"{predictions} and {questions / 'test.csv'} are not of the same data set: {predictions} has more"
        )
    joined["confidence"] = [max((p for _, p in answer_scores(row)), default=0.0) for row in joined.to_dict("records")]
    joined["is_right"] = joined["correct"] == "1"
    return joined


def answer_scores(row: dict[Hashable, Any]) -> list[tuple[str, float]]:
    """The scored answers of a row: all candidates in their order, or the likeliest open-ended answers."""
    if f"score_{CANDIDATES[0]}" in row:
        return [(row[name], float(row[f"score_{name}"])) for name in CANDIDATES]
    # word:probability, with spaces between; answers may hold spaces and colons themselves.
    return [(word, float(chance)) for word, chance in re.findall(r"(.+?):([01]\.\d+)(?: |$)", row["top"])]


def choose(table: pd.DataFrame, how: Rationales) -> list[pd.DataFrame]:
    """The questions of each video that is shown, at most two a video where nothing else is said."""
    if how.qids:
        absent = set(how.qids) - set(table["qid"])
        if absent:
            raise UserError(f"the predictions have no question {', '.join(sorted(absent))}")
        picked = table[table["qid"].isin(how.qids)]
        return [part for _, part in picked.groupby("video_id", sort=False)]
    if how.choose in ("best", "worst"):
        table = table[table["is_right"] == (how.choose == "best")]
        if table.empty:
            raise UserError(
                f"no answer is {'right' if how.choose == 'best' else 'wrong'}: there is no {how.choose} one"
            )
        table = table.sort_values("confidence", ascending=False, kind="stable")
    parts = [_two(part) for _, part in table.groupby("video_id", sort=False)]
    full = [part for part in parts if len(part) == A_VIDEO]
    count = max(1, how.questions // A_VIDEO)
    parts = full if len(full) >= count else parts
    if how.choose in ("best", "worst"):
        return sorted(parts, key=lambda part: -float(part["confidence"].mean()))[:count]
    if how.choose == "random":
        picks = np.random.default_rng(how.seed).permutation(len(parts))[:count]
    else:
        picks = np.unique(np.linspace(0, len(parts) - 1, min(count, len(parts))).round().astype(int))
    return [parts[i] for i in picks]


def _two(part: pd.DataFrame) -> pd.DataFrame:
    """Two questions of a video, of different types where it has them: they say more."""
    different = part.drop_duplicates("type")
    return (different if len(different) >= A_VIDEO else part).head(A_VIDEO)
