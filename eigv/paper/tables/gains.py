"""Gains over the plain backbone, with their intervals over the videos of the split."""

import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from base.formats.run_folder import RunFolder
from eigv.config.experiment import Config
from eigv.paper.comparison.answers import Answers, ComparisonError, Paired, Reader, pair
from eigv.paper.results import Cell, Key, Result
from eigv.paper.significance import Interval, paired_bootstrap


@dataclass(frozen=True)
class Gain:
    """How far a cell is ahead of the plain backbone, in percent; NaN where there is no number."""

    value: float = math.nan
    """Of the seeds that both have."""
    low: float = math.nan
    high: float = math.nan
    significant: bool | None = None
    """Whether the interval excludes 0, and rests on enough videos; None where there is no interval."""
    note: str = ""
    """What a reader must be told of it."""
    lacking: str = ""
    """Why there is no interval."""


def gains(config: Config, cells: dict[Key, Cell]) -> dict[Key, Gain]:
    """The gain of every cell that has a plain backbone beside it, as `eigv compare-runs` gives it."""
    reader = Reader()
    found: dict[Key, Gain] = {}
    paired: dict[Key, Paired] = {}
    for key, cell in cells.items():
        plain = cells.get(key._replace(method="erm"))
        if plain is None or plain is cell or not cell.results or not plain.results:
            continue
        shared = _shared(cell, plain)
        if not shared:
            value = cell.accuracy - plain.accuracy
            found[key] = Gain(value, lacking="no seed has been run of both")
            continue
        value = float(np.mean([a.metrics["accuracy"] - b.metrics["accuracy"] for a, b in shared]))
        note = _about_seeds(cell, plain, shared)
        found[key] = Gain(value, note=note)
        try:
            a, b = (
                [_answers(config, reader, result, key.split) for result in side] for side in zip(*shared, strict=True)
            )
            paired[key] = pair(a, b)
        except ComparisonError as error:
            found[key] = Gain(value, note=note, lacking=error.reason)
    return found | {key: _with_interval(found[key], *of) for key, of in _intervals(paired).items()}


def _shared(cell: Cell, plain: Cell) -> list[tuple[Result, Result]]:
    """The results of both with the same seed."""
    theirs = {result.run.seed: result for result in plain.results}
    return [(result, theirs[result.run.seed]) for result in cell.results if result.run.seed in theirs]


def _about_seeds(cell: Cell, plain: Cell, shared: list[tuple[Result, Result]]) -> str:
    if len(shared) == len(cell.results) == len(plain.results):
        return ""
    return f"the gain is of the seeds that the plain backbone has too: {', '.join(str(a.run.seed) for a, _ in shared)}"


def _answers(config: Config, reader: Reader, result: Result, split: str) -> Answers:
    files = RunFolder(config.runs_folder / str(result.run)).of_split(split)
    return reader.read(files.predictions, result.metrics["accuracy"])


def _intervals(paired: dict[Key, Paired]) -> dict[Key, tuple[Interval, int]]:
    """The interval of each difference and the number of its videos; those on the same questions share the resamples."""
    groups: dict[int, list[Key]] = defaultdict(list)
    for key, pairs in paired.items():
        groups[id(pairs.asked)].append(key)
    found = {}
    for keys in groups.values():
        gained = np.stack([paired[key].by_video(paired[key].gained) for key in keys], axis=1)  # (V, C)
        counts = np.stack([paired[key].by_video(paired[key].answered) for key in keys], axis=1)
        for key, interval in zip(keys, paired_bootstrap(gained, counts), strict=True):
            found[key] = interval, len(gained)
    return found


def _with_interval(gain: Gain, interval: Interval, videos: int) -> Gain:
    significant = None if math.isnan(interval.low) else interval.excludes_zero(videos)
    return Gain(gain.value, 100.0 * interval.low, 100.0 * interval.high, significant, gain.note)
