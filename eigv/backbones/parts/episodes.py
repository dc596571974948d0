"""What an episode of Co-Mem does once a pair and clip: how clips are weighed, and how they are read in order.

Both are computed for all pairs in few and large matrix products, and keep for the gradient no more than their results:
what a pair's video gives is looked up where it is needed, and likenesses are made again.

Sizes: S = 2 streams, V videos, K clips, D width, P pairs, M vectors that facts are compared with. Videos may stand in
the place of pairs: then `index` counts them.
"""

from typing import Any

import torch
from torch import Tensor

from base.tensors import common_dtype

CHUNK = 4096
"""Rows, of streams, pairs and clips, of which likenesses are made at a time."""
TINY = 1e-37
"""Below it a distance counts as 0: the smooth loss is then the distance, in one operation, as is its gradient."""


def likeness(facts: Tensor, index: Tensor, compared: Tensor, weight: Tensor, of_video: Tensor) -> Tensor:
    """W [f * x; |f - x|] + `of_video` for every fact f of a pair's video: (S, P, K, D).

    `facts` (S, V, K, D), `index` (P,) the video of each pair, `compared` (S, P, M, D), `weight` (S, D, 2, M, D) for
    products and distances, `of_video` (S, V, K, D), or (S, 1, 1, D) for all videos alike.
    """
    result: Tensor = _Likeness.apply(*common_dtype(facts, compared, weight, of_video), index)
    return result


def read(
    state: Tensor,
    hidden: Tensor,
    gates: Tensor,
    resets: Tensor,
    candidates: Tensor,
    index: Tensor,
    weight: Tensor,
    bias: Tensor,
) -> Tensor:
    """The last state (S, P, D) of the attention GRU over the facts of each pair's video, from the second fact on.

    `state` (S, P, D) after the first fact and its map `hidden` (S, P, 2D), `gates` (S, P, K), `resets` and `candidates`
    (S, V, K, D) what the cell's maps make of facts, `weight` (S, 2D, D) and `bias` (S, 2D) the maps of its states.
    """
    if gates.shape[2] == 1:
        return state
    result: Tensor = _Reading.apply(*common_dtype(state, hidden, gates, resets, candidates, weight, bias), index)
    return result


class _Likeness(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, facts: Tensor, compared: Tensor, weight: Tensor, of_video: Tensor, index: Tensor) -> Tensor:
        S, _, K, D = facts.shape
        result = facts.new_empty(S, len(index), K, D)
        columns = weight.flatten(2).transpose(1, 2)
        chunks = _Chunks(facts, compared, index)
        alike, offset = of_video.shape[1:3] == (1, 1), of_video.flatten(1, 2)
        results = result.view(S, -1, D).split(chunks.size * K, dim=1)
        for part, x, flat in zip(chunks.index, chunks.compared, results, strict=True):
            chunks.fill(part, x)
            of_pair = offset if alike else of_video.index_select(1, part).view(flat.shape)
            torch.baddbmm(of_pair, chunks.flat, columns, out=flat)
        ctx.alike = alike
        ctx.save_for_backward(facts, compared, weight, index)
        return result

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, given: Tensor) -> tuple[Tensor | None, ...]:
        facts, compared, weight, index = ctx.saved_tensors
        S, _, K, D = facts.shape
        exact = torch.promote_types(facts.dtype, torch.float32)  # what is summed over many pairs
        of_facts = facts.new_zeros(facts.shape, dtype=exact)
        of_video = None if ctx.alike else torch.zeros_like(of_facts)
        of_weight = weight.new_zeros(S, D, weight[0, 0].numel(), dtype=exact)
        of_compared = torch.empty_like(compared)
        chunks = _Chunks(facts, compared, index)
        rows_of_weight = weight.flatten(2)
        given = given.contiguous()
        grads = given.view(S, -1, D)
        parts = zip(
            *(chunks.index, chunks.compared, grads.split(chunks.size * K, dim=1)),
            *(grads.transpose(1, 2).split(chunks.size * K, dim=2), of_compared.split(chunks.size, dim=1)),
            strict=True,
        )
        for part, x, grad, columns, of_x in parts:
            fact = chunks.fill(part, x)
            of_weight += torch.bmm(columns, chunks.flat)
            torch.bmm(grad, rows_of_weight, out=chunks.flat)
            distances = chunks.distances
            torch.ops.aten.smooth_l1_loss_backward(distances, fact, x, 0, TINY, grad_input=distances)
            torch.sum(torch.addcmul(distances, chunks.products, fact, value=-1), dim=2, out=of_x)
            distances.addcmul_(chunks.products, x)
            first, *others = chunks.each_distance
            for other in others:
                first += other
            of_facts.index_add_(1, part, first.to(exact))
            if of_video is not None:
                of_video.index_add_(1, part, grad.view(first.shape).to(exact))
        of_offset = given.sum(dim=(1, 2), keepdim=True) if of_video is None else of_video
        return of_facts, of_compared.neg_(), of_weight.view(weight.shape), of_offset, None


class _Chunks:
    """Pairs in equal parts, and room for the likenesses of one part."""

    def __init__(self, facts: Tensor, compared: Tensor, index: Tensor) -> None:
        S, _, K, _ = facts.shape
        self.facts = facts[:, :, :, None]
        self.size = -(-len(index) // max(-(-len(index) * S * K // CHUNK), 1))
        self.compared = compared[:, :, None].split(self.size, dim=1)
        self.index = index.split(self.size)
        self._made: Tensor | None = None

    def fill(self, index: Tensor, x: Tensor) -> Tensor:
        """Makes the likenesses with `x` (S, c, 1, M, D) of the facts (S, c, K, 1, D), which it returns."""
        fact = self.facts.index_select(1, index)
        S, c, K, _, D = fact.shape
        if self._made is None or self._made.shape[1] != c:
            self._made = x.new_empty(S, c, K, 2, x.shape[3], D)
            self.flat = self._made.view(S, c * K, -1)
            self.products, self.distances = self._made.unbind(3)
            self.each_distance = self.distances.unbind(3)
        torch.mul(fact, x, out=self.products)
        torch.ops.aten.smooth_l1_loss(fact, x, 0, TINY, out=self.distances)
        return fact


class _Reading(torch.autograd.Function):
    """r = sigmoid(f_r + W_r c), n = tanh(f_n + r * W_n c), c <- c + g (n - c)."""

    @staticmethod
    def forward(
        ctx: Any,
        state: Tensor,
        hidden: Tensor,
        gates: Tensor,
        resets: Tensor,
        candidates: Tensor,
        weight: Tensor,
        bias: Tensor,
        index: Tensor,
    ) -> Tensor:
        (S, P, D), K = state.shape, gates.shape[2]
        rows = (index * K + torch.arange(1, K, device=index.device)[:, None]).flatten()  # of V * K, step after step
        parts = state.new_empty(S, K - 1, P, 2 * D)  # f_r and 0, and W c; then r and W_n c
        found = [x.view(S, -1, D).index_select(1, rows).view(S, K - 1, P, D) for x in (resets, candidates)]
        states, candidate = found  # a fact's map lies where its candidate state will be
        torch.add(states, bias[:, None, None, :D], out=parts[..., :D])
        parts[..., D:] = bias[:, None, None, D:]
        parts[:, 0, :, :D] += hidden[..., :D] - bias[:, None, :D]
        parts[:, 0, :, D:] = hidden[..., D:]
        columns, last = weight.transpose(1, 2).contiguous(), state
        steps = zip(
            *(gates[..., None].unbind(2)[1:], parts.unbind(1), *(x.unbind(1) for x in parts.split(D, dim=3))),
            *(candidate.unbind(1), states.unbind(1)),
            strict=True,
        )
        for k, (gate, part, r, of_c, n, after) in enumerate(steps):
            if k:
                torch.baddbmm(part, last, columns, out=part)
            n.addcmul_(r.sigmoid_(), of_c).tanh_()
            last = torch.lerp(last, n, gate, out=after)
        ctx.shape = resets.shape
        ctx.save_for_backward(state, gates, weight, rows, parts, candidate, states)
        return last.clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, given: Tensor) -> tuple[Tensor | None, ...]:
        state, gates, weight, rows, parts, candidates, states = ctx.saved_tensors
        S, _, D = state.shape
        of_gates = torch.zeros_like(gates)
        grad = given.clone(memory_format=torch.contiguous_format)
        room, other = torch.empty_like(grad), torch.empty_like(grad)
        steps = zip(
            *(gates[..., None].unbind(2)[1:], of_gates.unbind(2)[1:], parts.unbind(1)),
            *(x.unbind(1) for x in (*parts.split(D, dim=3), candidates)),
            [state, *states.unbind(1)[:-1]],
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
                torch.baddbmm(grad, part, weight, out=grad)
        exact = torch.promote_types(state.dtype, torch.float32)
        of_facts = []
        for part in (parts[..., :D], candidates):
            place = state.new_zeros(ctx.shape, dtype=exact)
            place.view(S, -1, D).index_add_(1, rows, part.flatten(1, 2).to(exact))
            of_facts.append(place)
        later = parts[:, 1:].flatten(1, 2)
        of_weight = torch.bmm(later.transpose(1, 2), states[:, :-1].flatten(1, 2))
        return grad, parts[:, 0].clone(), of_gates, *of_facts, of_weight, later.sum(dim=1), None
