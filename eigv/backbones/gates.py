"""Activation and dropout in one, of nodes as they are or multiplied by a question first.

PyTorch's own operations in a row keep what each of them reads; these keep the result and a byte an element.

Sizes: n rows (videos or pairs), P pairs, N nodes, D width.
"""

from typing import Any, Literal

import torch
from torch import Tensor

from eigv.backbones.dropout import Dropout

Activation = Literal["elu", "relu"]


def activated(x: Tensor, activation: Activation, dropout: Dropout) -> Tensor:
    """Dropout(activation(`x`)), any shape. It is written over `x`, which nothing else may need."""
    result: Tensor = _Activated.apply(x, activation, dropout)
    return result


def gated(seen: Tensor, index: Tensor | None, asked: Tensor, activation: Activation, dropout: Dropout) -> Tensor:
    """Dropout(activation(s * q)) (P, N, D) with s the rows `index` (P,) of `seen` (n, N, D) and q of `asked` (P, D).

    Without `index`, row p is pair p.
    """
    result: Tensor = _Gated.apply(seen, index, asked, activation, dropout)
    return result


def _bend(x: Tensor, activation: Activation, dropout: Dropout) -> tuple[Tensor | None, float]:
    """Writes Dropout(activation(x)) over x; returns what `_straighten` needs of it."""
    kept, scale = dropout.mask(x)
    if activation == "elu":
        torch.ops.aten.elu_(x, 1.0, scale)
    else:
        x.relu_().mul_(scale)
    if kept is not None:
        x.mul_(kept)
    return kept, scale


def _straighten(gradient: Tensor, bent: Tensor, kept: Tensor | None, activation: Activation, scale: float) -> Tensor:
    """The gradient of what was bent to `bent`, a tensor of its own."""
    gradient = gradient if kept is None else gradient * kept
    if activation == "elu":  # the derivative follows from the result
        straight: Tensor = torch.ops.aten.elu_backward(gradient, 1.0, scale, 1.0, True, bent)
        return straight
    return torch.ops.aten.threshold_backward(gradient, bent, 0).mul_(scale)


class _Activated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, activation: Activation, dropout: Dropout) -> Tensor:
        kept, ctx.scale = _bend(x, activation, dropout)
        ctx.activation = activation
        ctx.mark_dirty(x)
        ctx.save_for_backward(x, kept)
        return x

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        bent, kept = ctx.saved_tensors
        return _straighten(gradients[0], bent, kept, ctx.activation, ctx.scale), None, None


class _Gated(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, seen: Tensor, index: Tensor | None, asked: Tensor, activation: Activation, dropout: Dropout
    ) -> Tensor:
        joined = seen * asked[:, None] if index is None else seen.index_select(0, index).mul_(asked[:, None])
        kept, ctx.scale = _bend(joined, activation, dropout)
        ctx.activation = activation
        ctx.save_for_backward(seen, index, asked, joined, kept)
        return joined

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, Tensor, None, None]:
        seen, index, asked, joined, kept = ctx.saved_tensors
        gradient = _straighten(gradients[0], joined, kept, ctx.activation, ctx.scale)
        rows = seen if index is None else seen.index_select(0, index)
        of_asked = (gradient * rows).sum(dim=1)
        of_seen = gradient.mul_(asked[:, None])
        if index is not None:
            of_seen = torch.zeros_like(seen).index_add_(0, index, of_seen)
        return of_seen, None, of_asked, None, None
