"""HGA: reasoning with heterogeneous graph alignment (Jiang and Han, AAAI 2020), as EIGV uses it.

Sizes: B videos, K clips, T texts, L tokens, N = K + L nodes, D width, P pairs of a video and a text,
n pairs of a bucket, S nodes of all videos and texts.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from base.tensors import common_dtype, full, no_autocast
from eigv.backbones.contract import Backbone, ClipWidths, kept_first
from eigv.backbones.parts.block_fusion import BlockFusion
from eigv.backbones.parts.buckets import Buckets
from eigv.backbones.parts.dropout import Dropout
from eigv.backbones.parts.encoders import ClipEncoder, PooledClips, TokenEncoder, TokenStates, valid
from eigv.config.run import HgaSettings

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


class Hga(Backbone[PooledClips, TokenStates]):
    """Tokens and clips are the nodes of one graph.

    With X = [tokens; clips] and h of `NodeMap`, every graph layer computes X <- Dropout(ReLU(LN(h h^T X W^T))); the
    pooled graph and the pooled inputs are fused by two `BlockFusion`s. The width D is twice the hidden width.
    """

    drops_clips = True

    def __init__(self, settings: HgaSettings, clip_widths: ClipWidths, token_width: int) -> None:
        super().__init__()
        width = self.width = 2 * settings.hidden
        self.clips = ClipEncoder(
            clip_widths.total, settings.hidden, settings.dropout, settings.video_representation, settings.cell
        )
        self.tokens = TokenEncoder(token_width, settings.words, settings.hidden, settings.dropout, settings.cell)
        self.nodes = NodeMap(width)
        self.layers = nn.ModuleList([nn.Linear(width, width, bias=False) for _ in range(settings.graph_layers)])
        self.dropout = Dropout(settings.dropout)
        self.pool = AttentionPool(width, settings.official_softmax_over_padding)
        self.fuse_inputs = BlockFusion(width, width, width, settings.fusion, settings.dropout)
        self.fuse_graph = BlockFusion(width, width, width, settings.fusion)

    def encode_clips(self, video: Tensor) -> PooledClips:
        """Clip features (B, K, Dv) to `PooledClips`."""
        return self.encode_mapped(self.map_clips(video))

    def map_clips(self, video: Tensor) -> Tensor:
        """The linear layer over each clip: (..., K, Dv) to (..., K, E)."""
        return self.clips.map(video)

    def encode_mapped(self, mapped: Tensor) -> PooledClips:
        """What `map_clips` gives, (B, K, E), to `PooledClips`."""
        return self.clips(mapped)

    def encode_kept(self, mapped: Tensor, keep: Tensor) -> PooledClips:
        """Of what `map_clips` gives, (B, K, E), the clips `keep` (B, K) bool; the others are no nodes."""
        return self.clips(mapped, keep)

    def encode_tokens(self, tokens: Tensor, lengths: Tensor) -> TokenStates:
        """Token features (T, L, Dt) with `lengths` (T,) to `TokenStates`."""
        return self.tokens(tokens, lengths)

    def fuse(self, clips: PooledClips, tokens: TokenStates, clip_index: Tensor, token_index: Tensor) -> Tensor:
        """Answer representations (P, D) of the pairs."""
        inputs = self.fuse_inputs.merge(
            self.fuse_inputs.map_first(tokens.pooled)[token_index],
            self.fuse_inputs.map_second(clips.pooled)[clip_index],
        )
        return self.fuse_graph(inputs, self._pool_graphs(clips, tokens, clip_index, token_index))

    def _pool_graphs(self, clips: PooledClips, tokens: TokenStates, clip_index: Tensor, token_index: Tensor) -> Tensor:
        """The pooled graph (P, D) of each pair: pairs of texts of like lengths together."""
        L = tokens.mask.shape[1]
        # Of a mixed text, a token that is not pooled can still be a node (`intervener.length: own`).
        there = tokens.mask | (tokens.local != 0).any(dim=-1)  # (T, L)
        table, mask, places = self._nodes_of(clips, tokens, there, clip_index, token_index)
        K = places.shape[1] - L
        buckets = Buckets(there.sum(dim=1)[token_index], L, beside=K, overhead=16)
        places = buckets.sort(places)
        cut = [(places[rows, : K + longest], L - longest) for rows, longest in buckets]
        first, *rest = self.layers
        weights = [weight for layer in rest for weight in layer.parameters()]
        graphs = spread(self.nodes(table), first(table), weights, [index for index, _ in cut], self.dropout)
        pooled = [self.pool(nodes, mask[index], beyond) for nodes, (index, beyond) in zip(graphs, cut, strict=True)]
        return buckets.restore(torch.cat(pooled))

    def _nodes_of(
        self, clips: PooledClips, tokens: TokenStates, there: Tensor, clip_index: Tensor, token_index: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Every clip and token once, (S, D), with a row of zeros at the end; whether each is pooled, (S,); and of each
        pair, the rows of its nodes among them (P, N), clips first, those of padding being the last row.

        What looks at single nodes (edges, the first layer's map) so looks at each once, and at no padding.
        """
        (B, K), (T, L), device = clips.states.shape[:2], there.shape, there.device
        of_tokens, pooled = tokens.local.flatten(0, 1), tokens.mask.flatten()
        if device.type == "cpu":
            rows = there.flatten().nonzero()[:, 0]
            of_tokens, pooled = of_tokens.index_select(0, rows), pooled[rows]
            lengths = there.sum(dim=1)
            start = lengths.cumsum(0) - lengths
        else:  # which tokens there are would have to be waited for: padding is looked at too
            start = torch.arange(T, device=device) * L
        table = torch.cat([clips.states.flatten(0, 1), of_tokens, of_tokens.new_zeros(1, self.width)])
        mask = torch.cat([pooled.new_ones(B * K), pooled, pooled.new_zeros(1)])
        places = (B * K + start[:, None] + torch.arange(L, device=device)).where(there, len(table) - 1)
        seen = self._clips_of(clips, len(table) - 1)[clip_index]
        return table, mask, torch.cat([seen, places[token_index]], dim=1)

    def _clips_of(self, clips: PooledClips, nothing: int) -> Tensor:
        """Of each video, the rows of its clips among all of them: (B, N), those left out being the row `nothing`.

        N is the most that any video has, or K where that would have to be waited for. The official softmax over padding
        needs to know: it is of as much padding as the video with the most clips has more.
        """
        (B, K), device = clips.states.shape[:2], clips.states.device
        start = torch.arange(B, device=device)[:, None] * K
        if clips.mask is None:
            return start + torch.arange(K, device=device)
        lengths = clips.mask.sum(dim=1)
        places = (start + kept_first(clips.mask)).where(valid(lengths, K, device), nothing)
        if device.type == "cpu" or self.pool.softmax_over_padding:
            return places[:, : int(lengths.max())]
        return places


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
