"""Which questions runs answered right, brought into one order so that they can be compared question by question.

Sizes: Q questions, V videos, P pairs of runs.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from base.errors import UserError
from base.formats.predictions import read_correct


class ComparisonError(UserError):
    """Runs that cannot be compared; `reason` is the short form, without names of files."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, eq=False)
class Answers:
    """What one run got right."""

    path: Path
    """Its `predictions.csv`."""
    asked: pd.DataFrame
    """The questions, with `qid`, `video_id` and `type`; files with the same ones share them."""
    correct: NDArray[np.bool_]
    """(Q,)"""

    @property
    def accuracy(self) -> float:
        """In percent."""
        return 100.0 * float(self.correct.mean())


class Reader:
    """Reads `predictions.csv` files, each of them once."""

    def __init__(self) -> None:
        self._read: dict[Path, Answers] = {}
        self._asked: list[pd.DataFrame] = []

    def read(self, path: Path, accuracy: float) -> Answers:
        """The answers of a run that has this `accuracy` in its `metrics.json`.

        `ComparisonError` where the file is missing or of another evaluation, `UserError` where it cannot be read.
        """
        if path not in self._read:
            if not path.is_file():
                raise ComparisonError("predictions.csv is missing", f"{path} does not exist; evaluate the run again")
            table = read_correct(path)
            self._read[path] = Answers(path, self._shared(table.drop(columns="correct")), table["correct"].to_numpy())
        found = self._read[path]
        if not abs(found.accuracy - accuracy) < 1e-6:
            raise ComparisonError(
                "predictions.csv and metrics.json are of different evaluations",
                f"{path} has an accuracy of {found.accuracy:.2f} %, the metrics.json beside it {accuracy:.2f} %: they "
                "are of different evaluations; evaluate the run again",
            )
        return found

    def _shared(self, asked: pd.DataFrame) -> pd.DataFrame:
        for known in self._asked:
            if asked.equals(known):
                return known
        self._asked.append(asked)
        return asked


@dataclass(frozen=True, eq=False)
class Paired:
    """Two systems on the same questions, in pairs of runs."""

    asked: pd.DataFrame
    video: NDArray[np.intp]
    """(Q,) the number of each question's video."""
    videos: int
    a: NDArray[np.bool_]
    """(P, Q) whether the runs of A were right."""
    b: NDArray[np.bool_]
    """(P, Q) the same of B."""

    @property
    def gained(self) -> NDArray[np.int64]:
        """(Q,) in how many more of the pairs A was right than B."""
        return self.a.sum(axis=0, dtype=np.int64) - self.b.sum(axis=0, dtype=np.int64)

    @property
    def answered(self) -> NDArray[np.int64]:
        """(Q,) how many answers of each side there are to each question: one a pair."""
        return np.full(len(self.asked), len(self.a), dtype=np.int64)

    def only(self, n: int) -> "Paired":
        """The pair `n` by itself."""
        return replace(self, a=self.a[n : n + 1], b=self.b[n : n + 1])

    def by_video(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """(V,) the sums of `values` (Q,) over the questions of each video."""
        return np.bincount(self.video, weights=values, minlength=self.videos).astype(np.int64)


def pair(a: list[Answers], b: list[Answers]) -> Paired:
    """Pairs runs, the first with the first and so on; `ComparisonError` where they were not asked the same."""
    asked = a[0].asked
    right = [_in_order(asked, a[0].path, run) for run in (*a, *b)]
    video, names = pd.factorize(asked["video_id"], sort=True)
    return Paired(asked, video, len(names), np.array(right[: len(a)]), np.array(right[len(a) :]))


def _in_order(asked: pd.DataFrame, first: Path, run: Answers) -> NDArray[np.bool_]:
    """(Q,) the answers of a run in the order of the questions `asked`, which are those of the file `first`."""
    if run.asked is asked:
        return run.correct
    mine, theirs = (set(table["qid"]) for table in (run.asked, asked))
    if mine != theirs:
        raise ComparisonError("the questions differ", _differing(first, theirs, run.path, mine))
    order = pd.Index(run.asked["qid"]).get_indexer(pd.Index(asked["qid"]))
    for column, what in (("video_id", "on the video"), ("type", "of the type")):
        other = run.asked[column].to_numpy()[order]
        different = np.flatnonzero(other != asked[column].to_numpy())
        if len(different):
            n = different[0]
            raise ComparisonError(
                "the questions differ",
                f"the question {asked['qid'].iloc[n]!r} is {what} {asked[column].iloc[n]!r} in {first} and {what} "
                f"{other[n]!r} in {run.path}: not the same questions; compare runs on the same data set",
            )
    return run.correct[order]


def _differing(first: Path, theirs: set[str], path: Path, mine: set[str]) -> str:
    if not mine & theirs:
        return (
            f"{first} and {path} have no question in common: another data set or another split; "
            "compare runs on the same questions"
        )
    parts = [
        f"{len(more)} of its {len(every)} questions only in {name} (the first: {min(more)!r})"
        for name, every, more in ((first, theirs, theirs - mine), (path, mine, mine - theirs))
        if more
    ]
    return (
        f"the questions differ: {', '.join(parts)}; evaluate both on the same annotations, and see questions_left_out "
        "in their metrics.json"
    )
