"""The metrics of NExT-GQA (Xiao et al., CVPR 2024): right answers with the right seconds.

Of each question, IoP and IoU are those with the gold segment that suits them best, each with its own. A prediction
without length has IoU 0, and IoP 1 within a segment, its ends included. Sizes: Q questions.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eigv.rationales.spans import Span, joined

LEAST = (0.3, 0.5)
"""What IoP and IoU have to reach to count."""
GROUNDED = 0.5
"""The IoP that a right answer needs for Acc@GQA."""


def best(prediction: list[Span], gold: list[Span]) -> tuple[float, float]:
    """IoP and IoU of the seconds of `prediction`, each with the segment of `gold` for which it is greatest.

    The benchmark knows predictions of one span; those of several count by the seconds that they cover together, and
    those of none have 0 of both.
    """
    spans = joined(prediction)
    length = sum(end - start for start, end in spans)
    if spans and length == 0:
        return float(any(start <= point <= end for start, end in gold for point, _ in spans)), 0.0
    iop = iou = 0.0
    for start, end in gold if spans else ():
        both = sum(max(0.0, min(end, high) - max(start, low)) for low, high in spans)
        either = sum(high - low for low, high in joined([*spans, (start, end)]))
        iop, iou = max(iop, both / length), max(iou, both / either)
    return iop, iou


def seven(
    iop: NDArray[np.float64], iou: NDArray[np.float64], correct: NDArray[np.bool_] | None = None
) -> dict[str, float]:
    """The benchmark's set in percent, in its order, from the best IoP and IoU (Q,) of each question.

    `correct` (Q,) is whether it was answered right; without it there is no Acc@GQA.
    """
    found = {} if correct is None else {"Acc@GQA": _percent(correct & (iop >= GROUNDED))}
    for name, values in (("IoP", iop), ("IoU", iou)):
        found[f"m{name}"] = _percent(values)
        found |= {f"{name}@{least}": _percent(values >= least) for least in LEAST}
    return found


def _percent(values: NDArray[Any]) -> float:
    return 100.0 * float(np.mean(values))
