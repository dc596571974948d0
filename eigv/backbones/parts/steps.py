"""Texts step by step, for recurrent layers that are computed here: the longest first, without their padding.

Sizes: T texts, L tokens, N tokens of all texts without padding, n texts that have a token at a step.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from base.tensors import moved


def distinct_rows(x: Tensor, rows: Tensor) -> Tensor:
    """The rows `rows` (n,) of `x` (N, D), no row twice: so that the backward pass copies and adds nothing."""
    found: Tensor = _DistinctRows.apply(x, rows)
    return found


class _DistinctRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, rows: Tensor) -> Tensor:
        ctx.size = x.shape
        ctx.save_for_backward(rows)
        return x.index_select(0, rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (rows,), (gradient,) = ctx.saved_tensors, gradients
        return gradient.new_zeros(ctx.size).index_copy_(0, rows, gradient), None


class Steps(NamedTuple):
    """Which tokens are read when."""

    rows: Tensor  # (N,), the rows of T * L tokens, step after step
    last: Tensor  # (T,), where the last token of each text is among them
    sizes: list[int]  # n of each step
    texts: int  # T
    longest: int  # L

    def read(self, tokens: Tensor) -> Tensor:
        """Tokens (T, L, D) in that order: (N, D)."""
        return distinct_rows(tokens.flatten(0, 1), self.rows)

    def back(self, x: Tensor) -> Tensor:
        """What `read` did, undone: (N, D) to (T, L, D), with 0 where there is padding."""
        empty = x.new_zeros(self.texts * self.longest, x.shape[1])
        return empty.index_copy_(0, self.rows, x).view(self.texts, self.longest, -1)


def by_step(lengths: Tensor, longest: int, device: torch.device) -> Steps:
    """The steps, on `device`, of texts (T, `longest`) with `lengths` (T,), on the host."""
    lengths = lengths.cpu()
    order = lengths.argsort(descending=True, stable=True)
    steps = torch.arange(longest)[:, None]
    mask = steps < lengths[order]  # (L, T)
    sizes = mask.sum(dim=1)
    first = sizes.cumsum(dim=0) - sizes
    last = first[lengths - 1] + order.argsort()
    rows = (steps + longest * order)[mask]
    return Steps(moved(rows, device), moved(last, device), [n for n in sizes.tolist() if n], len(lengths), longest)
