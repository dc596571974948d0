"""What HME's text memory does token after token, without its slots.

A memory of slots is a sum of what was written: of every content, how much of it lies in each slot. A step then costs a
number a slot and token so far in the place of a vector a slot.

Sizes: T texts, L steps, N tokens of all texts step by step, n texts of a step, H hidden width, S slots, t steps so far,
F = 2H + 2S + 2.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from base.tensors import common_dtype


def read_text(mapped: Tensor, of_state: Tensor, of_read: Tensor, slots: int, sizes: Sequence[int]) -> Tensor:
    """The states (N, H) of the text memory, `sizes` texts a step, never more than of the step before.

    `mapped` (N, F) is what the maps of tokens, with all biases, make of them: of the state, the content, the places to
    read and to write (S each), and the gates of reading and writing. `of_state` (F, H) are those of the last state,
    `of_read` (H, H) that of what is read.
    """
    states: Tensor = _Reading.apply(*common_dtype(mapped, of_state, of_read), slots, list(sizes))
    return states


class _Reading(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, mapped: Tensor, of_state: Tensor, of_read: Tensor, slots: int, sizes: list[int]) -> Tensor:
        N, H, T, L = len(mapped), of_state.shape[1], sizes[0], len(sizes)
        own, states, read = mapped.clone(), mapped.new_empty(N, H), mapped.new_zeros(N, H)
        content = mapped.new_zeros(T, L, H)
        taken = mapped.new_zeros(T, L, L)  # how much of what was written at a step is read at another
        gates, reads, writes = mapped.new_empty(N, 2), mapped.new_empty(N, slots), mapped.new_empty(N, slots)
        lying: list[Tensor] = []  # before each step, how much of what was written lies in each slot: (n, t, S)
        last = states[:0]
        every = (own, states, read, gates, reads, writes)
        for t, (n, own_t, state, read_t, gate, reading, writing) in enumerate(
            zip(sizes, *(part.split(sizes) for part in every), strict=True)
        ):
            if t:
                torch.addmm(own_t, last[:n], of_state.t(), out=own_t)
            torch.softmax(own_t[:, 2 * H : 2 * H + slots], dim=1, out=reading)
            torch.softmax(own_t[:, 2 * H + slots : -2], dim=1, out=writing)
            torch.sigmoid(own_t[:, -2:], out=gate)
            content[:n, t] = own_t[:, H : 2 * H].relu()
            there = mapped.new_empty(n, t + 1, slots)
            torch.mul(writing, gate[:, 1:], out=there[:, t])
            if t:
                before = lying[-1][:n]
                torch.bmm(before, (reading * gate[:, :1])[:, :, None], out=taken[:n, t, :t, None])
                torch.bmm(taken[:n, t : t + 1, :t], content[:n, :t], out=read_t[:, None])
                torch.addmm(own_t[:, :H], read_t, of_read.t(), out=state)
                state.relu_()
                torch.mul(before, (1 - writing)[:, None], out=there[:, :t])
            else:
                torch.clamp_min(own_t[:, :H], 0, out=state)
            lying.append(there)
            last = state
        ctx.slots, ctx.sizes = slots, sizes
        ctx.save_for_backward(of_state, of_read, states, read, content, taken, gates, reads, writes, *lying)
        return states

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, given: Tensor) -> tuple[Tensor | None, ...]:
        S, sizes = ctx.slots, ctx.sizes
        of_state, of_read, states, read, content, taken, gates, reads, writes, *lying = ctx.saved_tensors
        (N, H), T, L = states.shape, sizes[0], len(sizes)
        grad = given.clone(memory_format=torch.contiguous_format)
        of_own = given.new_zeros(N, len(of_state))
        of_lying, of_found = given.new_zeros(T, L, S), given.new_zeros(T, L, H)
        parts = [part.split(sizes) for part in (grad, of_own, states, gates, reads, writes)]
        for t, (n, own, own_grad, state, gate, reading, writing) in reversed(
            list(enumerate(zip(sizes, *parts, strict=True)))
        ):
            of_next, of_content, of_reading, of_writing, of_gates = own_grad.split([H, H, S, S, 2], dim=1)
            torch.mul(own, state > 0, out=of_next)
            of_written = of_lying[:n, t]  # of writing gate * writing place
            of_write = of_written * gate[:, 1:]
            of_gates[:, 1] = (of_written * writing).sum(dim=1)
            if t + 1 < L:
                torch.bmm(taken[:n, t + 1 :, t].unsqueeze(1), of_found[:n, t + 1 :], out=of_content[:, None])
                of_content.mul_(content[:n, t] > 0)
            if t:
                before, later = lying[t - 1][:n], of_lying[:n, :t]
                found = torch.mm(of_next, of_read)
                of_found[:n, t] = found
                of_taken = torch.bmm(content[:n, :t], found[:, :, None])  # (n, t, 1)
                of_read_gated = torch.bmm(of_taken.transpose(1, 2), before)[:, 0]  # (n, S)
                of_gates[:, 0] = (of_read_gated * reading).sum(dim=1)
                of_read_place = of_read_gated * gate[:, :1]
                of_reading.copy_(torch.ops.aten._softmax_backward_data(of_read_place, reading, 1, reading.dtype))
                of_write -= (later * before).sum(dim=1)
                later.mul_((1 - writing)[:, None]).addcmul_(of_taken, (reading * gate[:, :1])[:, None])
            of_writing.copy_(torch.ops.aten._softmax_backward_data(of_write, writing, 1, writing.dtype))
            of_gates.mul_(gate * (1 - gate))
            if t:
                earlier = parts[0][t - 1][:n]
                torch.addmm(earlier, own_grad, of_state, out=earlier)
        before = torch.cat([states[:0], *(part[:m] for part, m in zip(states.split(sizes), sizes[1:], strict=False))])
        of_weight = of_own[sizes[0] :].t() @ before
        return of_own, of_weight, of_own[:, :H].t() @ read, None, None
