"""MSPAN: multi-scale progressive attention network (Guo et al., ACL 2021), as EIGV uses it.

Sizes: B videos, K clips, T texts, L tokens, D width, P pairs of a video and a text, N = K - i nodes at scale i, of
which node j is the window of clips j .. j + i; n rows (videos or pairs).
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from base.errors import UserError
from base.tensors import moved
from eigv.backbones.contract import Backbone, Clips, ClipWidths, Tokens, stretched
from eigv.backbones.parts.answer_norm import AnswerNorm
from eigv.backbones.parts.dropout import Dropout
from eigv.backbones.parts.gates import Activation, activated, gated
from eigv.backbones.parts.last_states import last_states
from eigv.backbones.parts.looks import Look, looked
from eigv.backbones.parts.nodes import Nodes, Rows
from eigv.config.run import MspanSettings


def near_windows(K: int, scale: int) -> Tensor:
    """Within a scale: windows that overlap or touch, (N, N), normalised as D^-1/2 A D^-1/2."""
    start = torch.arange(K - scale)
    near = ((start[:, None] - start).abs() <= scale + 1).float()
    root = near.sum(dim=1).rsqrt()
    return root[:, None] * near * root


def overlapping_windows(K: int, scale: int, official: bool) -> Tensor:
    """Between `scale` and the next: which of their windows have a clip in common, (N, N - 1) bool.

    The official code leaves out the pairs whose only common clip is the last of the wider window.
    """
    ahead = torch.arange(K - scale)[:, None] - torch.arange(K - scale - 1)
    return (ahead >= -scale) & (ahead <= (scale if official else scale + 1))


class Fusion(nn.Module):
    """Clips under a question: Dropout(activation(W v * U q + b)); both maps can be called alone."""

    def __init__(self, width: int, activation: Activation, dropout: float, bias: bool = False) -> None:
        super().__init__()
        self.seen = nn.Linear(width, width, bias=False)
        self.asked = nn.Linear(width, width, bias=False)
        self.bias = nn.Parameter(torch.zeros(width)) if bias else None
        self.activation: Activation = activation
        self.dropout = Dropout(dropout)

    def join(self, seen: Tensor, asked: Tensor) -> Tensor:
        """Mapped clips (P, D) with mapped questions (P, D)."""
        joined = seen * asked
        if self.bias is not None:
            joined = joined + self.bias.to(joined.dtype)
        return activated(joined, self.activation, self.dropout)


class GraphConvolution(nn.Module):
    """Layers x <- A x W^T + b over the nodes of one scale; ELU and dropout after the first."""

    def __init__(self, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        maps = [nn.Linear(width, width) for _ in range(layers)]
        for layer in maps:
            nn.init.zeros_(layer.bias)
        self.layers = nn.ModuleList(maps)
        self.dropout = Dropout(dropout)

    def forward(self, nodes: Nodes, adjacency: Tensor) -> Nodes:
        """`nodes` with (N, N); the last layer's map is still to be applied where there is a row a pair."""
        first, *others = cast(list[nn.Linear], list(self.layers))
        values, pairs = nodes.read(first.weight)
        mixing = adjacency.expand(len(values), -1, -1)
        values = activated(torch.baddbmm(first.bias, mixing, values), "elu", self.dropout)
        found = Nodes.of(Rows(values, pairs), nodes.index)
        for layer in others:
            mixed = torch.bmm(mixing, found.read().values)
            found = Nodes.of(Rows(mixed, pairs), nodes.index).mapped(layer.weight, layer.bias)
        return found


class GraphAttention(nn.Module):
    """Nodes of one scale look at those of a neighbouring scale, under the question."""

    def __init__(self, width: int, settings: MspanSettings) -> None:
        super().__init__()
        self.width = width
        self.keys = Fusion(width, settings.activation, settings.dropout)
        self.values = Fusion(width, settings.activation, settings.dropout)
        self.queries = nn.Linear(width, width, bias=False)
        self.merge = nn.Linear(2 * width, width)
        self.dropout = Dropout(settings.dropout)
        self.soft_mask = settings.official_soft_mask

    def forward(self, nodes: Nodes, others: Nodes, neighbours: Tensor, asked: Tensor) -> Nodes:
        """`nodes` with what they find in `others`; `neighbours` (of nodes, of others) bool says where they look.

        `asked` (P, 2D) are the question's maps in both fusions, side by side.
        """
        seen = others.read(torch.cat([self.keys.seen.weight, self.values.seen.weight]))  # (n, others, 2D)
        queries = nodes.read(self.queries.weight)
        fusion = self.keys
        how = Look(neighbours, self.soft_mask, fusion.activation, fusion.dropout, self.dropout)
        found = looked(queries, seen, asked, how)
        kept, of_found = self.merge.weight.split(self.width, dim=1)
        return nodes.mapped(kept, self.merge.bias).plus_pairs(found, of_found)


class Round(nn.Module):
    """One pass: graph convolution within every scale, attention down to the widest windows and up again."""

    def __init__(self, width: int, settings: MspanSettings) -> None:
        super().__init__()
        self.within = GraphConvolution(width, settings.graph_layers, settings.dropout)
        self.down = GraphAttention(width, settings)
        self.up = GraphAttention(width, settings)

    @property
    def fusions(self) -> list[Fusion]:
        """Those whose questions `forward` takes: keys and values, down and up."""
        return [self.down.keys, self.down.values, self.up.keys, self.up.values]

    def forward(
        self,
        scales: list[Nodes],
        near: list[Tensor],
        overlap: list[Tensor],
        asked: tuple[Tensor, Tensor],
        compose: bool,
    ) -> list[Nodes]:
        """The nodes of every scale, after the pass.

        `near` and `overlap` are the graphs, `asked` the question's maps (P, 2D) down and up; `compose` leaves maps to
        be applied where that is less work.
        """

        def settled(nodes: Nodes) -> Nodes:
            return nodes if compose else nodes.computed()

        down, up = asked
        scales = [settled(self.within(nodes, graph)) for nodes, graph in zip(scales, near, strict=True)]
        for i, graph in enumerate(overlap):  # keys, values and more read the result: it is computed
            scales[i + 1] = self.down(scales[i + 1], scales[i], graph.T, down).computed()
        for i, graph in reversed(list(enumerate(overlap))):
            found = self.up(scales[i], scales[i + 1], graph, up)
            scales[i] = found.computed() if i else settled(found)
        return scales


class Mspan(Backbone[Clips, Tokens]):
    """Clips at several temporal scales, which look at each other under the question.

    Clips are max-pooled over windows of 1, 2, ... clips. After every `Round` the pooled clips are added to each scale
    again. The question then weighs the finest scale, and is fused with the sum. The width D is twice the hidden width.
    """

    drops_clips = True
    weighs_clips = True

    def __init__(self, settings: MspanSettings, clip_widths: ClipWidths, token_width: int) -> None:
        super().__init__()
        width = self.width = 2 * settings.hidden
        self.settings = settings
        self.contrast_reaches_answer_head = settings.official_batch_statistics
        self.clips = nn.Linear(clip_widths.total, width)
        self.recurrent = nn.LSTM(token_width, settings.hidden, batch_first=True, bidirectional=True)
        self.dropout = Dropout(settings.dropout)
        self.rounds = nn.ModuleList([Round(width, settings) for _ in range(settings.rounds)])
        self.attention = Fusion(width, settings.activation, settings.attention_dropout)
        self.weigh = nn.Linear(width, 1)
        self.answer = Fusion(width, settings.activation, settings.dropout, bias=True)

    def answer_head(self, outputs: int) -> nn.Module:
        """A hidden layer with batch normalisation, whose statistics are of the rows that it is given in training."""
        return nn.Sequential(
            nn.Linear(self.width, self.width),
            nn.ELU(),
            AnswerNorm(self.width),
            Dropout(self.settings.dropout),
            nn.Linear(self.width, outputs),
        )

    def encode_clips(self, video: Tensor) -> Clips:
        """Clip features (B, K, Dv), mapped: (B, K, D)."""
        return self.encode_mapped(self.map_clips(video))

    def map_clips(self, video: Tensor) -> Tensor:
        """The linear layer (..., K, D), but for its bias."""
        return F.linear(video, self.clips.weight)

    def encode_mapped(self, mapped: Tensor) -> Clips:
        """With the bias: (B, K, D)."""
        if mapped.shape[1] < self.settings.scales:
            raise UserError(
                f"backbone mspan: {self.settings.scales} `scales` need as many clips, not {mapped.shape[1]}"
            )
        return Clips(local=mapped + self.clips.bias.to(mapped.dtype))

    def encode_kept(self, mapped: Tensor, keep: Tensor) -> Clips:
        """The clips `keep` (B, K) bool, stretched to K: windows need a number of clips that is the same for all."""
        return self.encode_mapped(stretched(mapped, keep))

    def encode_tokens(self, tokens: Tensor, lengths: Tensor) -> Tokens:
        """Token features (T, L, Dt) with `lengths` (T,) to the last states of both directions, side by side."""
        return Tokens(pooled=self.dropout(last_states(self.recurrent, tokens, lengths)))

    def clip_weights(self, clips: Clips, tokens: Tokens, clip_index: Tensor, token_index: Tensor) -> Tensor:
        """The weights (P, K) by which the finest scale, of which each node is a clip, is pooled."""
        return self._weighed(clips, tokens, clip_index, token_index)[1]

    def fuse(self, clips: Clips, tokens: Tokens, clip_index: Tensor, token_index: Tensor) -> Tensor:
        """Answer representations (P, D) of the pairs."""
        finest, weights, answering = self._weighed(clips, tokens, clip_index, token_index)
        return self.answer.join(self.answer.seen(finest.weighed(weights)), answering)

    def _weighed(
        self, clips: Clips, tokens: Tokens, clip_index: Tensor, token_index: Tensor
    ) -> tuple[Nodes, Tensor, Tensor]:
        """The nodes of the finest scale, their weights (P, K), and the question's map in the last fusion (P, D)."""
        K, D = clips.local.shape[1], self.width
        rounds = cast(list[Round], list(self.rounds))
        fusions = [fusion for each in rounds for fusion in each.fusions] + [self.attention, self.answer]
        asked = F.linear(tokens.pooled, torch.cat([fusion.asked.weight for fusion in fusions]))  # (T, fusions * D)
        *looking, weighing, answering = asked.index_select(0, token_index).split(
            [2 * D] * 2 * len(rounds) + [D, D], dim=1
        )
        near, overlap = self._graphs(K, clips.local)
        pooled = [F.max_pool2d(clips.local, (i + 1, 1), stride=1) for i in range(self.settings.scales)]  # (B, N, D)
        compose = len(clip_index) * K > 4 * D  # else the products of maps are more work than they save
        scales = [Nodes(clip_index, values) for values in pooled]
        for each, down, up in zip(rounds, looking[::2], looking[1::2], strict=True):
            scales = each(scales, near, overlap, (down, up), compose)
            scales = [nodes.plus_videos(first) for nodes, first in zip(scales, pooled, strict=True)]

        fusion, finest = self.attention, scales[0]
        seen, index = finest.read(fusion.seen.weight)
        joined = gated(seen, index, weighing, fusion.activation, fusion.dropout)  # (P, K, D)
        weights = self.weigh(joined)[..., 0].softmax(dim=1).to(joined.dtype)
        return finest, weights, answering

    def _graphs(self, K: int, like: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """The graphs within every scale, and those between each and the next."""
        scales, official = self.settings.scales, self.settings.official_adjacency
        near = [moved(near_windows(K, i).to(like.dtype), like.device) for i in range(scales)]
        return near, [moved(overlapping_windows(K, i, official), like.device) for i in range(scales - 1)]
