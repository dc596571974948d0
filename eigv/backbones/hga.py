"""HGA: reasoning with heterogeneous graph alignment (Jiang and Han, AAAI 2020), as EIGV uses it.

Sizes: B videos, K clips, T texts, L tokens, N = K + L nodes, D width, P pairs of a video and a text,
n pairs of a bucket, S nodes of all videos and texts.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from eigv.backbones.block_fusion import BlockFusion
from eigv.backbones.buckets import Buckets
from eigv.backbones.contract import Backbone, ClipWidths
from eigv.backbones.dropout import Dropout
from eigv.backbones.encoders import ClipEncoder, PooledClips, TokenEncoder, TokenStates, plain_layer_norm
from eigv.config.run import HgaSettings


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
        return (weights[:, None].to(nodes.dtype) @ nodes)[:, 0]


class Hga(Backbone[PooledClips, TokenStates]):
    """Tokens and clips are the nodes of one graph.

    With X = [tokens; clips] and h of `NodeMap`, every graph layer computes X <- Dropout(ReLU(LN(h h^T X W^T))); the
    pooled graph and the pooled inputs are fused by two `BlockFusion`s. The width D is twice the hidden width.
    """

    def __init__(self, settings: HgaSettings, clip_widths: ClipWidths, token_width: int) -> None:
        super().__init__()
        width = self.width = 2 * settings.hidden
        self.clips = ClipEncoder(clip_widths.total, settings.hidden, settings.dropout, settings.video_representation)
        self.tokens = TokenEncoder(token_width, settings.words, settings.hidden, settings.dropout)
        self.nodes = NodeMap(width)
        self.layers = nn.ModuleList([nn.Linear(width, width, bias=False) for _ in range(settings.graph_layers)])
        self.dropout = Dropout(settings.dropout)
        self.pool = AttentionPool(width, settings.official_softmax_over_padding)
        self.fuse_inputs = BlockFusion(width, width, width, settings.fusion, settings.dropout)
        self.fuse_graph = BlockFusion(width, width, width, settings.fusion)

    def encode_clips(self, video: Tensor) -> PooledClips:
        """Clip features (B, K, Dv) to `PooledClips`."""
        return self.clips(video)

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
        K, L = clips.states.shape[1], tokens.mask.shape[1]
        # Of a mixed text, a token that is not pooled can still be a node (`intervener.length: own`).
        there = tokens.mask | (tokens.local != 0).any(dim=-1)  # (T, L)
        table, mask, places = self._nodes_of(clips, tokens, there, clip_index, token_index)
        first, *rest = self.layers
        edges, messages = self.nodes(table), first(table)
        buckets = Buckets(there.sum(dim=1)[token_index], L, beside=K, overhead=16)
        places = buckets.sort(places)
        pooled = []
        for rows, longest in buckets:
            index = places[rows, : K + longest]  # (n, N)
            every = index.flatten()
            edge = edges.index_select(0, every).view(*index.shape, -1)
            adjacency = edge @ edge.transpose(1, 2)  # (n, N, N)
            nodes = self._spread(adjacency, messages.index_select(0, every).view(*index.shape, -1))
            for layer in rest:
                nodes = self._spread(adjacency, layer(nodes))
            pooled.append(self.pool(nodes, mask[index], beyond=L - longest))
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
        seen = clip_index[:, None] * K + torch.arange(K, device=device)
        return table, mask, torch.cat([seen, places[token_index]], dim=1)

    def _spread(self, adjacency: Tensor, messages: Tensor) -> Tensor:
        return self.dropout.after_relu(plain_layer_norm(adjacency @ messages))
