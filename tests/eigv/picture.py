"""What a test can say of a picture: that no two texts lie over each other, and that none leaves it."""

import itertools

from matplotlib.figure import Figure
from matplotlib.text import Text


def overlapping(figure: Figure) -> list[tuple[str, str]]:
    """The texts of a figure that overlap, pair by pair, or leave it."""
    figure.canvas.draw()
    boxes = []
    for text in figure.findobj(Text):
        if text.get_visible() and text.get_text().strip() and _is_drawn(text):
            boxes.append((text.get_text(), text.get_window_extent().padded(-1)))
    pairs = [(a, b) for (a, one), (b, other) in itertools.combinations(boxes, 2) if one.overlaps(other)]
    frame = figure.bbox.padded(1)
    outside = [
        (text, "the edge")
        for text, box in boxes
        if box.x0 < frame.x0 or box.y0 < frame.y0 or box.x1 > frame.x1 or box.y1 > frame.y1
    ]
    return pairs + outside


def _is_drawn(text: Text) -> bool:
    """Axes that are switched off keep their tick labels, and ticks outside the view are not drawn."""
    axes = text.axes
    if axes is None or text in axes.texts or text in (axes.title, axes._left_title, axes._right_title):
        return axes is None or axes.get_visible()
    if not (axes.get_visible() and axes.axison):
        return False
    box, view = text.get_window_extent(), axes.bbox.padded(80)
    return view.overlaps(box)
