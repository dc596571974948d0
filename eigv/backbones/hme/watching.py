"""What HME's visual memory does clip after clip, without its slots, as `reading.py` does it for texts.

Sizes: K clips, V videos, H hidden width, S slots, t clips so far, F = 2H + S.
"""

from typing import Any

import torch
from torch import Tensor

from base.tensors import common_dtype


def watch(
    mapped: Tensor, of_own: Tensor, of_all: Tensor, of_last: Tensor, of_read: Tensor, scores: Tensor, last: Tensor
) -> Tensor:
    """The states (K, V, 3H) of both streams and of the memory, side by side.

    `mapped` (2, K, V, F) is what the maps of clips, with biases, make of each stream: of the content, the state, and
    the places to write. Of the last states, `of_own` (2, H, F) is the same of each stream's own, `of_all` (3H, S + 3),
    with biases `scores`, is of the places to read and the three shares, `of_last` (H, H), with bias `last`, of the
    memory's own. `of_read` (H, 3H) is the map of what is read.
    """
    states: Tensor = _Watching.apply(*common_dtype(mapped, of_own, of_all, of_last, of_read, scores, last))
    return states


class _Watching(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        mapped: Tensor,
        of_own: Tensor,
        of_all: Tensor,
        of_last: Tensor,
        of_read: Tensor,
        of_scores: Tensor,
        bias: Tensor,
    ) -> Tensor:
        (_, K, V, F), H = mapped.shape, of_last.shape[0]
        S = F - 2 * H
        own = mapped.clone(memory_format=torch.contiguous_format)
        states, read = mapped.new_empty(K, V, 3 * H), mapped.new_zeros(K, V, H)
        content, taken = mapped.new_empty(V, 2 * K, H), mapped.new_zeros(V, K, 2 * K)
        reads, shares, places = mapped.new_empty(K, V, S), mapped.new_empty(K, V, 3), mapped.new_empty(K, V, 2, S)
        lying: list[Tensor] = []  # before each clip, how much of what was written lies in each slot: (V, 2t, S)
        for t in range(K):
            own_t, state = own[:, t], states[t]
            scores, after = of_scores.expand(V, -1), bias.expand(V, -1)
            if t:
                last = states[t - 1]
                own_t = torch.baddbmm(own_t, last.view(V, 3, H)[:, :2].transpose(0, 1), of_own)
                scores = torch.addmm(of_scores, last, of_all)
                after = torch.addmm(bias, last[:, 2 * H :], of_last)
            reads[t] = scores[:, :S].softmax(dim=1)
            shares[t] = scores[:, S:].softmax(dim=1)
            places[t] = own_t[..., 2 * H :].softmax(dim=2).transpose(0, 1)
            torch.clamp_min(own_t[..., :H].transpose(0, 1), 0, out=content[:, 2 * t : 2 * t + 2])
            there = mapped.new_empty(V, 2 * t + 2, S)
            torch.mul(places[t], shares[t, :, 1:, None], out=there[:, 2 * t :])
            torch.cat([own_t[0, :, H : 2 * H], own_t[1, :, H : 2 * H], after], dim=1, out=state)
            if t:
                before = lying[-1]
                torch.bmm(before, reads[t, :, :, None], out=taken[:, t, : 2 * t, None])
                torch.bmm(taken[:, t : t + 1, : 2 * t], content[:, : 2 * t], out=read[t, :, None])
                torch.addmm(state, read[t], of_read, out=state)
                torch.mul(before, shares[t, :, :1, None], out=there[:, : 2 * t])
            state.relu_()
            lying.append(there)
        ctx.save_for_backward(
            of_own, of_all, of_last, of_read, states, read, content, taken, reads, shares, places, *lying[:-1]
        )
        return states

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, given: Tensor) -> tuple[Tensor | None, ...]:
        of_own, of_all, of_last, of_read, states, read, content, taken, reads, shares, places, *lying = (
            ctx.saved_tensors
        )
        (K, V, H), S = read.shape, reads.shape[2]
        grad = given.clone(memory_format=torch.contiguous_format)
        own = given.new_empty(2, K, V, 2 * H + S)
        scores = given.new_zeros(K, V, S + 3)
        of_lying, of_found = given.new_zeros(V, 2 * K, S), given.new_zeros(V, K, H)
        for t in reversed(range(K)):
            of_next = grad[t].mul_(states[t] > 0)
            of_written = of_lying[:, 2 * t : 2 * t + 2]
            of_shares = given.new_zeros(V, 3)
            torch.sum(of_written * places[t], dim=2, out=of_shares[:, 1:])
            of_place = of_written * shares[t, :, 1:, None]
            own[:, t, :, 2 * H :] = _softmax_backward(of_place, places[t]).transpose(0, 1)
            own[:, t, :, H : 2 * H] = of_next.view(V, 3, H)[:, :2].transpose(0, 1)
            found = torch.bmm(taken[:, t + 1 :, 2 * t : 2 * t + 2].transpose(1, 2), of_found[:, t + 1 :])
            torch.mul(found, content[:, 2 * t : 2 * t + 2] > 0, out=own[:, t, :, :H].transpose(0, 1))
            if t:
                before, later = lying[t - 1], of_lying[:, : 2 * t]
                of_found[:, t] = of_next @ of_read.t()
                of_taken = torch.bmm(content[:, : 2 * t], of_found[:, t, :, None])  # (V, 2t, 1)
                of_reads = torch.bmm(of_taken.transpose(1, 2), before)[:, 0]
                torch.sum(later * before, dim=(1, 2), out=of_shares[:, 0])
                later.mul_(shares[t, :, :1, None]).addcmul_(of_taken, reads[t, :, None])
                scores[t, :, :S] = _softmax_backward(of_reads, reads[t])
            scores[t, :, S:] = _softmax_backward(of_shares, shares[t])
            if t:
                earlier = grad[t - 1]
                earlier.addmm_(scores[t], of_all.t())
                earlier[:, 2 * H :].addmm_(of_next[:, 2 * H :], of_last.t())
                earlier.view(V, 3, H)[:, :2] += torch.bmm(own[:, t], of_own.transpose(1, 2)).transpose(0, 1)
        past = states[:-1].flatten(0, 1)
        of_streams = torch.bmm(past.view(-1, 3, H)[:, :2].permute(1, 2, 0), own[:, 1:].flatten(1, 2))
        of_memory = grad[..., 2 * H :]
        return (
            own,
            of_streams,
            past.t() @ scores[1:].flatten(0, 1),
            past[:, 2 * H :].t() @ of_memory[1:].flatten(0, 1),
            read.flatten(0, 1).t() @ grad.flatten(0, 1),
            scores.sum(dim=(0, 1)),
            of_memory.sum(dim=(0, 1)),
        )


def _softmax_backward(gradient: Tensor, result: Tensor) -> Tensor:
    """Through a softmax over the last dimension."""
    return torch.ops.aten._softmax_backward_data(gradient, result, gradient.dim() - 1, result.dtype)
