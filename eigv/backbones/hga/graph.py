"""The graph of a pair's tokens and clips: its edges, what its layers compute, and how its nodes become one vector.

Sizes: N nodes, D width, P pairs of a video and a text, n pairs of a bucket, S nodes of all videos and texts.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from base.tensors import common_dtype, full, no_autocast
from eigv.backbones.parts.dropout import Dropout

EPSILON = 1e-5  # that of PyTorch's layer normalisation


class NodeMap(nn.Module):
    """The map whose inner products are the edges of the graph: h = ReLU(W2 ReLU(W1 x)), weights normed by row."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = weight_norm(nn.Linear(width, width, bias=False), dim=0)
        self.second = weight_norm(nn.Linear(width, width, bias=False), dim=0)

    def forward(self, nodes: Tensor) -> Tensor:
        """(..., D) to (..., D). A node of zeros stays one: padding has no edges."""
        return F.relu(self.second(F.relu(self.first(nodes))))


class AttentionPool(nn.Module):
    """Weighs the nodes of a graph by w tanh(W x + b) and sums them; padding has no weight."""

    compiles = "forward"

    def __init__(self, width: int, softmax_over_padding: bool = False) -> None:
        super().__init__()
        self.softmax_over_padding = softmax_over_padding
        self.score = nn.Sequential(nn.Linear(width, width // 2), nn.Tanh(), nn.Linear(width // 2, 1))

    def forward(self, nodes: Tensor, mask: Tensor, beyond: int = 0) -> Tensor:
        """(P, N, D) with `mask` (P, N) bool to (P, D).

        `beyond`: how many more nodes of padding, which are 0, take their share of an official softmax.
        """
        scores = self.score(nodes)[..., 0]
        if self.softmax_over_padding:  # then the weights of a graph with padding sum to less than 1
            if beyond:
                of_padding = self.score(nodes.new_zeros(1, nodes.shape[2])) + math.log(beyond)
                scores = torch.cat([scores, of_padding.expand(len(scores), 1)], dim=1)
            weights = scores.softmax(dim=-1)[:, : nodes.shape[1]] * mask
        else:
            weights = scores.masked_fill(~mask, -torch.inf).softmax(dim=-1)
        return torch.bmm(weights[:, None].to(nodes.dtype), nodes)[:, 0]


def spread(
    edges: Tensor, messages: Tensor, weights: Sequence[Tensor], places: Sequence[Tensor], dropout: Dropout
) -> tuple[Tensor, ...]:
    """The graph layers X <- Dropout(ReLU(LN(h h^T X W^T))) of groups of graphs: (n, N, D) each.

    The rows `places` (n, N) of `edges` (S, D) are h of a group's nodes, those of `messages` X W^T of the first layer;
    `weights` are W of the others. Of each layer, the backward pass keeps its result and what the next one sends, and
    calculates again what is cheap: what is read from the tables, and sums of messages.
    """
    edges, messages, *weights = common_dtype(edges, messages, *weights)
    with no_autocast(edges):
        results: tuple[Tensor, ...] = _Spread.apply(edges, messages, dropout, len(weights), *weights, *places)
    return results


def _rows(table: Tensor, index: Tensor) -> Tensor:
    return table.index_select(0, index.flatten()).view(*index.shape, table.shape[1])


def _received(adjacency: Tensor, sent: Tensor, dropout: Dropout) -> tuple[Tensor, Tensor, Tensor, float]:
    """Dropout(ReLU(LN(A x))), and for the backward pass mean and deviation of each row, and the scale of dropout."""
    nodes, mean, deviation = torch.native_layer_norm(torch.bmm(adjacency, sent), sent.shape[-1:], None, None, EPSILON)
    mask, scale = dropout.mask(nodes.relu_())
    if mask is not None:
        nodes.mul_(mask).mul_(scale)
    return nodes, mean, deviation, scale


class _Spread(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, edges: Tensor, messages: Tensor, dropout: Dropout, others: int, *rest: Tensor
    ) -> tuple[Tensor, ...]:
        weights, places = rest[:others], rest[others:]
        results, kept = [], []
        for index in places:
            edge = _rows(edges, index)
            adjacency = torch.bmm(edge, edge.transpose(1, 2))  # (n, N, N)
            nodes, *norm, ctx.scale = _received(adjacency, _rows(messages, index), dropout)
            kept += [adjacency, nodes, *norm]
            for weight in weights:
                sent = F.linear(nodes, weight)
                nodes, *norm, ctx.scale = _received(adjacency, sent, dropout)
                kept += [sent, nodes, *norm]
            results.append(nodes)
        ctx.others = others
        ctx.save_for_backward(edges, messages, *rest, *kept)
        return tuple(results)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        edges, messages, *rest = ctx.saved_tensors
        weights, places = rest[: ctx.others], rest[ctx.others : ctx.others + len(gradients)]
        kept = iter(rest[ctx.others + len(gradients) :])
        given = (edges, messages, *weights)
        of_edges, of_messages, *of_weights = (full(torch.zeros_like(x)) for x in given)
        for index, gradient in zip(places, gradients, strict=True):
            adjacency = next(kept)
            of_adjacency = torch.zeros_like(adjacency)
            layers = []
            for number in range(ctx.others + 1):
                sent = next(kept) if number else _rows(messages, index)
                layers.append((sent, next(kept), next(kept), next(kept)))
            for number in reversed(range(ctx.others + 1)):
                sent, nodes, mean, deviation = layers.pop()
                gradient = (nodes > 0).to(gradient.dtype).mul_(ctx.scale).mul_(gradient)
                gradient, _, _ = torch.ops.aten.native_layer_norm_backward(
                    gradient,
                    torch.bmm(adjacency, sent),
                    sent.shape[-1:],
                    mean,
                    deviation,
                    None,
                    None,
                    [True, False, False],
                )
                of_adjacency.baddbmm_(gradient, sent.transpose(1, 2))
                gradient = torch.bmm(adjacency, gradient)  # of what was sent: the adjacency is symmetric
                if number:
                    flat, before = gradient.flatten(0, 1), layers[-1][1]
                    of_weights[number - 1] += full(flat.T @ before.flatten(0, 1))
                    gradient = (flat @ weights[number - 1]).view_as(sent)
            of_messages.index_add_(0, index.flatten(), full(gradient.flatten(0, 1)))
            of_edge = torch.bmm(of_adjacency + of_adjacency.transpose(1, 2), _rows(edges, index))
            of_edges.index_add_(0, index.flatten(), full(of_edge.flatten(0, 1)))
        found = (of_edges, of_messages, *of_weights)
        first, second, *others = (x.to(like.dtype) for x, like in zip(found, given, strict=True))
        return (first, second, None, None, *others, *[None] * len(places))
