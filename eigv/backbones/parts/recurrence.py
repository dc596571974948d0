"""GRU layers of one size, side by side, with few operations a step; two, or two LSTM layers, on top of each other read
a stream of clips.

Sizes: S layers or streams side by side, T texts, L steps, n rows of a step, N rows of all steps, H hidden width,
D = 2H.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from base.tensors import common_dtype
from eigv.backbones.parts import long_recurrence
from eigv.config.run import Cell

CELLS: dict[Cell, type[nn.LSTM] | type[nn.GRU]] = {"lstm": nn.LSTM, "gru": nn.GRU}


def recur(mapped: Tensor, weight: Tensor, bias: Tensor, sizes: Sequence[int]) -> Tensor:
    """The states (S, N, H) of S layers that start at 0.

    `mapped` (S, N, 3H) is what the input maps and their biases make of the input, step after step, in the order of
    gates of `nn.GRU`; `weight` (S, 3H, H) and `bias` (S, 3H) are the maps of the states. `sizes` are the rows of each
    step, never more than of the step before: the rows of a step go on from the first rows of the one before.
    """
    states: Tensor = _Recurrence.apply(*common_dtype(mapped, weight, bias), list(sizes))
    return states


def text_steps(lengths: Tensor, size: int) -> tuple[Tensor, Tensor, list[int]]:
    """Texts (T, `size`) with `lengths` (T,), on the CPU, step by step: the longest first, without their padding.

    The rows of T * `size` tokens in that order (N,); where the last token of each text is in it (T,); rows a step.
    """
    order = lengths.argsort(descending=True, stable=True)
    steps = torch.arange(size)[:, None]
    mask = steps < lengths[order]  # (size, T)
    sizes = mask.sum(dim=1)
    first = sizes.cumsum(dim=0) - sizes
    last = first[lengths - 1] + order.argsort()
    return (steps + size * order)[mask], last, [n for n in sizes.tolist() if n]


class StreamEncoder(nn.Module):
    """Two recurrent layers over the clips of a stream; a clip's fact is both of its states, side by side."""

    def __init__(self, features: int, hidden: int, cell: Cell = "gru") -> None:
        super().__init__()
        self.cell = cell
        # Their weights alone are used: `encode_streams` reads both streams at once.
        self.lower = CELLS[cell](features, hidden, batch_first=True)
        self.upper = CELLS[cell](hidden, hidden, batch_first=True)


def stacked(streams: Sequence[StreamEncoder], layer: str, name: str) -> Tensor:
    """A parameter of a layer of each stream."""
    return torch.stack([getattr(getattr(stream, layer), f"{name}_l0") for stream in streams])


def encode_streams(streams: Sequence[StreamEncoder], mapped: Tensor, steps: int) -> Tensor:
    """Facts (S, n, D) of what the lower layers' input maps, with bias, make of n clips (S, n, 3H), step by step.

    Of LSTM layers, they make (S, n, 4H) of them.
    """
    sizes, read = [mapped.shape[1] // steps] * steps, READERS[streams[0].cell]
    low = read(mapped, stacked(streams, "lower", "weight_hh"), stacked(streams, "lower", "bias_hh"), sizes)
    offset, weight = stacked(streams, "upper", "bias_ih")[:, None], stacked(streams, "upper", "weight_ih")
    above = torch.baddbmm(offset, low, weight.transpose(1, 2))
    high = read(above, stacked(streams, "upper", "weight_hh"), stacked(streams, "upper", "bias_hh"), sizes)
    return torch.cat([low, high], dim=-1)


def _recur_lstm(mapped: Tensor, weight: Tensor, bias: Tensor, sizes: Sequence[int]) -> Tensor:
    """As `recur`, of LSTM layers, with 4H in the place of 3H."""
    return long_recurrence.recur(mapped, weight, sizes, bias=bias).state


READERS: dict[Cell, Callable[[Tensor, Tensor, Tensor, Sequence[int]], Tensor]] = {"gru": recur, "lstm": _recur_lstm}
"""What reads rows step by step with layers of each cell: as `recur`."""


def _continued(states: Tensor, sizes: list[int]) -> list[Tensor]:
    """What each step but the first goes on from, of the `states` (S, N, H)."""
    parts = states.split(sizes, dim=1)
    return [part if part.shape[1] == n else part[:, :n] for part, n in zip(parts, sizes[1:], strict=False)]


class _Recurrence(torch.autograd.Function):
    """r, z = sigmoid(x + W h), n = tanh(x_n + r * W_n h), h <- n + z (h - n)."""

    @staticmethod
    def forward(ctx: Any, mapped: Tensor, weight: Tensor, bias: Tensor, sizes: list[int]) -> Tensor:
        S, N, H = *mapped.shape[:2], weight.shape[2]
        hidden = mapped + bias[:, None]  # x + W h + b, but for n's part, W h + b; then r and z in the place of theirs
        hidden[..., 2 * H :] = bias[:, None, 2 * H :]
        candidates, states = mapped.new_empty(S, N, H), mapped.new_empty(S, N, H)
        columns = weight.transpose(1, 2).contiguous()
        before: Sequence[Tensor] = [mapped.new_zeros(S, sizes[0], H), *_continued(states, sizes)]

        def steps(x: Tensor) -> Sequence[Tensor]:
            return x.split(sizes, dim=1)

        r, z, of_state = hidden.split(H, dim=2)
        parts = zip(
            *(before, steps(mapped[..., 2 * H :]), steps(hidden), steps(hidden[..., : 2 * H])),
            *(steps(x) for x in (r, z, of_state, candidates, states)),
            strict=True,
        )
        for k, (last, x, h, gates, reset, update, of_h, candidate, state) in enumerate(parts):
            if k:
                torch.baddbmm(h, last, columns, out=h)
            gates.sigmoid_()
            torch.addcmul(x, reset, of_h, out=candidate).tanh_()
            torch.lerp(candidate, last, update, out=state)
        ctx.sizes = sizes
        ctx.save_for_backward(weight, hidden, candidates, states)
        return states

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, given: Tensor) -> tuple[Tensor | None, ...]:
        sizes: list[int] = ctx.sizes
        weight, hidden, candidates, states = ctx.saved_tensors
        S, N, H = states.shape
        r, z, of_state = hidden.split(H, dim=2)
        before = torch.cat([states.new_zeros(S, sizes[0], H), *_continued(states, sizes)], dim=1)

        # How much each part of W h + b moves the new state; then, times that state's gradient, their gradients
        of_candidate = torch.ops.aten.tanh_backward(1 - z, candidates)
        moved = torch.empty_like(hidden)
        torch.ops.aten.sigmoid_backward(of_candidate * of_state, r, grad_input=moved[..., :H])
        torch.ops.aten.sigmoid_backward(before - candidates, z, grad_input=moved[..., H : 2 * H])
        torch.mul(of_candidate, r, out=moved[..., 2 * H :])

        grad = given.clone(memory_format=torch.contiguous_format)  # of each state; grows by what later steps make of it
        each = grad.split(sizes, dim=1)
        parts = zip(
            *(each, grad[:, :, None].split(sizes, dim=1), z.split(sizes, dim=1)),
            *(moved.view(S, N, 3, H).split(sizes, dim=1), moved.split(sizes, dim=1)),
            [None, *_continued(grad, sizes)],
            strict=True,
        )
        for own, of_all, update, gates, flat, earlier in reversed(list(parts)):
            gates.mul_(of_all)
            if earlier is not None:
                torch.baddbmm(earlier.addcmul_(own, update), flat, weight, out=earlier)
        of_mapped = torch.cat([moved[..., : 2 * H], of_candidate.mul_(grad)], dim=2)
        of_weight = moved.transpose(1, 2) @ before
        return of_mapped, of_weight, moved.sum(dim=1), None
