"""The learning curve of a fine-tuning: training loss of every step, validation accuracy of every epoch."""

from pathlib import Path

import numpy as np
import pandas as pd

from base.resume import History
from base.writing import write_csv


def write_curve(history: History, folder: Path) -> None:
    """Writes `learning_curve.csv` (a row a step) and `learning_curve.png`; nothing if there was no epoch."""
    if not history:
        return
    rows = [{"epoch": row["epoch"], "loss": loss} for row in history for loss in row["losses"]]
    table = pd.DataFrame(rows)
    table.insert(0, "step", np.arange(1, len(table) + 1))
    write_csv(folder / "learning_curve.csv", table)
    _draw(table, history, folder / "learning_curve.png")


def _draw(table: pd.DataFrame, history: History, path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    left = figure.add_subplot()
    smooth = table["loss"].rolling(max(5, len(table) // 20), min_periods=1).mean()
    left.plot(table["step"], table["loss"], color="tab:blue", alpha=0.25, linewidth=0.8)
    left.plot(table["step"], smooth, color="tab:blue", label="training loss (and its running mean)")
    left.set_xlabel("step")
    left.set_ylabel("cross-entropy")
    right = left.twinx()
    ends = table.groupby("epoch")["step"].max()
    accuracy = [row["val_accuracy"] for row in history]
    right.plot(ends.loc[[row["epoch"] for row in history]], accuracy, "o-", color="tab:orange", label="validation")
    right.set_ylabel("validation accuracy, question only, %")
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    figure.savefig(path, dpi=120)
