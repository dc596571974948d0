"""Learning curves: validation accuracy after each epoch, a panel for each backbone and features, a colour a method."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from base.errors import UserError
from base.formats.run_folder import RunFolder
from eigv.config.run_path import Run
from eigv.paper.figures.plotting import METHOD_COLOURS, legend_below
from eigv.paper.titles import title

ACROSS = 3
"""Panels side by side."""


def draw(root: Path, runs: list[Run], heading: str) -> Figure:
    """The curves of runs below the folder `root`; several seeds are their mean with a band from lowest to highest."""
    panels: dict[str, dict[str, list[pd.Series]]] = {}
    for run in runs:
        file = RunFolder(root / str(run)).history
        if not file.is_file():
            raise UserError(f"{file} does not exist; it is written by training")
        history = pd.read_csv(file).set_index("epoch")["val_accuracy"]
        about = [title("features", run.features)] if run.features != "app+mot" else []
        names = [title("backbone", run.backbone), *about, *([run.point] if run.point else [])]
        panels.setdefault("\n".join(names), {}).setdefault(run.method, []).append(history)
    rows = -(-len(panels) // ACROSS)
    across = min(ACROSS, len(panels))
    figure, grid = plt.subplots(
        rows, across, figsize=(4 * across + 0.6, 3.1 * rows + 0.9), squeeze=False, layout="constrained"
    )
    axes = list(grid.ravel())
    for panel in axes[len(panels) :]:
        panel.set_visible(False)
    for panel, (name, methods) in zip(axes, panels.items(), strict=False):
        panel.set_title(name, fontsize=9)
        for method, histories in methods.items():
            _draw(panel, method, histories)
        panel.set_xlabel("epoch")
        panel.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    for row in grid:
        row[0].set_ylabel("accuracy on val (%)")
    figure.suptitle(f"Learning curves, {heading}", fontsize=11, fontweight="bold", x=0.01, ha="left")
    legend_below(figure, axes[: len(panels)])
    return figure


def _draw(panel: Axes, method: str, histories: list[pd.Series]) -> None:
    table = pd.concat(histories, axis=1)
    colour = METHOD_COLOURS.get(method, "#4d4d4d")
    marker = "o" if len(table) == 1 else ""
    panel.plot(
        table.index, table.mean(axis=1), color=colour, marker=marker, label=title("method", method), linewidth=1.6
    )
    if len(histories) > 1:
        low, high = np.asarray(table.min(axis=1)), np.asarray(table.max(axis=1))
        panel.fill_between(np.asarray(table.index), low, high, color=colour, alpha=0.15, linewidth=0)
