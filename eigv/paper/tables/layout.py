"""How a table is laid out: rows, columns, footnotes, as in the paper, before it is Markdown, LaTeX or HTML."""

import itertools
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from eigv.config.experiment import Config
from eigv.config.metrics import METRICS, Row
from eigv.config.names import Axis
from eigv.config.run_path import point
from eigv.config.targets import Table
from eigv.paper import published
from eigv.paper.results import Key, test_splits
from eigv.paper.significance import FEW_VIDEOS, LEVEL, RESAMPLES
from eigv.paper.tables.footnotes import traits
from eigv.paper.tables.gains import Gain
from eigv.paper.tables.numbers import Numbers
from eigv.paper.tables.rationales import BOUNDS, Value
from eigv.paper.titles import METHODS, title

CAPTIONS = {
    "table1": "Table 1. Accuracy on test (percent), backbones plain and with EIGV",
    "table2": "Table 2. Accuracy on test (percent) of the parts of EIGV",
    "table3": "Table 3. Accuracy on test (percent) with appearance or motion features alone",
    "rationales": "Rationales. Accuracy, and what the causal clips are worth, on test (percent)",
}

MARK = "*"
"""Behind a gain whose interval excludes 0."""


@dataclass(frozen=True)
class Entry:
    """What stands in one place of a table, and the numbers of its footnotes."""

    text: str = ""
    marks: tuple[int, ...] = ()


@dataclass(frozen=True)
class Line:
    """One row; a heading has no entries."""

    label: str
    kind: Literal["heading", "cited", "plain", "method"]
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class Layout:
    """A table as people read it."""

    caption: str
    heads: list[tuple[str, str]]
    """Of each column the title of its group, and its own."""
    lines: list[Line]
    notes: list[str]
    """Footnotes, numbered from 1."""
    remarks: list[str]

    @property
    def groups(self) -> list[tuple[str, int]]:
        """The titles of the groups of columns, and how many columns each has."""
        return [(name, len(list(members))) for name, members in itertools.groupby(group for group, _ in self.heads)]

    @property
    def has_own_heads(self) -> bool:
        """Whether columns have titles of their own below that of their group."""
        return any(own for _, own in self.heads)


class Column(NamedTuple):
    """A group of columns: ours, and where there are published values, the paper's and the difference."""

    place: dict[str, str]
    """Axis and name, and the split."""
    beside: bool
    """Whether published values stand beside ours."""
    metrics: tuple[str, ...] = ("accuracy",)
    """What stands side by side, if not that."""

    @property
    def heads(self) -> tuple[str, ...]:
        """The titles of its columns below its own."""
        if self.beside:
            return ("ours", "paper", "difference")
        return ("",) if self.metrics == ("accuracy",) else tuple(METRICS[metric].title for metric in self.metrics)

    @property
    def title(self) -> str:
        """What stands above the group."""
        names = [title(axis, name) for axis, name in self.place.items() if axis != "split"]
        return " ".join(names + ([f"({self.place['split']})"] if self.place["split"] != "test" else []))

    def holds(self, key: Key) -> bool:
        """Whether a cell belongs into this column."""
        return self.place.items() <= key._asdict().items()


def lay_out(config: Config, name: str, numbers: dict[Key, Numbers], cited: list[dict[str, Any]]) -> Layout:
    """The table as in the paper: cited rows, then ours, each column beside its published values."""
    table = config.tables[name]
    columns = _columns(config, table, numbers)
    footnotes: dict[str, int] = {}
    lines = [_cited_line(row, columns, footnotes) for row in cited]
    if table.question_only:
        baseline = {"backbone": "question-only", "features": "-", "method": "question-only"}
        lines.append(Line("Question only", "plain", _entries(baseline, columns, numbers, footnotes)))
    lines += _own_lines(table, columns, numbers, footnotes)
    heads = [(column.title, own) for column in columns for own in column.heads]
    remarks = _remarks(table, list(numbers.values()), any(column.beside for column in columns))
    what = "Accuracy" if table.metrics == ("accuracy",) else "Accuracy and rationales"
    return Layout(CAPTIONS.get(name, f"{name}. {what} on test (percent)"), heads, lines, list(footnotes), remarks)


def _columns(config: Config, table: Table, numbers: dict[Key, Numbers]) -> list[Column]:
    columns = []
    for names in itertools.product(*(_names(table, axis) for axis in table.columns)):
        place: dict[str, str] = dict(zip(table.columns, names, strict=True))
        splits = test_splits(config.datasets[place["dataset"]]) if "dataset" in place and table.shifted else ["test"]
        for split in splits:
            column = Column(place | {"split": split}, beside=False, metrics=table.metrics)
            beside = table.metrics == ("accuracy",) and any(
                not math.isnan(n.published) for key, n in numbers.items() if column.holds(key)
            )
            columns.append(column._replace(beside=beside))
    return columns


def _names(table: Table, axis: Axis) -> tuple[str, ...]:
    return {
        "dataset": table.datasets,
        "features": table.features,
        "backbone": table.backbones,
        "method": table.methods,
    }[axis]


def _cited_line(row: dict[str, Any], columns: list[Column], footnotes: dict[str, int]) -> Line:
    entries: list[Entry] = []
    for column in columns:
        value = row["values"].get(column.place.get("dataset")) if column.place["split"] == "test" else None
        text = f"{value:.1f}" if value else "-"
        note = row.get("notes", {}).get(column.place.get("dataset")) if value and column.beside else None
        entry = Entry(text, _marks((note,) if note else (), footnotes))
        entries += [Entry(), entry, Entry()] if column.beside else [Entry()] * len(column.heads)
    return Line(f"{row['model']} (cited: {row['paper']})", "cited", tuple(entries))


def _own_lines(
    table: Table, columns: list[Column], numbers: dict[Key, Numbers], footnotes: dict[str, int]
) -> list[Line]:
    order: tuple[Axis, ...] = ("dataset", "features", "backbone", "method")
    axes = [axis for axis in order if axis not in table.columns]
    lines: list[Line] = []
    with_gold: list[Line] = []  # those of all clips and of the gold ones, once below each heading
    heading = ""
    for names in itertools.product(*(_names(table, axis) for axis in axes)):
        row: dict[str, str] = dict(zip(axes, names, strict=True))
        groups = [axis for axis in axes if axis in ("dataset", "features") and len(_names(table, axis)) > 1]
        above = ", ".join(title(axis, row[axis]) for axis in groups)
        if above != heading:
            lines, with_gold = [*lines, *with_gold], []
            heading = above
            lines.append(Line(heading, "heading"))
        is_plain = row.get("method", "erm") == "erm"
        lines.append(Line(_label(row), "plain" if is_plain else "method", _entries(row, columns, numbers, footnotes)))
        if table.bounds:
            lines += _bounds(row, columns, numbers, ("random",))
            with_gold = [*_bounds(row, columns, numbers, ("all", "gold"))] or with_gold
    return lines + with_gold


def _label(row: dict[str, str]) -> str:
    """A method is called by its name, the plain backbone by that of the backbone where rows tell backbones apart."""
    if row.get("method", "erm") != "erm":
        return title("method", row["method"])
    if "backbone" in row:
        return title("backbone", row["backbone"])
    return METHODS["erm"] if "method" in row else "Accuracy"


def _entries(
    row: dict[str, str], columns: list[Column], numbers: dict[Key, Numbers], footnotes: dict[str, int]
) -> tuple[Entry, ...]:
    entries: list[Entry] = []
    for column in columns:
        place = row | column.place
        found = next((n for key, n in numbers.items() if place.items() <= key._asdict().items()), None)
        if found is None:  # question-only, on a second test split
            entries += [Entry("-")] * len(column.heads)
            continue
        notes = _marks(found.notes, footnotes)
        for metric in column.metrics:
            text = _ours(found) if metric == "accuracy" else _rationale(found, metric)
            entries.append(Entry(text, notes if metric == column.metrics[0] else ()))
        if column.beside:
            paper = _number(found.published) + _in_brackets(found.published_gain)
            entries.append(Entry(paper, _marks((found.published_note,), footnotes)))
            entries.append(Entry(_number(found.cell.accuracy - found.published, "+.1f")))
    return tuple(entries)


def _marks(notes: tuple[str, ...], footnotes: dict[str, int]) -> tuple[int, ...]:
    """The numbers of footnotes, new ones for those that are new."""
    return tuple(footnotes.setdefault(note, len(footnotes) + 1) for note in notes if note)


def _ours(numbers: Numbers) -> str:
    cell = numbers.cell
    if not cell.results:
        return cell.status
    spread = "" if math.isnan(cell.deviation) else f" ± {cell.deviation:.1f}"
    mark = MARK if numbers.gain.significant else ""
    return f"{cell.accuracy:.1f}{spread}{_in_brackets(numbers.gain.value)}{mark}"


def _rationale(numbers: Numbers, metric: str) -> str:
    if not numbers.cell.results:
        return numbers.cell.status
    return numbers.values[metric].get("selected", Value()).text


def _bounds(
    row: dict[str, str], columns: list[Column], numbers: dict[Key, Numbers], which: tuple[Row, ...]
) -> Iterator[Line]:
    """Lines for what bounds the rationales of a row; none where it has no numbers of that."""
    cells = [
        next((n for k, n in numbers.items() if (row | c.place).items() <= k._asdict().items()), None) for c in columns
    ]
    for name in which:
        of_columns = [
            (cell.values.get(metric, {}) if cell else {}).get(name, Value())
            for cell, column in zip(cells, columns, strict=True)
            for metric in column.metrics
        ]
        if not all(math.isnan(value.mean) for value in of_columns):
            yield Line(BOUNDS[name], "method", tuple(Entry(value.text) for value in of_columns))


def _number(value: float, form: str = ".1f") -> str:
    return "-" if math.isnan(value) else format(value, form)


def _in_brackets(gain: float) -> str:
    return "" if math.isnan(gain) else f" ({gain:+.1f})"


def _remarks(table: Table, numbers: list[Numbers], beside: bool) -> list[str]:
    seeds = ", ".join(map(str, table.seeds))
    spread = f"Mean ± standard deviation over the seeds {seeds}" if len(table.seeds) > 1 else f"Seed {seeds}"
    remarks = [f"{spread}; in brackets the gain over the plain backbone."]
    remarks += _about_intervals([n.gain for n in numbers])
    if table.metrics != ("accuracy",):
        remarks.append("Rationales are of methods that ground; docs/rationales.md defines their numbers.")
    if beside:
        remarks.append(f"Paper: {published.published()['source']}")
    if table.at:
        remarks.append(f"All runs at {point(table.at)}.")
    shared = {}
    for name in ("code", "appearance", "motion", "text encoder"):
        values = {traits(result)[name] for n in numbers for result in n.cell.results} - {""}
        if len(values) == 1:
            shared[name] = values.pop()
    if shared:
        remarks.append(f"Made with: {'; '.join(f'{name} {value}' for name, value in shared.items())}.")
    if empty := sum(not n.cell.results for n in numbers):
        remarks.append(f"{empty} of {len(numbers)} cells have not been run.")
    return remarks


def _about_intervals(gains: list[Gain]) -> list[str]:
    """How gains are marked, and which cannot be."""
    remarks = []
    if any(gain.significant is not None for gain in gains):
        remarks.append(
            f"Marked {MARK} where the {100 * LEVEL:.0f} % interval of the gain excludes 0: of {RESAMPLES} resamples of "
            f"the videos, each with all its questions, on the mean over the seeds. Gains on fewer than {FEW_VIDEOS} "
            "videos are not marked; that there are several gains is not corrected for."
        )
    lacking = Counter(gain.lacking for gain in gains if gain.lacking)
    return remarks + [f"Without an interval: {count} of the gains, {reason}." for reason, count in lacking.items()]
