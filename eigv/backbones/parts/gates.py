"""Activation and dropout in one, of nodes as they are or multiplied by a question first.

PyTorch's own operations in a row keep what each of them reads; these keep the result and a byte an element.

Sizes: n rows (videos or pairs), P pairs, N nodes, D width.
"""

from typing import Any, Literal

import torch
from torch import Tensor

from eigv.backbones.parts.dropout import Dropout

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


def bend(x: Tensor, activation: Activation, dropout: Dropout) -> tuple[Tensor | None, float]:
    """Writes Dropout(activation(x)) over x; returns which elements were kept, and their scale."""
    kept, scale = dropout.mask(x)
    bend_again(x, kept, activation, scale)
    return kept, scale


def bend_again(x: Tensor, kept: Tensor | None, activation: Activation, scale: float) -> None:
    """What `bend` did, with what it returned."""
    if activation == "elu":
        torch.ops.aten.elu_(x, 1.0, scale)
    else:
        x.relu_().mul_(scale)
    if kept is not None:
        x.mul_(kept)


def straighten(gradient: Tensor, bent: Tensor, kept: Tensor | None, activation: Activation, scale: float) -> Tensor:
    """The gradient of what was bent to `bent`, by that of the result; a tensor of its own."""
    straight = gradient.clone() if kept is None else gradient * kept
    straighten_(straight, bent, activation, scale)
    return straight


def straighten_(gradient: Tensor, bent: Tensor, activation: Activation, scale: float) -> None:
    """The same over `gradient`, in which what was dropped is 0 already."""
    if activation == "elu":  # the derivative follows from the result
        torch.ops.aten.elu_backward.grad_input(gradient, 1.0, scale, 1.0, True, bent, grad_input=gradient)
    else:
        torch.ops.aten.threshold_backward.grad_input(gradient, bent, 0, grad_input=gradient)
        gradient.mul_(scale)


def join(seen: Tensor, index: Tensor | None, asked: Tensor) -> Tensor:
    """The product of `gated`."""
    return seen * asked[:, None] if index is None else seen.index_select(0, index).mul_(asked[:, None])


def separate(gradient: Tensor, seen: Tensor, index: Tensor | None, asked: Tensor) -> tuple[Tensor, Tensor]:
    """The gradients of `seen` and `asked` by that of `join`, which is written over."""
    rows = seen if index is None else seen.index_select(0, index)
    of_asked = (gradient * rows).sum(dim=1)
    return collect(gradient.mul_(asked[:, None]), len(seen), index), of_asked


def collect(gradient: Tensor, rows: int, index: Tensor | None) -> Tensor:
    """The gradient of `rows` rows by that of those that `index` took from them."""
    if index is None:
        return gradient
    return gradient.new_zeros(rows, *gradient.shape[1:]).index_add_(0, index, gradient)


class _Activated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, activation: Activation, dropout: Dropout) -> Tensor:
        kept, ctx.scale = bend(x, activation, dropout)
        ctx.activation = activation
        ctx.mark_dirty(x)
        ctx.save_for_backward(x, kept)
        return x

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        bent, kept = ctx.saved_tensors
        return straighten(gradients[0], bent, kept, ctx.activation, ctx.scale), None, None


class _Gated(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, seen: Tensor, index: Tensor | None, asked: Tensor, activation: Activation, dropout: Dropout
    ) -> Tensor:
        joined = join(seen, index, asked)
        kept, ctx.scale = bend(joined, activation, dropout)
        ctx.activation = activation
        ctx.save_for_backward(seen, index, asked, joined, kept)
        return joined

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, Tensor, None, None]:
        seen, index, asked, joined, kept = ctx.saved_tensors
        gradient = straighten(gradients[0], joined, kept, ctx.activation, ctx.scale)
        of_seen, of_asked = separate(gradient, seen, index, asked)
        return of_seen, None, of_asked, None, None
