"""LSTM layers of one size, side by side, with few operations a step, which give states and cells.

Sizes: S layers side by side, n rows of a step, N rows of all steps, H hidden width.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from base.tensors import common_dtype


class States(NamedTuple):
    """What LSTM layers have read so far."""

    state: Tensor  # (..., H)
    cell: Tensor  # (..., H)


def recur(
    mapped: Tensor, weight: Tensor, sizes: Sequence[int], start: States | None = None, bias: Tensor | None = None
) -> States:
    """States and cells (S, N, H) of S layers that begin with `start` (S, n, H), or with 0.

    `mapped` (S, N, 4H) is what the input maps and all biases make of the input, or without `bias` (S, 4H) where that is
    given; step after step, in the order of gates of `nn.LSTM`. `weight` (S, 4H, H) are the maps of the states. `sizes`
    are the rows of each step, never more than of the step before: the rows of a step go on from the first rows of the
    one before.
    """
    mapped, weight, *first = common_dtype(mapped, weight, *(start or ()))
    bias = None if bias is None else bias.to(mapped.dtype)
    state, cell = _Recurrence.apply(mapped, weight, *(first or (None, None)), bias, list(sizes))
    return States(state, cell)


def step(gates: Tensor, cell: Tensor) -> States:
    """One step of an LSTM cell, from its `gates` before their activation (..., 4H) and its last `cell` (..., H)."""
    i, f, g, o = gates.chunk(4, dim=-1)
    cell = torch.addcmul(f.sigmoid() * cell, i.sigmoid(), g.tanh())
    return States(o.sigmoid() * cell.tanh(), cell)


def first_step(gates: Tensor) -> States:
    """`step` of a cell that has read nothing."""
    i, _, g, o = gates.chunk(4, dim=-1)
    cell = i.sigmoid() * g.tanh()
    return States(o.sigmoid() * cell.tanh(), cell)


def _continued(states: Tensor, sizes: list[int]) -> list[Tensor]:
    """What each step but the first goes on from, of the `states` (S, N, H)."""
    parts = states.split(sizes, dim=1)
    return [part if part.shape[1] == n else part[:, :n] for part, n in zip(parts, sizes[1:], strict=False)]


class _Recurrence(torch.autograd.Function):
    """i, f, o = sigmoid(x + W h), g = tanh(x_g + W_g h), c <- f c + i g, h <- o tanh(c)."""

    @staticmethod
    def forward(
        ctx: Any,
        mapped: Tensor,
        weight: Tensor,
        state: Tensor | None,
        cell: Tensor | None,
        bias: Tensor | None,
        sizes: list[int],
    ) -> tuple[Tensor, Tensor]:
        S, N, H = *mapped.shape[:2], weight.shape[2]
        gates, columns = mapped.new_empty(mapped.shape), weight.transpose(1, 2).contiguous()
        if bias is None:
            gates.copy_(mapped)
        else:
            torch.add(mapped, bias[:, None], out=gates)
        states, cells, bent = (mapped.new_empty(S, N, H) for _ in range(3))
        i_and_f, g, o = gates.split([2 * H, H, H], dim=2)
        i, f = i_and_f.chunk(2, dim=2)
        each = zip(*(x.split(sizes, dim=1) for x in (gates, i_and_f, i, f, g, o, cells, bent, states)), strict=True)
        before, before_cell = state, cell
        for gate, both, i_t, f_t, g_t, o_t, cell_t, bent_t, state_t in each:
            n = gate.shape[1]
            if before is not None:
                torch.baddbmm(gate, before[:, :n], columns, out=gate)
            both.sigmoid_()
            g_t.tanh_()
            o_t.sigmoid_()
            torch.mul(i_t, g_t, out=cell_t)
            if before_cell is not None:
                cell_t.addcmul_(f_t, before_cell[:, :n])
            torch.tanh(cell_t, out=bent_t)
            torch.mul(o_t, bent_t, out=state_t)
            before, before_cell = state_t, cell_t
        ctx.sizes, ctx.begun, ctx.biased = sizes, state is not None, bias is not None
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(weight, gates, cells, bent, states, state, cell)
        return states, cells

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, of_states: Tensor | None, of_cells: Tensor | None) -> tuple[Tensor | None, ...]:
        sizes: list[int] = ctx.sizes
        weight, gates, cells, bent, states, first, first_cell = ctx.saved_tensors
        (S, _, H), n = states.shape, sizes[0]
        nothing = states.new_zeros(S, n, H)
        before = torch.cat([nothing if first is None else first[:, :n], *_continued(states, sizes)], dim=1)
        before_cells = torch.cat([nothing if first_cell is None else first_cell[:, :n], *_continued(cells, sizes)], 1)

        # How much each gate, before its activation, moves the new cell or state; then, times its gradient, the gates'
        i, f, g, o = gates.chunk(4, dim=2)
        slopes = torch.empty_like(gates)
        of_i, of_f, of_g, of_o = slopes.chunk(4, dim=2)
        torch.ops.aten.sigmoid_backward(g, i, grad_input=of_i)
        torch.ops.aten.sigmoid_backward(before_cells, f, grad_input=of_f)
        torch.ops.aten.tanh_backward(i, g, grad_input=of_g)
        torch.ops.aten.sigmoid_backward(bent, o, grad_input=of_o)
        to_cell = torch.ops.aten.tanh_backward(o, bent)

        grad, grad_cell = (
            torch.zeros_like(states) if x is None else x.clone(memory_format=torch.contiguous_format)
            for x in (of_states, of_cells)
        )
        three = slopes[..., : 3 * H].unflatten(2, (3, H))
        each = zip(
            *(x.split(sizes, dim=1) for x in (slopes, three, of_o, to_cell, f, grad, grad_cell)),
            [None, *_continued(grad, sizes)],
            [None, *_continued(grad_cell, sizes)],
            strict=True,
        )
        for slope, of_three, of_o_t, to_cell_t, f_t, own, own_cell, earlier, earlier_cell in reversed(list(each)):
            own_cell.addcmul_(own, to_cell_t)
            of_three.mul_(own_cell[:, :, None])
            of_o_t.mul_(own)
            if earlier is not None:
                torch.baddbmm(earlier, slope, weight, out=earlier)
                earlier_cell.addcmul_(own_cell, f_t)
        of_weight = slopes.transpose(1, 2) @ before
        of_first = of_first_cell = None
        if ctx.begun:  # rows of `start` that no step goes on from have none
            of_first, of_first_cell = torch.zeros_like(first), torch.zeros_like(first_cell)
            of_first[:, :n] = slopes[:, :n] @ weight
            of_first_cell[:, :n] = grad_cell[:, :n] * f[:, :n]
        of_bias = slopes.sum(dim=1) if ctx.biased else None
        return slopes, of_weight, of_first, of_first_cell, of_bias, None
