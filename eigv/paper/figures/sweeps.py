"""Accuracy against the value of one setting, with spread over seeds (Figure 5, and any other key)."""

import itertools
import math
import textwrap
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from base.errors import UserError
from base.writing import write_csv
from eigv.config.experiment import Config, canonical
from eigv.config.run_path import Run, point
from eigv.config.shown import Sweep, Value
from eigv.paper import published
from eigv.paper.figures.plotting import MARKERS, METHOD_COLOURS, OTHER_COLOURS, legend_below, save
from eigv.paper.results import Cell, Key, gather
from eigv.paper.titles import title

TITLES = {"figure5a": "Figure 5a. Mixing ratio drawn from Beta(α, α)", "figure5b": "Figure 5b. Number of negatives N"}
AXES = {"eigv.intervener.alpha": "α", "eigv.disruptor.negatives": "N, negatives of each kind for an anchor"}


class Line(NamedTuple):
    """One curve."""

    dataset: str
    backbone: str
    method: str


def write_sweep(config: Config, name: str, out: Path) -> None:
    """Writes `{name}.png`, `.pdf` and `.csv` (a row a point). Points that have not been run are not drawn."""
    if name not in config.sweeps:
        raise UserError(f"the configuration has no sweep {name!r}; it has {', '.join(config.sweeps) or 'none'}")
    sweep = config.sweeps[name]
    curves = collect(config, sweep)
    write_csv(out / f"{name}.csv", _long(config, sweep, curves))
    save(draw(name, sweep, curves), [out / f"{name}.png", out / f"{name}.pdf"])


def collect(config: Config, sweep: Sweep) -> dict[Line, dict[Value, Cell]]:
    """Of each curve the results at each value."""
    curves: dict[Line, dict[Value, Cell]] = {}
    for line in itertools.starmap(Line, itertools.product(sweep.datasets, sweep.backbones, sweep.methods)):
        for value in sweep.values:
            at = point(sweep.at | {sweep.key: value})
            runs = [canonical(config, Run(*line, sweep.features, seed, at)) for seed in sweep.seeds]
            curves.setdefault(line, {})[value] = gather(config, runs)
    return curves


def _long(config: Config, sweep: Sweep, curves: dict[Line, dict[Value, Cell]]) -> pd.DataFrame:
    return pd.DataFrame(
        line._asdict()
        | {
            sweep.key: value,
            "accuracy": round(cell.accuracy, 4),
            "deviation": round(cell.deviation, 4),
            "status": cell.status,
            "seeds": " ".join(str(result.run.seed) for result in cell.results),
            "runs": " ".join(str(config.runs_folder / str(result.run)) for result in cell.results),
        }
        for line, cells in curves.items()
        for value, cell in cells.items()
    )


def draw(name: str, sweep: Sweep, curves: dict[Line, dict[Value, Cell]]) -> Figure:
    """A panel for each backbone and data set, or for each data set; a line for the rest."""
    panels: dict[str, list[Line]] = {}
    for line in curves:
        names = [title("dataset", line.dataset)]
        names += [title("backbone", line.backbone)] if sweep.panels == "backbone" else []
        panels.setdefault(", ".join(names), []).append(line)
    figure, grid = plt.subplots(
        1, len(panels), figsize=(max(5.5, 4.2 * len(panels)), 4.4), squeeze=False, layout="constrained"
    )
    axes = list(grid[0])
    for panel, (heading, lines) in zip(axes, panels.items(), strict=True):
        panel.set_title(heading)
        for line in lines:
            _draw_line(panel, sweep, line, curves[line])
        _finish(panel, name, sweep)
    axes[0].set_ylabel("accuracy on test (%)")
    said = published.published()["sweeps"].get(name, {}).get("said", "")
    title_lines = [TITLES.get(name, name), *textwrap.wrap(said, 60 * len(panels))]
    figure.suptitle("\n".join(title_lines), fontsize=10, x=0.01, ha="left")
    legend_below(figure, axes)
    return figure


def _draw_line(panel: Axes, sweep: Sweep, line: Line, cells: dict[Value, Cell]) -> None:
    positions = {value: n if _by_name(sweep) else value for n, value in enumerate(sweep.values)}
    shown = [(positions[value], cell) for value, cell in cells.items() if cell.results]
    colour, marker, label = _look(sweep, line)
    if len({cell.runs for cell in cells.values()}) == 1:  # it does not read the setting: one run for all values
        if shown:
            panel.axhline(shown[0][1].accuracy, color=colour, label=label, linewidth=1.6)
            _band(panel, shown[0][1], colour)
    elif shown:
        x, y = [x for x, _ in shown], [cell.accuracy for _, cell in shown]
        spread = [0.0 if math.isnan(cell.deviation) else cell.deviation for _, cell in shown]
        panel.errorbar(x, y, yerr=spread, color=colour, marker=marker, label=label, linewidth=1.6, capsize=3)
    paper = _paper(sweep, line)
    if not math.isnan(paper):
        panel.axhline(paper, color=colour, linestyle=":", linewidth=1.2)
        panel.plot([], [], color="#4d4d4d", linestyle=":", linewidth=1.2, label="paper (Tables 1 and 2)")


def _band(panel: Axes, cell: Cell, colour: str) -> None:
    if not math.isnan(cell.deviation):
        low, high = cell.accuracy - cell.deviation, cell.accuracy + cell.deviation
        panel.axhspan(low, high, color=colour, alpha=0.12, linewidth=0)


def _paper(sweep: Sweep, line: Line) -> float:
    """The published value at the paper's own setting."""
    key = Key(line.dataset, line.backbone, sweep.features, line.method)
    values = [published.value(table, key) for table in ("table2", "table1")]
    return next((value for value in values if not math.isnan(value)), math.nan)


def _look(sweep: Sweep, line: Line) -> tuple[str, str, str]:
    """Colour, marker and label of a line within its panel."""
    method = title("method", line.method)
    if sweep.panels == "backbone":
        return METHOD_COLOURS[line.method], MARKERS[sweep.methods.index(line.method) % len(MARKERS)], method
    number = sweep.backbones.index(line.backbone) * len(sweep.methods) + sweep.methods.index(line.method)
    label = f"{title('backbone', line.backbone)} {method if line.method != 'erm' else ''}".strip()
    return OTHER_COLOURS[number % len(OTHER_COLOURS)], MARKERS[number % len(MARKERS)], label


def _by_name(sweep: Sweep) -> bool:
    """Whether values are names, which have places but no distances."""
    return any(isinstance(value, str | bool) for value in sweep.values)


def _finish(panel: Axes, name: str, sweep: Sweep) -> None:
    panel.set_xlabel(AXES.get(sweep.key, sweep.key))
    if _by_name(sweep):
        panel.set_xticks(range(len(sweep.values)), [str(value) for value in sweep.values])
    else:
        if sweep.logarithmic:
            panel.set_xscale("log")
        panel.set_xticks(list(sweep.values), [f"{value:g}" for value in sweep.values])
        panel.set_xticks([], minor=True)
        mark = published.published()["sweeps"].get(name, {}).get("mark")
        if mark is not None and min(sweep.values) <= mark <= max(sweep.values):
            panel.axvline(
                mark, color="#999999", linestyle="--", linewidth=1, label=f"paper: rises until about N = {mark}"
            )
    panel.margins(x=0.08, y=0.15)
