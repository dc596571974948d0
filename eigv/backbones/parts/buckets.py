"""Texts of different lengths in few groups of like ones, so that little padding is computed."""

from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple

from torch import Tensor


class Bucket(NamedTuple):
    """Neighbours in the order of `Buckets`."""

    rows: slice
    longest: int


class Buckets:
    """Rows in the order of their lengths, cut where that saves most.

    A bucket of n rows, padded to its longest L, is taken to cost (n + `overhead`) * (L + `beside`). The cuts are the
    cheapest. Lengths that are not on the CPU would have to be waited for: then there is one bucket, in the given order.
    """

    def __init__(self, lengths: Tensor, longest: int, *, beside: int, overhead: int) -> None:
        """`lengths` (n,), of which none is above `longest`."""
        self.order: Tensor | None = None
        self._cuts = [Bucket(slice(0, len(lengths)), longest)]
        if lengths.device.type != "cpu" or len(lengths) == 0:
            return
        counts = lengths.bincount(minlength=longest + 1).tolist()
        cuts = _cheapest(counts, beside, overhead)
        self._cuts = [Bucket(slice(0, len(lengths)), cuts[-1].longest)]
        if len(cuts) > 1:
            self.order, self._cuts = lengths.argsort(stable=True), cuts

    def __iter__(self) -> Iterator[Bucket]:
        return iter(self._cuts)

    def sort(self, rows: Tensor) -> Tensor:
        """`rows` (n, ...) in the order of the buckets."""
        return rows if self.order is None else rows.index_select(0, self.order)

    def restore(self, rows: Tensor) -> Tensor:
        """What `sort` did, undone."""
        return rows if self.order is None else rows.index_select(0, self.order.argsort())


def _cheapest(counts: list[int], beside: int, overhead: int) -> list[Bucket]:
    """The cuts of rows of which `counts[l]` have length l."""
    up_to = list(accumulate(counts))  # rows of length l or less
    present = [length for length, count in enumerate(counts) if count]
    best: list[tuple[float, list[Bucket]]] = [(0, [])]  # of the rows up to each length that is present
    for number, longest in enumerate(present):
        found = []
        for before in range(number + 1):
            first = up_to[present[before - 1]] if before else 0
            cost, cuts = best[before]
            cost += (up_to[longest] - first + overhead) * (longest + beside)
            found.append((cost, before, first, cuts))
        cost, _, first, cuts = min(found, key=lambda choice: choice[:2])
        best.append((cost, [*cuts, Bucket(slice(first, up_to[longest]), longest)]))
    return best[-1][1]
