"""The recurrent layer of AMU, whose every output looks at the clips of its pair again before the next step.

Its backward pass makes the gradient of the clips, which are much more than a state, once for all steps.

Sizes: P pairs, n pairs of a step, N rows of all steps, S = 2 streams, K clips of a stream, D width.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from base.tensors import common_dtype


class Refined(NamedTuple):
    """What each step gives."""

    cells: Tensor  # (N, D)
    fused: Tensor  # (N, D)
    shares: Tensor  # (N, S * K), how clips weighed when they were looked at again; without a gradient


def refine(
    streams: Tensor, heard: Tensor, kept: Tensor, weighing: Tensor, weight: Tensor, bias: Tensor, sizes: Sequence[int]
) -> Refined:
    """An LSTM over x = `heard` + what was fused last; of its output z, it fuses `kept` + sum_s w_s softmax(z M_s) M_s.

    `streams` (P, S * K, D) are the clips M of each pair, stream after stream. `heard`, `kept` (N, D) and `weighing` w
    (N, S) come step by step, and the n rows of a step, `sizes` of each and never more than before, are the first n
    pairs. `weight` (4D, 2D) maps [x; z of the step before] to the gates in the order of `nn.LSTM`, with `bias` (4D,).
    """
    given = common_dtype(streams, heard, kept, weighing, weight, bias)
    return Refined(*_Refining.apply(*given, list(sizes)))


class _Refining(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        streams: Tensor,
        heard: Tensor,
        kept: Tensor,
        weighing: Tensor,
        weight: Tensor,
        bias: Tensor,
        sizes: list[int],
    ) -> tuple[Tensor, Tensor, Tensor]:
        (N, D), M = heard.shape, streams.shape[1]
        columns = weight.t()
        x, gates = heard.new_zeros(N, 2 * D), heard.new_empty(N, 4 * D)
        cells, bent, states, fused = (heard.new_empty(N, D) for _ in range(4))
        shares, found = heard.new_empty(N, M), heard.new_empty(N, 2, M // 2)
        both, g, o = gates.split([2 * D, D, D], dim=1)
        i, f = both.chunk(2, dim=1)
        every = (x, heard, gates, both, i, f, g, o, cells, bent, states, kept, fused, weighing, found, shares)
        last: tuple[Tensor, Tensor, Tensor] | None = None
        for step in zip(sizes, *(part.split(sizes) for part in every), strict=True):
            (
                n,
                x_t,
                heard_t,
                gate,
                both_t,
                i_t,
                f_t,
                g_t,
                o_t,
                cell,
                bent_t,
                state,
                kept_t,
                fused_t,
                weigh,
                share,
                all_t,
            ) = step
            if last is None:
                x_t[:, :D] = heard_t
            else:
                torch.add(heard_t, last[2][:n], out=x_t[:, :D])
                x_t[:, D:] = last[0][:n]
            torch.addmm(bias, x_t, columns, out=gate)
            both_t.sigmoid_()
            g_t.tanh_()
            o_t.sigmoid_()
            torch.mul(i_t, g_t, out=cell)
            if last is not None:
                cell.addcmul_(f_t, last[1][:n])
            torch.tanh(cell, out=bent_t)
            torch.mul(o_t, bent_t, out=state)
            scores = torch.bmm(streams[:n], state[:, :, None]).view(n, 2, -1)
            torch.softmax(scores, dim=2, out=share)
            torch.mul(share, weigh[:, :, None], out=all_t.view(n, 2, -1))
            torch.baddbmm(kept_t[:, None], all_t[:, None], streams[:n], out=fused_t[:, None])
            last = state, cell, fused_t
        ctx.sizes = sizes
        ctx.save_for_backward(streams, weighing, weight, x, gates, cells, bent, states, found, shares)
        ctx.mark_non_differentiable(shares)
        return cells, fused, shares

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, of_cells: Tensor, of_fused: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        sizes: list[int] = ctx.sizes
        streams, weighing, weight, x, gates, cells, bent, states, found, shares = ctx.saved_tensors
        D, n, M = states.shape[1], sizes[0], shares.shape[1]
        before = torch.cat(
            [cells.new_zeros(n, D), *(c[:m] for c, m in zip(cells.split(sizes), sizes[1:], strict=False))]
        )

        # How much each gate, before its activation, moves the new cell or state; then, times its gradient, the gates'
        i, f, g, o = gates.chunk(4, dim=1)
        slopes = torch.empty_like(gates)
        of_i, of_f, of_g, of_o = slopes.chunk(4, dim=1)
        torch.ops.aten.sigmoid_backward(g, i, grad_input=of_i)
        torch.ops.aten.sigmoid_backward(before, f, grad_input=of_f)
        torch.ops.aten.tanh_backward(i, g, grad_input=of_g)
        torch.ops.aten.sigmoid_backward(bent, o, grad_input=of_o)
        to_cell = torch.ops.aten.tanh_backward(o, bent)

        of_fused, of_cells = (t.clone(memory_format=torch.contiguous_format) for t in (of_fused, of_cells))
        of_states, of_x = torch.zeros_like(states), torch.empty_like(x)
        of_shares, of_scores = torch.empty_like(shares), torch.empty_like(shares)
        three = slopes[:, : 3 * D].unflatten(1, (3, D))
        every = (weighing, found, of_shares, of_scores, slopes, three, of_o, to_cell, f, of_x)
        grads = [part.split(sizes) for part in (of_fused, of_states, of_cells)]
        earlier = [[None, *(p[:m] for p, m in zip(part, sizes[1:], strict=False))] for part in grads]
        steps = list(zip(sizes, *(part.split(sizes) for part in every), *grads, *earlier, strict=True))
        for step in reversed(steps):
            n, weigh, share, of_all, of_score, slope, of_three, of_out, bends, f_t, of_x_t, own, state, cell, *past = (
                step
            )
            torch.bmm(streams[:n], own[:, :, None], out=of_all[:, :, None])
            of_share = of_all.view(n, 2, -1) * weigh[:, :, None]
            back = torch.ops.aten._softmax_backward_data(of_share, share, 2, share.dtype)
            of_score.copy_(back.view(n, M))
            state += torch.bmm(of_score[:, None], streams[:n])[:, 0]
            cell.addcmul_(state, bends)
            of_three.mul_(cell[:, None])
            of_out.mul_(state)
            torch.mm(slope, weight, out=of_x_t)
            if past[0] is not None:
                past[0].add_(of_x_t[:, :D])
                past[1].add_(of_x_t[:, D:])
                past[2].addcmul_(cell, f_t)
        of_weighing = (of_shares.view_as(found) * found).sum(dim=2)
        of_streams = _by_pair(sizes, [shares, of_scores], [of_fused, states])
        return of_streams, of_x[:, :D], of_fused, of_weighing, slopes.t() @ x, slopes.sum(dim=0), None


def _by_pair(sizes: list[int], lefts: list[Tensor], rights: list[Tensor]) -> Tensor:
    """The sum over the steps of each pair of outer products of `lefts` (N, M) and `rights` (N, D): (P, M, D)."""
    P, L = sizes[0], len(sizes)

    def padded(x: Tensor) -> Tensor:
        if sizes[-1] == P:
            return x.view(L, P, -1)
        places = torch.cat([torch.arange(n, device=x.device) + t * P for t, n in enumerate(sizes)])
        return x.new_zeros(L * P, x.shape[1]).index_copy(0, places, x).view(L, P, -1)

    left, right = (torch.cat([padded(x) for x in parts]).transpose(0, 1) for parts in (lefts, rights))
    return torch.bmm(left.transpose(1, 2), right)
