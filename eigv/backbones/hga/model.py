"""HGA: reasoning with heterogeneous graph alignment (Jiang and Han, AAAI 2020), as EIGV uses it and as published.

Sizes: B videos, K clips, T texts, L tokens, N = K + L nodes, D width, P pairs of a video and a text,
n pairs of a bucket, S nodes of all videos and texts.
"""

import torch
from torch import Tensor, nn

from eigv.backbones.contract import Backbone, ClipWidths, kept_first
from eigv.backbones.hga.co_attention import CoAttention
from eigv.backbones.hga.graph import AttentionPool, NodeMap, spread
from eigv.backbones.parts.block_fusion import BlockFusion
from eigv.backbones.parts.buckets import Buckets
from eigv.backbones.parts.dropout import Dropout
from eigv.backbones.parts.encoders import ClipEncoder, PooledClips, TokenEncoder, TokenStates, valid
from eigv.config.run import HgaSettings


class Hga(Backbone[PooledClips, TokenStates]):
    """Tokens and clips are the nodes of one graph.

    With X = [tokens; clips] and h of `NodeMap`, every graph layer computes X <- Dropout(ReLU(LN(h h^T X W^T))); the
    pooled graph and the pooled inputs are fused by two `BlockFusion`s. The width D is twice the hidden width.
    As published (`co_attention`), tokens and clips look at each other before, and the graph is pooled by a sum.
    """

    drops_clips = True

    def __init__(self, settings: HgaSettings, clip_widths: ClipWidths, token_width: int) -> None:
        super().__init__()
        width = self.width = 2 * settings.hidden
        dropout, cell, ahead = settings.dropout, settings.cell, settings.co_attention
        self.clips = ClipEncoder(
            clip_widths.total, settings.hidden, dropout, settings.video_representation, cell, ahead
        )
        self.tokens = TokenEncoder(token_width, settings.words, settings.hidden, dropout, cell, ahead)
        self.co_attention = None
        if settings.co_attention:
            self.co_attention = CoAttention(width, dropout if settings.official_frozen_maps else None)
        self.nodes = NodeMap(width)
        self.layers = nn.ModuleList([nn.Linear(width, width, bias=False) for _ in range(settings.graph_layers)])
        self.dropout = Dropout(settings.dropout)
        self.pool = None if self.co_attention else AttentionPool(width, settings.official_softmax_over_padding)
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
        if self.pool is None:
            return self._sum_graphs(clips, tokens, there, clip_index, token_index)
        table, mask, places = self._nodes_of(clips, tokens, there, clip_index, token_index)
        K = places.shape[1] - L
        buckets = Buckets(there.sum(dim=1)[token_index], L, beside=K, overhead=16)
        places = buckets.sort(places)
        cut = [(places[rows, : K + longest], L - longest) for rows, longest in buckets]
        graphs = self._spread(table, [index for index, _ in cut])
        pooled = [self.pool(nodes, mask[index], beyond) for nodes, (index, beyond) in zip(graphs, cut, strict=True)]
        return buckets.restore(torch.cat(pooled))

    def _spread(self, table: Tensor, places: list[Tensor]) -> tuple[Tensor, ...]:
        """The graphs after all layers, (n, N, D) each, of the nodes `table` (S, D) at `places` (n, N)."""
        first, *rest = self.layers
        weights = [weight for layer in rest for weight in layer.parameters()]
        return spread(self.nodes(table), first(table), weights, places, self.dropout)

    def _sum_graphs(
        self, clips: PooledClips, tokens: TokenStates, there: Tensor, clip_index: Tensor, token_index: Tensor
    ) -> Tensor:
        """The same of graphs whose nodes have looked at each other, and are of a pair: summed, (P, D).

        What looks at videos or texts alone is computed once for each of them.
        """
        assert self.co_attention is not None
        L, K = there.shape[1], clips.states.shape[1]
        buckets = Buckets(there.sum(dim=1)[token_index], L, beside=K, overhead=16)
        asked = self.co_attention.of_tokens(tokens.local, there)
        seen = self.co_attention.of_clips(clips.states, clips.mask)
        nodes, places, pooled, count = [], [], [], 0
        texts, videos = buckets.sort(token_index), buckets.sort(clip_index)
        for rows, longest in buckets:
            both = self.co_attention(asked.select(texts[rows], longest), seen.select(videos[rows], K))
            nodes.append(torch.cat(both, dim=1))
            n, N, _ = nodes[-1].shape
            places.append(torch.arange(count, count + n * N, device=there.device).view(n, N))
            count += n * N
            of_clips = both[1].new_ones(n, K, dtype=torch.bool)  # those that are not there are 0
            pooled.append(torch.cat([tokens.mask[:, :longest].index_select(0, texts[rows]), of_clips], dim=1))
        graphs = self._spread(torch.cat([x.flatten(0, 1) for x in nodes]), places)
        sums = [torch.bmm(of[:, None].to(x.dtype), x)[:, 0] for of, x in zip(pooled, graphs, strict=True)]
        return buckets.restore(torch.cat(sums))

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
        if device.type == "cpu" or (self.pool and self.pool.softmax_over_padding):
            return places[:, : int(lengths.max())]
        return places
