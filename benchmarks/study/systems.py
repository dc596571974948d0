"""The systems of the study: the runs of one setting over seeds, and what stands of them in a table.

Sizes: Q questions, V videos.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from base.formats.run_folder import RunFolder
from benchmarks.numbers import difference, spread
from eigv.config.experiment import Config
from eigv.config.methods import METHODS
from eigv.config.run_path import Run, point
from eigv.paper.comparison.answers import Answers, Reader, pair
from eigv.paper.comparison.compare import Row, rows
from eigv.paper.results import Cell, gather
from eigv.paper.significance import Interval, paired_bootstrap
from eigv.paper.titles import title

OFFICIAL, BLIND = "-official", "-blind"
"""What ends the names of data sets that are another's, for other settings or without anything to see."""
PLAIN = "erm"


@dataclass(frozen=True)
class System:
    """The runs of a setting, which differ in their seed."""

    config: Config
    runs: tuple[Run, ...]

    @property
    def first(self) -> Run:
        """One of them."""
        return self.runs[0]

    @property
    def dataset(self) -> str:
        """Its data set, by the name that it has without other settings."""
        return self.first.dataset.removesuffix(OFFICIAL).removesuffix(BLIND)

    @property
    def name(self) -> str:
        """What it is called in a row, with its backbone."""
        said = f"{title('backbone', self.first.backbone)}"
        if self.first.method != PLAIN:
            said += f" {title('method', self.first.method)}"
        if self.first.dataset.endswith(OFFICIAL):
            said += ", official settings"
        if self.first.point:
            tables = {point(table.at): name.replace("-", " ") for name, table in self.config.tables.items() if table.at}
            said += f", {tables.get(self.first.point, self.first.point)}"
        return said + (", no video" if self.first.dataset.endswith(BLIND) else "")

    def cell(self, split: str = "test") -> Cell:
        """Its results on a split."""
        return gather(self.config, list(self.runs), split)

    @cached_property
    def done(self) -> Cell:
        """Its results on test."""
        return self.cell()

    @property
    def folders(self) -> list[RunFolder]:
        """Where its results on test lie."""
        return [RunFolder(self.config.runs_folder / str(result.run)) for result in self.done.results]

    def numbers(self, of: Callable[[dict[str, Any]], float | None], split: str = "test") -> list[float]:
        """A number of each seed that has it."""
        found = (of(result.metrics) for result in self.cell(split).results)
        return [number for number in found if number is not None]

    def answers(self, reader: Reader, split: str = "test") -> dict[int, Answers]:
        """The answers of its seeds."""
        return {
            result.run.seed: reader.read(
                RunFolder(self.config.runs_folder / str(result.run)).of_split(split).predictions,
                result.metrics["accuracy"],
            )
            for result in self.cell(split).results
        }


def systems(config: Config, *tables: str) -> list[System]:
    """The systems of some tables, in their order, each once."""
    found: dict[Run, list[Run]] = {}
    for table in tables:
        for run in config.runs(table):
            seeds = found.setdefault(run._replace(seed=0), [])
            if run not in seeds:
                seeds.append(run)
    return [System(config, tuple(runs)) for runs in found.values()]


def section(heading: str, *targets: str) -> str:
    """A heading, and the targets that show what stands below it."""
    return f"## {heading}\n\nFrom {', '.join(f'`make study-{target}`' for target in targets)}."


def order(config: Config) -> Callable[[System], tuple[int, ...]]:
    """How systems stand below each other: by backbone, plain first, official settings after the paper's."""
    backbones = list(dict.fromkeys(run.backbone for table in config.tables for run in config.runs(table)))

    def place(system: System) -> tuple[int, ...]:
        run = system.first
        return backbones.index(run.backbone), list(METHODS).index(run.method), run.dataset.endswith(OFFICIAL)

    return place


def plain_of(system: System, among: Sequence[System]) -> System | None:
    """Plain training of the same backbone on the same questions, which sees the video."""
    for other in among:
        same = (other.dataset, other.first.backbone) == (system.dataset, system.first.backbone)
        if same and is_plain(other):
            return None if other is system else other
    return None


def is_plain(system: System) -> bool:
    """Whether it is plain training that sees the video, what others are held against."""
    return system.first.method == PLAIN and not system.first.dataset.endswith((OFFICIAL, BLIND))


def compared(ours: System, theirs: System, reader: Reader, split: str = "test") -> list[Row]:
    """A - B on the seeds that both have, as `eigv compare-runs` has it: all, then by type; empty without any."""
    a, b = ours.answers(reader, split), theirs.answers(reader, split)
    seeds = sorted(a.keys() & b.keys())
    if not seeds:
        return []
    return rows(pair([a[seed] for seed in seeds], [b[seed] for seed in seeds]), [str(seed) for seed in seeds])


def accuracy(system: System, reader: Reader) -> str:
    """Mean ± deviation over seeds and, in brackets, the interval of the mean over resampled videos."""
    found = list(system.answers(reader).values())
    if not found:
        return ""
    right = pair(found, found)
    interval = _share(right.by_video(right.a.sum(axis=0, dtype=np.int64)), right.by_video(right.answered))
    return f"{spread([one.accuracy for one in found])} [{interval.low:.1f}, {interval.high:.1f}]"


def _share(right: Any, asked: Any) -> Interval:
    (interval,) = paired_bootstrap(right[:, None], asked[:, None])
    return Interval(100 * interval.low, 100 * interval.high)


def gain(row: Row) -> dict[str, str]:
    """A difference with its interval, where it rests on more than one video, and McNemar's p."""
    interval = Interval(row.low, row.high)
    known = not math.isnan(row.low)
    return {
        "difference": difference(row.difference, interval, row.significant) if known else f"{row.difference:+.1f}",
        "p": f"{row.p:.3f}" if row.p >= 0.001 else "< .001",
    }


def lines(
    found: Sequence[System], reader: Reader, shuffled: str | None = None, beside: Sequence[System] = ()
) -> Iterator[dict[str, str]]:
    """A row of each system that has been run: accuracy, the difference to plain training, with other videos."""
    for system in found:
        if not system.done.results:
            continue
        line = {"": system.name, "seeds": str(len(system.done.results)), "accuracy": accuracy(system, reader)}
        line |= {"difference": "", "p": ""}
        plain = plain_of(system, [*found, *beside])
        if plain is not None and (against := compared(system, plain, reader)):
            line |= gain(against[0])
        line["best epoch"] = spread(system.numbers(lambda metrics: metrics.get("epoch")))
        if shuffled:
            line["of another video"] = spread(system.numbers(lambda metrics: metrics["accuracy"], shuffled))
        yield line
