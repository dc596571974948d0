"""What a test can say of a picture: that no two texts lie over each other, and that none leaves it."""

import itertools
from collections.abc import Iterator

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text


def overlapping(figure: Figure) -> list[tuple[str, str]]:
    """The texts of a figure that overlap, pair by pair, or leave it."""
    figure.canvas.draw()
    texts = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    texts += [figure._suptitle] if figure._suptitle else []
    for axes in figure.axes:
        texts += _texts(axes) if axes.get_visible() else []
    unique = {id(text): text for text in texts if text.get_text().strip()}.values()
    boxes = [(text.get_text(), text.get_window_extent().padded(-1)) for text in unique]
    pairs = [(a, b) for (a, one), (b, other) in itertools.combinations(boxes, 2) if one.overlaps(other)]
    frame = figure.bbox.padded(1)
    outside = [
        (text, "the edge")
        for text, box in boxes
        if box.x0 < frame.x0 or box.y0 < frame.y0 or box.x1 > frame.x1 or box.y1 > frame.y1
    ]
    return pairs + outside


def _texts(axes: Axes) -> Iterator[Text]:
    yield from (*axes.texts, axes.title, axes._left_title, axes._right_title)
    if not axes.axison:
        return
    for axis in (axes.xaxis, axes.yaxis):
        yield axis.label
        low, high = sorted(axis.get_view_interval())
        yield from (tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high)
