"""What an episode of Co-Mem does once a pair and clip: how clips are weighed, and how they are read in order.

Both are computed for all pairs in few and large matrix products, and keep for the gradient no more than their results:
what a pair's video gives is looked up where it is needed, and likenesses are made again.

Sizes: S = 2 streams, V videos, K clips, D width, P pairs, M vectors that facts are compared with. Videos may stand in
the place of pairs: then `index` counts them.
"""

from typing import Any

import torch
from torch import Tensor

from eigv.backbones.recurrence import common_dtype

CHUNK = 2048
"""Rows, of streams, pairs and clips, of which likenesses are made at a time."""


def likeness(facts: Tensor, index: Tensor, compared: Tensor, weight: Tensor, of_video: Tensor) -> Tensor:
    """W [f * x; |f - x|] + `of_video` for every fact f of a pair's video: (S, P, K, D).

    `facts` (S, V, K, D), `index` (P,) the video of each pair, `compared` (S, P, M, D), `weight` (S, D, 2, M, D) for
    products and distances, `of_video` (S, V, K, D), or (S, 1, 1, D) for all videos alike.
    """
    result: Tensor = _Likeness.apply(*common_dtype(facts, compared, weight, of_video), index)
    return result


def read(
    state: Tensor, hidden: Tensor, gates: Tensor, mapped: Tensor, index: Tensor, weight: Tensor, bias: Tensor
) -> Tensor:
    """The last state (S, P, D) of the attention GRU over the facts of each pair's video, from the second fact on.

    `state` (S, P, D) after the first fact and its map `hidden` (S, P, 2D), `gates` (S, P, K), `mapped` (S, V, K, 2D)
    what the cell makes of facts, `weight` (S, 2D, D) and `bias` (S, 2D) the map of its states.
    """
    if mapped.shape[2] == 1:
        return state
    result: Tensor = _Reading.apply(*common_dtype(state, hidden, gates, mapped, weight, bias), index)
    return result


def rows_of(index: Tensor, streams: int, videos: int) -> Tensor:
    """The rows (S * P,) that `index` (P,) names, stream after stream, of S * V."""
    return (index + videos * torch.arange(streams, device=index.device)[:, None]).flatten()


class _Likeness(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, facts: Tensor, compared: Tensor, weight: Tensor, of_video: Tensor, index: Tensor) -> Tensor:
        S, V, K, D = facts.shape
        result = facts.new_empty(S, len(index), K, D)
        columns = weight.flatten(2).transpose(1, 2).contiguous()
        chunks = _Chunks(facts, compared, index)
        alike = of_video.shape[1] == 1
        with torch.autocast(facts.device.type, enabled=False):
            for rows, x, part in zip(chunks.rows, chunks.compared, result.split(chunks.size, dim=1), strict=True):
                chunks.fill(rows, x)
                flat = part.flatten(1, 2)
                if alike:
                    torch.baddbmm(of_video[:, 0], chunks.flat, columns, out=flat)
                else:
                    of_pair = of_video.view(S * V, -1).index_select(0, rows).view(flat.shape)
                    torch.baddbmm(of_pair, chunks.flat, columns, out=flat)
        ctx.alike = alike
        ctx.save_for_backward(facts, compared, weight, index)
        return result

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, given: Tensor) -> tuple[Tensor | None, ...]:
        facts, compared, weight, index = ctx.saved_tensors
        S, V, K, D = facts.shape
        exact = torch.promote_types(facts.dtype, torch.float32)  # what is summed over many pairs
        of_facts = facts.new_zeros(S * V, K * D, dtype=exact)
        of_video = None if ctx.alike else torch.zeros_like(of_facts)
        of_weight = weight.new_zeros(S, D, weight[0, 0].numel(), dtype=exact)
        of_compared = torch.empty_like(compared)
        chunks = _Chunks(facts, compared, index)
        rows_of_weight = weight.flatten(2)
        parts = zip(
            chunks.rows,
            chunks.compared,
            given.split(chunks.size, dim=1),
            of_compared.split(chunks.size, dim=1),
            strict=True,
        )
        for rows, x, grad, of_x in parts:
            fact, sign = chunks.fill(rows, x, signs=True)
            flat = grad.flatten(1, 2)
            of_weight += flat.transpose(1, 2) @ chunks.flat
            torch.bmm(flat, rows_of_weight, out=chunks.flat)
            distance = chunks.distances.mul_(sign)
            torch.sub(torch.mul(chunks.products, fact, out=sign), distance, out=sign)
            torch.sum(sign, dim=2, out=of_x)
            distance.addcmul_(chunks.products, x[:, :, None])
            of_facts.index_add_(0, rows, distance.sum(dim=3, dtype=exact).view(len(rows), -1))
            if of_video is not None:
                of_video.index_add_(0, rows, grad.reshape(len(rows), -1).to(exact))
        of_offset = given.sum(dim=(1, 2), keepdim=True) if of_video is None else of_video.view(facts.shape)
        return of_facts.view(facts.shape), of_compared, of_weight.view(weight.shape), of_offset, None


class _Chunks:
    """Pairs in equal parts, and room for the likenesses of one part."""

    def __init__(self, facts: Tensor, compared: Tensor, index: Tensor) -> None:
        self.facts, self.videos = facts, facts.shape[1]
        S, V, K, _ = facts.shape
        count = -(-len(index) * S * K // CHUNK)
        self.size = -(-len(index) // max(count, 1))
        self.compared = compared.split(self.size, dim=1)
        self.rows = [rows_of(part, S, V) for part in index.split(self.size)]
        self._made: Tensor | None = None

    def fill(self, rows: Tensor, x: Tensor, signs: bool = False) -> tuple[Tensor, Tensor]:
        """Makes the likenesses with `x` (S, c, M, D); the facts (S, c, K, 1, D), and the signs of differences."""
        S, V, K, D = self.facts.shape
        c, M = x.shape[1:3]
        if self._made is None or self._made.shape[1] != c:
            self._made = x.new_empty(S, c, K, 2, M, D)
            self.flat = self._made.view(S, c * K, -1)
            self.products, self.distances = self._made.unbind(3)
        fact = self.facts.view(S * V, -1).index_select(0, rows).view(S, c, K, 1, D)
        torch.mul(fact, x[:, :, None], out=self.products)
        torch.sub(fact, x[:, :, None], out=self.distances)
        sign = self.distances.sign() if signs else fact
        self.distances.abs_()
        return fact, sign


class _Reading(torch.autograd.Function):
    """r = sigmoid(f_r + W_r c), n = tanh(f_n + r * W_n c), c <- c + g (n - c)."""

    @staticmethod
    def forward(
        ctx: Any,
        state: Tensor,
        hidden: Tensor,
        gates: Tensor,
        mapped: Tensor,
        weight: Tensor,
        bias: Tensor,
        index: Tensor,
    ) -> Tensor:
        (S, P, D), (_, V, K, _) = state.shape, mapped.shape
        rows = rows_of(index, S, V) * K + torch.arange(1, K, device=index.device)[:, None]  # (K - 1, S * P)
        parts = state.new_empty(K - 1, S, P, 2 * D)  # W c + b; then r in the place of its part
        candidates, states = state.new_empty(2, K - 1, S, P, D)
        columns, offset, flat = weight.transpose(1, 2).contiguous(), bias[:, None], mapped.view(S * V * K, -1)
        parts[0] = hidden
        reset, of_state = parts.split(D, dim=3)
        last = state
        steps = zip(rows, gates[..., None].unbind(2)[1:], parts, reset, of_state, candidates, states, strict=True)
        with torch.autocast(state.device.type, enabled=False):
            for k, (row, gate, part, r, of_c, candidate, after) in enumerate(steps):
                if k:
                    torch.baddbmm(offset, last, columns, out=part)
                of_r, of_n = flat.index_select(0, row).view(part.shape).split(D, dim=2)
                r.add_(of_r).sigmoid_()
                torch.addcmul(of_n, r, of_c, out=candidate).tanh_()
                last = torch.lerp(last, candidate, gate, out=after)
        ctx.shape = mapped.shape
        ctx.save_for_backward(state, gates, weight, rows, parts, candidates, states)
        return last.clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, given: Tensor) -> tuple[Tensor | None, ...]:
        state, gates, weight, rows, parts, candidates, states = ctx.saved_tensors
        S, P, D = state.shape
        of_gates = torch.zeros_like(gates)
        grad, room, other = given.clone(memory_format=torch.contiguous_format), *state.new_empty(2, S, P, D)
        steps = zip(
            *(gates[..., None].unbind(2)[1:], of_gates.unbind(2)[1:], parts, *parts.split(D, dim=3)),
            *(candidates, [state, *states[:-1]]),
            strict=True,
        )
        tanh_backward, sigmoid_backward = torch.ops.aten.tanh_backward, torch.ops.aten.sigmoid_backward
        for k, (gate, of_gate, part, r, of_c, n, last) in reversed(list(enumerate(steps))):
            torch.sum(torch.sub(n, last, out=room).mul_(grad), dim=2, out=of_gate)
            torch.mul(grad, gate, out=room)
            grad -= room
            # Gradients take the places of what they are the gradients of
            tanh_backward(room, n, grad_input=n)
            torch.mul(n, of_c, out=other)
            torch.mul(n, r, out=of_c)
            sigmoid_backward(other, r, grad_input=r)
            if k:
                grad.baddbmm_(part, weight)
        exact = torch.promote_types(state.dtype, torch.float32)
        of_mapped = state.new_zeros(ctx.shape, dtype=exact).view(-1, 2 * D)
        for place, part in zip(of_mapped.split(D, dim=1), (parts[..., :D], candidates), strict=True):
            place.index_add_(0, rows.flatten(), part.reshape(-1, D).to(exact))
        of_weight = weight.new_zeros(weight.shape, dtype=exact)
        for part, last in zip(parts[1:], states[:-1], strict=True):
            of_weight += part.transpose(1, 2) @ last
        return (
            grad,
            parts[0].clone(),
            of_gates,
            of_mapped.view(ctx.shape),
            of_weight,
            parts[1:].sum(dim=(0, 2)),
            None,
        )
