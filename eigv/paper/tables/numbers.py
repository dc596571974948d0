"""The numbers of a table, cell by cell, with what they are compared with."""

import itertools
import math
from dataclasses import dataclass, field, replace

from eigv.config.experiment import Config, canonical
from eigv.config.metrics import Row
from eigv.config.run_path import Run, point
from eigv.config.targets import Table
from eigv.paper import published
from eigv.paper.results import Cell, Key, gather, question_only, test_splits
from eigv.paper.tables.footnotes import footnotes
from eigv.paper.tables.gains import Gain, gains
from eigv.paper.tables.rationales import Value, values


@dataclass(frozen=True)
class Numbers:
    """A cell's results with what they are compared with. Percent; NaN where there is no number."""

    cell: Cell
    gain: Gain
    """Over the plain backbone on the same features."""
    published: float
    published_gain: float
    notes: tuple[str, ...]
    published_note: str
    values: dict[str, dict[Row, Value]] = field(default_factory=dict)
    """By metric and row, of the metrics that the table shows beside accuracy."""


def table_numbers(config: Config, name: str) -> dict[Key, Numbers]:
    """The numbers of every cell of the table `name`, also of those that have not been run."""
    cells = collect(config, config.tables[name])
    notes = dict(zip(cells, footnotes(config, list(cells.values())), strict=True))
    gained = gains(config, cells)
    found = {key: _compared(name, cells[key], key, gained.get(key, Gain()), notes[key]) for key in cells}
    metrics = [metric for metric in config.tables[name].metrics if metric != "accuracy"]
    return {
        key: replace(numbers, values={metric: values(config, numbers.cell, metric) for metric in metrics})
        for key, numbers in found.items()
    }


def collect(config: Config, table: Table) -> dict[Key, Cell]:
    """The results of every cell of a table, also of those that have none."""
    cells: dict[Key, Cell] = {}
    for d, b, f, m in itertools.product(table.datasets, table.backbones, table.features, table.methods):
        runs = [canonical(config, Run(d, b, m, f, seed, point(table.at))) for seed in table.seeds]
        for split in test_splits(config.datasets[d]) if table.shifted else ["test"]:
            cells[Key(d, b, f, m, split)] = gather(config, runs, split)
    if table.question_only:
        for d in table.datasets:
            cells[Key.question_only(d)] = question_only(config, d)
    return cells


def _compared(name: str, cell: Cell, key: Key, gain: Gain, notes: list[str]) -> Numbers:
    """A cell with its gain over the plain backbone, and the published values."""
    plain = key._replace(method="erm")
    paper, paper_plain = published.value(name, key), published.value(name, plain)
    return Numbers(
        cell=cell,
        gain=gain,
        published=paper,
        published_gain=paper - paper_plain if key != plain else math.nan,
        notes=tuple(filter(None, (*notes, gain.note))),
        published_note=published.note(key),
    )
