"""How much answers rest on the likeliest clips (insertion, deletion), and how many of these are gold."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from base.errors import UserError
from base.writing import write_csv
from eigv.config.experiment import Config
from eigv.paper.figures.plotting import METHOD_COLOURS, legend_below, save
from eigv.paper.results import Cell, Key
from eigv.paper.tables.numbers import collect
from eigv.paper.titles import title

KINDS = {"insertion": "the likeliest clips kept", "deletion": "the likeliest clips removed"}
STYLES = ("-", "--", "-.", ":")
"""Of backbones and features within a panel; colours are methods."""


class Line(NamedTuple):
    """One curve over seeds, in percent: (seeds, points) each."""

    clips: list[int]
    values: NDArray[np.float64]
    recall: NDArray[np.float64] | None = None
    selected: tuple[float, float] | None = None
    """Recall and IoP of the clips that are selected."""


def write_curves(config: Config, name: str, out: Path) -> None:
    """Draws `{name}.png` and `.pdf`, and writes their points as `{name}.csv`; runs that are not made are left out.

    `UserError` for curves that the configuration lacks, and where no run has a rationale.
    """
    if name not in config.curves:
        raise UserError(f"the configuration has no curves {name!r}; it has {', '.join(config.curves) or 'none'}")
    table = config.curves[name].table
    cells = {key: cell for key, cell in collect(config, config.tables[table]).items() if key.split == "test"}
    cells = {key: cell for key, cell in cells.items() if _rationales(cell)}
    if not cells:
        raise UserError(f"no run of the table {table} has a rationale whose curves could be drawn; evaluate one first")
    lines = {key: _lines(_rationales(cell)) for key, cell in cells.items()}
    write_csv(out / f"{name}.csv", pd.DataFrame(row for key in lines for row in _rows(key, lines[key])))
    save(draw(name, lines), [out / f"{name}.{suffix}" for suffix in ("png", "pdf")])


def _rationales(cell: Cell) -> list[dict[str, Any]]:
    """What the metrics of a cell's runs say of rationales, where they have curves."""
    found = [result.metrics.get("rationale", {}) for result in cell.results]
    return [rationale for rationale in found if "insertion" in rationale.get("faithfulness", {})]


def _lines(rationales: list[dict[str, Any]]) -> dict[str, Line]:
    found = {}
    for kind in (*KINDS, "by_chance"):
        parts = [rationale["faithfulness"][kind] for rationale in rationales]
        found[kind] = Line(parts[0]["kept"], np.array([part["accuracy"] for part in parts]))
    by_clips = [rationale["gold"]["clips"] for rationale in rationales if "clips" in rationale.get("gold", {})]
    if by_clips:
        likeliest = [part["likeliest"] for part in by_clips]
        of_selected = [np.mean([part["selected"][metric] for part in by_clips]) for metric in ("recall", "iop")]
        values, recall = (np.array([part[metric] for part in likeliest]) for metric in ("iop", "recall"))
        found["likeliest"] = Line(likeliest[0]["clips"], values, recall, (float(of_selected[0]), float(of_selected[1])))
    return found


def _rows(key: Key, lines: dict[str, Line]) -> Iterator[dict[str, Any]]:
    """A row a point, means over seeds."""
    for kind, line in lines.items():
        for n, clips in enumerate(line.clips):
            value, recall = line.values[:, n].mean(), None if line.recall is None else line.recall[:, n].mean()
            numbers = {"accuracy": value} if line.recall is None else {"iop": value, "recall": recall}
            of = {"curve": kind, "clips": clips, "accuracy": None, "iop": None, "recall": None}
            of |= {metric: None if number is None else round(float(number), 4) for metric, number in numbers.items()}
            yield key._asdict() | of | {"seeds": len(line.values)}


def draw(name: str, lines: dict[Key, dict[str, Line]]) -> Figure:
    """A row of panels for each data set: insertion, deletion and, where there is gold, precision against recall."""
    datasets = list(dict.fromkeys(key.dataset for key in lines))
    kinds = [*KINDS, *(["likeliest"] if any("likeliest" in of for of in lines.values()) else [])]
    figure, grid = plt.subplots(
        *(len(datasets), len(kinds)),
        figsize=(4.1 * len(kinds), 3.3 * len(datasets) + 0.9),
        squeeze=False,
        layout="constrained",
    )
    for row, dataset in zip(grid, datasets, strict=True):
        keys = [key for key in lines if key.dataset == dataset]
        styles = list(dict.fromkeys((key.backbone, key.features) for key in keys))
        row[1].sharey(row[0])
        for panel, kind in zip(row, kinds, strict=True):
            for key in keys:
                style = STYLES[styles.index((key.backbone, key.features)) % len(STYLES)]
                _draw(panel, kind, lines[key], METHOD_COLOURS[key.method], style, _label(key, styles))
            panel.set_visible(any(kind in lines[key] for key in keys))
        for panel, kind in zip(row, kinds, strict=True):
            _finish(panel, kind, dataset)  # when the axis that two panels share has seen both
    figure.suptitle(name, fontsize=11, fontweight="bold", x=0.01, ha="left")
    legend_below(figure, list(grid.ravel()))
    return figure


def _label(key: Key, styles: list[tuple[str, str]]) -> str:
    names = [title("method", key.method).removeprefix("+ ")]
    names += [title("backbone", key.backbone)] if len({backbone for backbone, _ in styles}) > 1 else []
    names += [title("features", key.features)] if len({features for _, features in styles}) > 1 else []
    return ", ".join(names)


def _draw(panel: Axes, kind: str, lines: dict[str, Line], colour: str, style: str, label: str) -> None:
    """One line, the mean over seeds, with a band from lowest to highest; what bounds it in grey."""
    if kind not in lines:
        return
    line = lines[kind]
    mean = line.values.mean(axis=0)
    if line.recall is not None and line.selected is not None:
        panel.plot(line.recall.mean(axis=0), mean, color=colour, linestyle=style, linewidth=1.6, label=label)
        panel.plot(*line.selected, color=colour, marker="o", markersize=7, linestyle="", zorder=3)
        panel.plot([], [], color="#777777", marker="o", linestyle="", label="the clips selected")
        panel.axhline(mean[-1], color="#999999", linestyle=":", linewidth=1)
        return
    panel.set_xticks(line.clips)
    panel.tick_params(axis="x", labelsize=8)
    panel.plot(line.clips, mean, color=colour, linestyle=style, linewidth=1.6, marker=".", label=label)
    if len(line.values) > 1:
        panel.fill_between(line.clips, line.values.min(axis=0), line.values.max(axis=0), color=colour, alpha=0.15, lw=0)
    chance = lines["by_chance"]
    panel.plot(chance.clips, chance.values.mean(axis=0), color=colour, linestyle=":", linewidth=1.1)
    panel.plot([], [], color="#777777", linestyle=":", linewidth=1.1, label="in a random order; all clips")


def _finish(panel: Axes, kind: str, dataset: str) -> None:
    of_gold = kind == "likeliest"
    panel.set_title(f"{title('dataset', dataset)}: {'likeliest clips against gold' if of_gold else kind}", fontsize=9)
    panel.set_xlabel("recall (%)" if of_gold else f"clips shown, {KINDS[kind]}", fontsize=9)
    panel.set_ylabel("IoP (%)" if of_gold else "accuracy (%)", fontsize=9)
    panel.set_ylim(bottom=0)
    if of_gold:
        panel.set_xlim(0, 103)
