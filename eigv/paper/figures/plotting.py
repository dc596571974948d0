"""One look for all figures: colours, type sizes, and files that are the same again."""

import logging
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from base.writing import atomic_path

# It tells of every glyph that goes into a PDF.
logging.getLogger("fontTools").setLevel(logging.WARNING)

plt.rcParams.update(
    {
        "font.size": 10,
        "axes.titlesize": 11,
        "axes.titleweight": "bold",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": "#e6e6e6",
        "legend.frameon": False,
        "pdf.fonttype": 42,
    }
)

METHOD_COLOURS = {
    "erm": "#4d4d4d",
    "mixup": "#e69f00",
    "intervener": "#009e73",
    "disruptor": "#cc79a7",
    "disrupt-q": "#d55e00",
    "disrupt-v": "#8c6bb1",
    "eigv": "#0072b2",
    "igv": "#56b4e9",
    "parts": "#999999",
    "faithful": "#a6761d",
    "faithful-joint": "#66a61e",
    "eigv-faithful": "#c51b7d",
    "eigv-gold": "#b8860b",
}
"""Told apart also by those who see few colours (after Okabe and Ito)."""
OTHER_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#8c6bb1", "#4d4d4d")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def save(figure: Figure, out: list[Path], dpi: int = 150) -> None:
    """Writes the figure into every file of `out` (PNG or PDF, by the suffix), without times, and closes it."""
    for path in out:
        metadata = {"CreationDate": None} if path.suffix == ".pdf" else {}
        with atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=dpi, metadata=metadata)
    plt.close(figure)


def legend_below(figure: Figure, axes: list[Axes], columns: int = 4) -> None:
    """One legend for all panels, under them, each label once, the paper's last."""
    found: dict[str, Artist] = {}
    for panel in axes:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    labels = sorted(found, key=lambda label: label.startswith("paper"))
    figure.legend(
        [found[label] for label in labels], labels, loc="outside lower center", ncols=min(columns, len(found))
    )
