"""The last states of a bidirectional LSTM of one layer, where nothing else of it is read.

PyTorch's own runs the directions one after the other, and its backward pass adds each step's gradient into one of all
steps. Here both directions are one batch, a text's last token first in one of them, and what does not depend on a step
before is computed for all steps at once.

Sizes: T texts, L tokens, Dt width of the token features, H hidden width per direction, M tokens of all texts without
padding, n texts that have a token at a step.
"""

from typing import Any

import torch
from torch import Tensor, nn

from base.tensors import common_dtype
from eigv.backbones.parts.encoders import packed


def last_states(recurrent: nn.LSTM, tokens: Tensor, lengths: Tensor) -> Tensor:
    """Token features (T, L, Dt) with `lengths` (T,) to the last states of both directions, side by side: (T, 2H)."""
    if tokens.device.type != "cpu":  # cuDNN has a single operation for it
        _, (last, _) = recurrent(packed(tokens, lengths))
        return torch.cat([last[0], last[1]], dim=1)
    weights = [*_both(recurrent, "weight_ih"), *_both(recurrent, "weight_hh")]
    biases = [a + b for a, b in zip(_both(recurrent, "bias_ih"), _both(recurrent, "bias_hh"), strict=True)]
    tokens, *parameters = common_dtype(tokens, *weights, *biases)
    states: Tensor = _LastStates.apply(tokens, lengths, *parameters)
    return states


def _both(recurrent: nn.LSTM, name: str) -> list[Tensor]:
    return [getattr(recurrent, f"{name}_l0"), getattr(recurrent, f"{name}_l0_reverse")]


class _Steps:
    """Which tokens are read when: texts from the longest to the shortest, so that those of a step are the first n."""

    def __init__(self, lengths: Tensor, L: int) -> None:
        sorted_lengths, self.order = lengths.sort(descending=True, stable=True)
        step = torch.arange(int(sorted_lengths[0]))[:, None]
        there = step < sorted_lengths  # (steps, T)
        self.sizes: list[int] = there.sum(dim=1).tolist()
        start = self.order * L
        ahead, back = start + step, start + sorted_lengths - 1 - step
        self.rows = torch.cat([ahead[there], back[there]])  # (2M,), of the tokens of all texts
        place = there.flatten().cumsum(0).view(there.shape) - 1
        self.last = place[sorted_lengths - 1, torch.arange(len(lengths))]  # (T,), the place of a text's last step
        self.before = place[:-1][there[1:]]  # (M - T,), the place of the same text a step before

    def split(self, x: Tensor) -> tuple[Tensor, ...]:
        """(2, M, ...) to (2, n, ...) of each step."""
        return x.split(self.sizes, dim=1)


class _LastStates(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tokens: Tensor, lengths: Tensor, *parameters: Tensor) -> Tensor:
        T, L, Dt = tokens.shape
        steps = _Steps(lengths, L)
        *of_input, state_ahead, state_back, bias_ahead, bias_back = parameters
        of_state, H = torch.stack([state_ahead, state_back]), state_ahead.shape[1]  # (2, 4H, H)
        read = tokens.reshape(T * L, Dt).index_select(0, steps.rows).view(2, -1, Dt)
        gates = read.new_empty(2, read.shape[1], 4 * H)
        for side, (weight, bias) in enumerate(zip(of_input, (bias_ahead, bias_back), strict=True)):
            torch.addmm(bias, read[side], weight.t(), out=gates[side])

        i_and_f, g, o = gates.split([2 * H, H, H], dim=2)
        i, f = i_and_f.chunk(2, dim=2)
        cells, bent, states = (read.new_empty(2, read.shape[1], H) for _ in range(3))
        each = [steps.split(x) for x in (gates, i_and_f, i, f, g, o, cells, bent, states)]
        back = of_state.transpose(1, 2)
        last_state = last_cell = states[:, :0]
        for t, (gate, both, i_t, f_t, g_t, o_t, cell, curved, state) in enumerate(zip(*each, strict=True)):
            if t:
                n = steps.sizes[t]
                gate.baddbmm_(last_state[:, :n], back)
            both.sigmoid_()
            g_t.tanh_()
            o_t.sigmoid_()
            torch.mul(i_t, g_t, out=cell)
            if t:
                cell.addcmul_(f_t, last_cell[:, :n])
            torch.tanh(cell, out=curved)
            torch.mul(o_t, curved, out=state)
            last_state, last_cell = state, cell

        ctx.steps, ctx.shape = steps, tokens.shape
        ctx.save_for_backward(read, gates, cells, bent, states, of_state, *of_input)
        ends = steps.last[steps.order.argsort()]
        return states.index_select(1, ends).transpose(0, 1).flatten(1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        read, gates, cells, bent, states, of_state, *of_input = ctx.saved_tensors
        steps, H = ctx.steps, of_state.shape[2]
        T = len(steps.order)
        of_last = gradients[0].view(T, 2, H).index_select(0, steps.order).transpose(0, 1).contiguous()  # (2, T, H)
        i, f, g, o = gates.chunk(4, dim=2)
        to_cell = (1 - bent * bent).mul_(o)
        slopes = gates.new_empty(gates.shape)  # of what each gate adds, by the gate before its activation
        of_i, of_f, of_g, of_o = slopes.chunk(4, dim=2)
        torch.mul(i - i * i, g, out=of_i)
        of_f[:, :T].zero_()
        torch.mul((f - f * f)[:, T:], cells.index_select(1, steps.before), out=of_f[:, T:])
        torch.mul(1 - g * g, i, out=of_g)
        torch.mul(o - o * o, bent, out=of_o)

        of_cell = torch.zeros_like(of_last)
        each = [steps.split(x) for x in (slopes, slopes[..., : 3 * H], of_o, to_cell, f)]
        for n, slope, of_three, of_o_t, to_cell_t, f_t in reversed(list(zip(steps.sizes, *each, strict=True))):
            by_state, by_cell = of_last[:, :n], of_cell[:, :n]
            by_cell.addcmul_(by_state, to_cell_t)
            of_three.unflatten(2, (3, H)).mul_(by_cell[:, :, None])
            of_o_t.mul_(by_state)
            by_cell.mul_(f_t)
            by_state.copy_(torch.bmm(slope, of_state))

        before = states.index_select(1, steps.before)
        by_input = [slopes[side].t() @ read[side] for side in range(2)]
        by_recurrent = [slopes[side, T:].t() @ before[side] for side in range(2)]
        by_bias = slopes.sum(dim=1).unbind()
        by_tokens = None
        if ctx.needs_input_grad[0]:
            rows = torch.cat([slopes[side] @ of_input[side] for side in range(2)])
            by_tokens = rows.new_zeros(ctx.shape).flatten(0, 1).index_add_(0, steps.rows, rows).view(ctx.shape)
        return by_tokens, None, *by_input, *by_recurrent, *by_bias
