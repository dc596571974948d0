"""What is measured of rationales without gold: which parts of a video are shown to a model, and what its answers tell.

Sizes: Q questions, K clips, P points of a curve.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Curve(NamedTuple):
    """Accuracy against how many clips are kept."""

    kept: list[int]
    """(P,) clips, ascending."""
    accuracy: list[float]
    """(P,) percent."""

    @property
    def area(self) -> float:
        """The mean accuracy over the share of clips kept, by trapezoids, in percent."""
        share, accuracy = np.array(self.kept) / self.kept[-1], np.array(self.accuracy)
        return float((np.diff(share) * (accuracy[1:] + accuracy[:-1]) / 2).sum())

    def as_json(self) -> dict[str, object]:
        """Both lists, and the area below."""
        return {"kept": self.kept, "accuracy": self.accuracy, "area": self.area}


def sizes(clips: int) -> list[int]:
    """How many clips the curves keep: none, 1, 2, 3, 4, 6, 8, 12, 16, ..., all K."""
    steps = {0, clips} | {base * 2**power for base in (2, 3) for power in range(clips.bit_length())} | {1}
    return sorted(step for step in steps if step <= clips)


def spread(questions: int, most: int) -> NDArray[np.int64]:
    """At most `most` of Q questions, spread evenly over a split."""
    if not most:
        return np.zeros(0, dtype=np.int64)
    return np.unique(np.linspace(0, questions - 1, min(questions, most)).round().astype(np.int64))
