"""HGA: reasoning with heterogeneous graph alignment (Jiang and Han, AAAI 2020), as EIGV uses it.

Sizes: B videos, K clips, T texts, L tokens, N = L + K nodes, D width, P pairs of a video and a text.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from eigv.backbones.block_fusion import BlockFusion
from eigv.backbones.contract import Backbone, ClipWidths
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

    def forward(self, nodes: Tensor, mask: Tensor) -> Tensor:
        """(P, N, D) with `mask` (P, N) bool to (P, D)."""
        scores = self.score(nodes)[..., 0]
        if self.softmax_over_padding:  # then the weights of a graph with padding sum to less than 1
            weights = scores.softmax(dim=-1) * mask
        else:
            weights = scores.masked_fill(~mask, -torch.inf).softmax(dim=-1)
        return torch.einsum("pn,pnd->pd", weights, nodes)


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
        self.dropout = nn.Dropout(settings.dropout)
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

        def pairs(of_tokens: Tensor, of_clips: Tensor) -> Tensor:
            return torch.cat([of_tokens[token_index], of_clips[clip_index]], dim=1)

        # Edges and the first layer's map look at single nodes: once a token or clip, not once a pair.
        edges = pairs(self.nodes(tokens.local), self.nodes(clips.states))  # (P, N, D)
        adjacency = edges @ edges.transpose(1, 2)  # (P, N, N)
        first, *rest = self.layers
        nodes = self._spread(adjacency, pairs(first(tokens.local), first(clips.states)))
        for layer in rest:
            nodes = self._spread(adjacency, layer(nodes))

        every_clip = clips.states.new_ones(clips.states.shape[:2], dtype=torch.bool)  # (B, K)
        pooled = self.pool(nodes, pairs(tokens.mask, every_clip))
        inputs = self.fuse_inputs.merge(
            self.fuse_inputs.map_first(tokens.pooled)[token_index],
            self.fuse_inputs.map_second(clips.pooled)[clip_index],
        )
        return self.fuse_graph(inputs, pooled)

    def _spread(self, adjacency: Tensor, messages: Tensor) -> Tensor:
        return self.dropout(F.relu(plain_layer_norm(adjacency @ messages)))
