"""The comparison of two systems: means, spreads and differences, of all questions, of each type and of each seed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eigv.paper.comparison.answers import Paired, Reader, pair
from eigv.paper.comparison.sides import Evaluated, Side, pairs, side
from eigv.paper.significance import RESAMPLES, Interval, mcnemar, paired_bootstrap

ALL = "all"
"""Stands for all types, and for all seeds."""


@dataclass(frozen=True)
class Row:
    """One difference, in percent; its fields are the columns of the files."""

    type: str
    """Which questions, or `all`."""
    seed: str
    """Which pair of runs, or `all`."""
    questions: int
    videos: int
    accuracy_a: float
    deviation_a: float
    """Over the seeds (of the sample); NaN for fewer than two."""
    accuracy_b: float
    deviation_b: float
    difference: float
    """A - B, of the means over the seeds."""
    low: float
    high: float
    """The interval of the difference; NaN where the questions are on fewer than two videos."""
    significant: bool
    """Whether the interval excludes 0, and rests on enough videos (`significance.FEW_VIDEOS`)."""
    only_a: int
    """Questions that A got right and B wrong; of several seeds, those that A got right in more of them than B."""
    only_b: int
    p: float
    """McNemar's, of `only_a` and `only_b`."""


@dataclass(frozen=True)
class Comparison:
    """Two systems on the same questions of a split."""

    a: Side
    b: Side
    pairs: list[tuple[Evaluated, Evaluated]]
    split: str
    resamples: int
    seed: int
    """Of the resampling."""
    rows: list[Row]
    """All questions and seeds first, then the types, then all questions of each pair where there are several."""
    notes: list[str]


def compare_runs(a: str, b: str, split: str | None = None, resamples: int = RESAMPLES, seed: int = 0) -> Comparison:
    """Compares the runs at two places, as `sides.side` takes them. `UserError` where they cannot be compared."""
    sides = side("A", a, split), side("B", b, split)
    paired, notes = pairs(*sides)
    reader = Reader()
    answers = [
        [reader.read(run.files.predictions, run.metrics["accuracy"]) for run in runs]
        for runs in zip(*paired, strict=True)
    ]
    found = rows(pair(*answers), [_seed(*runs) for runs in paired], resamples, seed)
    return Comparison(*sides, paired, paired[0][0].split, resamples, seed, found, notes)


def rows(paired: Paired, seeds: Sequence[str], resamples: int = RESAMPLES, seed: int = 0) -> list[Row]:
    """All differences, each with its interval; `seeds` names the pairs, and `seed` is that of the resampling."""
    every = np.ones(len(paired.asked), dtype=bool)
    types = paired.asked["type"].to_numpy()
    names = sorted(set(types))
    parts = [_Part(ALL, ALL, every, paired)]
    if len(names) > 1:
        parts += [_Part(name, ALL, types == name, paired) for name in names]
    if len(seeds) > 1:
        parts += [_Part(ALL, name, every, paired.only(n)) for n, name in enumerate(seeds)]
    gained = [part.pairs.by_video(part.pairs.gained * part.asked) for part in parts]
    counts = [part.pairs.by_video(part.pairs.answered * part.asked) for part in parts]
    intervals = paired_bootstrap(np.stack(gained, axis=1), np.stack(counts, axis=1), resamples, seed)
    return [_row(part, interval) for part, interval in zip(parts, intervals, strict=True)]


class _Part(NamedTuple):
    """What one row is about."""

    type: str
    seed: str
    asked: NDArray[np.bool_]
    """(Q,) which questions."""
    pairs: Paired


def _row(part: _Part, interval: Interval) -> Row:
    paired, asked = part.pairs, part.asked
    accuracies = [100.0 * side[:, asked].mean(axis=1) for side in (paired.a, paired.b)]
    means = [float(side.mean()) for side in accuracies]
    deviations = [float(side.std(ddof=1)) if len(side) > 1 else math.nan for side in accuracies]
    gained = paired.gained[asked]
    only_a, only_b = int((gained > 0).sum()), int((gained < 0).sum())
    videos = len(np.unique(paired.video[asked]))
    return Row(
        type=part.type,
        seed=part.seed,
        questions=len(gained),
        videos=videos,
        accuracy_a=means[0],
        deviation_a=deviations[0],
        accuracy_b=means[1],
        deviation_b=deviations[1],
        difference=100.0 * float(gained.mean()) / len(paired.a),
        low=100.0 * interval.low,
        high=100.0 * interval.high,
        significant=interval.excludes_zero(videos),
        only_a=only_a,
        only_b=only_b,
        p=mcnemar(only_a, only_b),
    )


def _seed(a: Evaluated, b: Evaluated) -> str:
    return str(a.seed) if a.seed == b.seed else f"{a.seed}, {b.seed}"
