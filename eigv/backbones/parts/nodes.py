"""The nodes of a graph of clips, with maps that wait until it is known who reads them.

Sizes: B videos, P pairs of a video and a text, n rows (videos or pairs), N nodes, D width.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class Rows(NamedTuple):
    """Something of the nodes of a scale: a row a video as long as no question has touched them, then a row a pair."""

    values: Tensor  # (n, N, ...)
    pairs: Tensor | None  # (P,), the row of each pair; None: row p is pair p

    def of_pairs(self) -> Tensor:
        """(P, N, ...)."""
        return self.values if self.pairs is None else self.values.index_select(0, self.pairs)


@dataclass(frozen=True)
class Nodes:
    """The nodes of a scale as a sum: of a row a video, and of rows a pair that a linear map is still to be applied to.

    What reads them through a map of its own reads through the product of both maps, a small one, so that the nodes
    themselves need not be computed.
    """

    index: Tensor  # (P,), the video of each pair
    of_videos: Tensor | None = None  # (B, N, D)
    of_pairs: tuple[tuple[Tensor, Tensor | None], ...] = ()  # (P, N, D), and its map (D, D); None: as it is
    bias: Tensor | None = None  # (D,), where there are maps but no row a video to hold it

    @classmethod
    def of(cls, rows: Rows, index: Tensor) -> "Nodes":
        """Those of `rows`; `index` (P,) is the video of each pair."""
        return cls(index, of_pairs=((rows.values, None),)) if rows.pairs is None else cls(index, rows.values)

    def read(self, weight: Tensor | None = None) -> Rows:
        """The nodes, or their products with `weight` (out, D)."""
        shared, bias = self.of_videos, self.bias
        if weight is not None:
            shared = None if shared is None else F.linear(shared, weight)
            bias = None if bias is None else weight @ bias
        if not self.of_pairs:
            assert shared is not None
            return Rows(shared, self.index)
        total = None if shared is None else shared.index_select(0, self.index).flatten(0, 1)  # (P * N, out)
        for values, own in self.of_pairs:
            through = _product(weight, own)
            if through is None:
                total = values.flatten(0, 1) if total is None else total + values.flatten(0, 1)
            elif total is None:
                total = F.linear(values.flatten(0, 1), through, bias)
            else:
                total = torch.addmm(total, values.flatten(0, 1), through.t())
        assert total is not None
        return Rows(total.view(*values.shape[:2], -1), None)

    def mapped(self, weight: Tensor, bias: Tensor | None = None) -> "Nodes":
        """The nodes under a map (D, D), which is applied to the rows of the videos at once."""
        if self.of_videos is not None:
            return Nodes(
                self.index,
                F.linear(self.of_videos, weight, bias),
                tuple((values, _product(weight, own)) for values, own in self.of_pairs),
            )
        if self.bias is not None:
            bias = weight @ self.bias if bias is None else torch.addmv(bias, weight, self.bias)
        return Nodes(self.index, None, tuple((values, _product(weight, own)) for values, own in self.of_pairs), bias)

    def plus_videos(self, rows: Tensor) -> "Nodes":
        """The sum with a row a video, (B, N, D)."""
        if self.of_videos is not None:
            rows = rows + self.of_videos
        elif self.bias is not None:
            rows = rows + self.bias
        return Nodes(self.index, rows, self.of_pairs)

    def plus_pairs(self, values: Tensor, weight: Tensor) -> "Nodes":
        """The sum with a row a pair, (P, N, D), under a map."""
        return replace(self, of_pairs=(*self.of_pairs, (values, weight)))

    def computed(self) -> "Nodes":
        """The same, with its maps applied."""
        return Nodes.of(self.read(), self.index)

    def weighed(self, weights: Tensor) -> Tensor:
        """The sum of the nodes by `weights` (P, N): (P, D)."""
        across = weights[:, None]  # (P, 1, N)
        total: Tensor | None = None
        for values, own in (*self.of_pairs, *self._spread()):
            summed = torch.bmm(across, values)[:, 0]
            summed = summed if own is None else F.linear(summed, own)
            total = summed if total is None else total + summed
        assert total is not None
        return total if self.bias is None else total + self.bias * weights.sum(dim=1, keepdim=True)

    def _spread(self) -> list[tuple[Tensor, None]]:
        return [] if self.of_videos is None else [(self.of_videos.index_select(0, self.index), None)]


def _product(second: Tensor | None, first: Tensor | None) -> Tensor | None:
    """The map `second` after `first`."""
    if second is None or first is None:
        return first if second is None else second
    return second @ first
