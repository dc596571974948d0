"""MSPAN: multi-scale progressive attention network (Guo et al., ACL 2021), as EIGV uses it.

Sizes: B videos, K clips, T texts, L tokens, D width, P pairs of a video and a text, N = K - i nodes at scale i, of
which node j is the window of clips j .. j + i; n rows (videos or pairs).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from base.errors import UserError
from base.tensors import moved
from eigv.backbones.contract import Backbone, Clips, ClipWidths, Tokens
from eigv.backbones.encoders import packed
from eigv.config.run import MspanSettings

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"elu": F.elu, "relu": F.relu}


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


@dataclass(frozen=True)
class Nodes:
    """The nodes of a scale: a row a video as long as no question has touched them, then a row a pair."""

    values: Tensor  # (n, N, D)
    index: Tensor | None  # (P,), the row of each pair; None: row p is pair p

    def map(self, function: Callable[[Tensor], Tensor]) -> Tensor:
        """`function` of the nodes, computed once a row, for every pair: (P, N, ...)."""
        mapped = function(self.values)
        return mapped if self.index is None else mapped[self.index]

    def plus(self, other: "Nodes") -> "Nodes":
        """The sum with `other`, which has a row a video."""
        return Nodes(self.values + (other.map(_same) if self.index is None else other.values), self.index)


def _same(x: Tensor) -> Tensor:
    return x


class Fusion(nn.Module):
    """Clips under a question: Dropout(activation(W v * U q + b)); both maps can be called alone."""

    def __init__(self, width: int, activation: str, dropout: float, bias: bool = False) -> None:
        super().__init__()
        self.seen = nn.Linear(width, width, bias=False)
        self.asked = nn.Linear(width, width, bias=False)
        self.bias = nn.Parameter(torch.zeros(width)) if bias else None
        self.activation = ACTIVATIONS[activation]
        self.dropout = nn.Dropout(dropout)

    def join(self, seen: Tensor, asked: Tensor) -> Tensor:
        """Mapped clips (..., D) with mapped questions that broadcast to them."""
        joined = seen * asked
        return self.dropout(self.activation(joined if self.bias is None else joined + self.bias))


class GraphConvolution(nn.Module):
    """Layers x <- A x W^T + b over the nodes of one scale; ELU and dropout after the first."""

    def __init__(self, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        maps = [nn.Linear(width, width) for _ in range(layers)]
        for layer in maps:
            nn.init.zeros_(layer.bias)
        self.layers = nn.ModuleList(maps)
        self.dropout = nn.Dropout(dropout)

    def forward(self, nodes: Tensor, adjacency: Tensor) -> Tensor:
        """(n, N, D) with (N, N) to (n, N, D)."""
        for number, layer in enumerate(self.layers):
            nodes = layer(adjacency @ nodes)
            if number == 0:
                nodes = self.dropout(F.elu(nodes))
        return nodes


class GraphAttention(nn.Module):
    """Nodes of one scale look at those of a neighbouring scale, under the question."""

    def __init__(self, width: int, settings: MspanSettings) -> None:
        super().__init__()
        self.width = width
        self.keys = Fusion(width, settings.activation, settings.dropout)
        self.values = Fusion(width, settings.activation, settings.dropout)
        self.queries = nn.Linear(width, width, bias=False)
        self.merge = nn.Linear(2 * width, width)
        self.dropout = nn.Dropout(settings.dropout)
        self.soft_mask = settings.official_soft_mask

    def forward(self, nodes: Nodes, others: Nodes, neighbours: Tensor, asked: Callable[[Fusion], Tensor]) -> Nodes:
        """`nodes` with what they find in `others`; `neighbours` (of nodes, of others) bool says where they look.

        `asked` gives the question's map in a fusion, (P, 1, D).
        """
        keys = self.keys.join(others.map(self.keys.seen), asked(self.keys))  # (P, others, D)
        values = self.values.join(others.map(self.values.seen), asked(self.values))
        scores = nodes.map(self.queries) @ keys.transpose(1, 2)  # (P, nodes, others)
        # the lowest number, not -inf: a node without any neighbour then looks at all, evenly
        absent = 0.0 if self.soft_mask else torch.finfo(scores.dtype).min
        found = scores.masked_fill(~neighbours, absent).softmax(dim=-1) @ values
        kept = nodes.map(lambda x: F.linear(x, self.merge.weight[:, : self.width], self.merge.bias))
        return Nodes(kept + F.linear(self.dropout(F.elu(found)), self.merge.weight[:, self.width :]), None)


class Round(nn.Module):
    """One pass: graph convolution within every scale, attention down to the widest windows and up again."""

    def __init__(self, width: int, settings: MspanSettings) -> None:
        super().__init__()
        self.within = GraphConvolution(width, settings.graph_layers, settings.dropout)
        self.down = GraphAttention(width, settings)
        self.up = GraphAttention(width, settings)

    def forward(
        self, scales: list[Nodes], near: list[Tensor], overlap: list[Tensor], asked: Callable[[Fusion], Tensor]
    ) -> list[Nodes]:
        """The nodes of every scale, after the pass; `near` and `overlap` are the graphs."""
        scales = [Nodes(self.within(s.values, graph), s.index) for s, graph in zip(scales, near, strict=True)]
        for i, graph in enumerate(overlap):
            scales[i + 1] = self.down(scales[i + 1], scales[i], graph.T, asked)
        for i, graph in reversed(list(enumerate(overlap))):
            scales[i] = self.up(scales[i], scales[i + 1], graph, asked)
        return scales


class AnswerNorm(nn.BatchNorm1d):
    """Batch normalisation; a batch of one row, which has no statistics, is normalised by those of training so far."""

    def forward(self, input: Tensor) -> Tensor:
        """(P, D) to (P, D)."""
        if self.training and len(input) == 1:
            return F.batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(input)


class Mspan(Backbone[Clips, Tokens]):
    """Clips at several temporal scales, which look at each other under the question.

    Clips are max-pooled over windows of 1, 2, ... clips. After every `Round` the pooled clips are added to each scale
    again. The question then weighs the finest scale, and is fused with the sum. The width D is twice the hidden width.
    """

    def __init__(self, settings: MspanSettings, clip_widths: ClipWidths, token_width: int) -> None:
        super().__init__()
        width = self.width = 2 * settings.hidden
        self.settings = settings
        self.contrast_reaches_answer_head = settings.official_batch_statistics
        self.clips = nn.Linear(clip_widths.total, width)
        self.recurrent = nn.LSTM(token_width, settings.hidden, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(settings.dropout)
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
            nn.Dropout(self.settings.dropout),
            nn.Linear(self.width, outputs),
        )

    def encode_clips(self, video: Tensor) -> Clips:
        """Clip features (B, K, Dv), mapped: (B, K, D)."""
        if video.shape[1] < self.settings.scales:
            raise UserError(f"backbone mspan: {self.settings.scales} `scales` need as many clips, not {video.shape[1]}")
        return Clips(local=self.clips(video))

    def encode_tokens(self, tokens: Tensor, lengths: Tensor) -> Tokens:
        """Token features (T, L, Dt) with `lengths` (T,) to the last states of both directions, side by side."""
        _, (last, _) = self.recurrent(packed(tokens, lengths))  # (2, T, D / 2)
        return Tokens(pooled=self.dropout(last.transpose(0, 1).flatten(1)))

    def fuse(self, clips: Clips, tokens: Tokens, clip_index: Tensor, token_index: Tensor) -> Tensor:
        """Answer representations (P, D) of the pairs."""

        def asked(fusion: Fusion) -> Tensor:
            return fusion.asked(tokens.pooled)[token_index, None]  # (P, 1, D)

        K, device = clips.local.shape[1], clips.local.device
        near = [moved(near_windows(K, i).to(clips.local.dtype), device) for i in range(self.settings.scales)]
        official = self.settings.official_adjacency
        overlap = [moved(overlapping_windows(K, i, official), device) for i in range(self.settings.scales - 1)]

        channels = clips.local.transpose(1, 2)  # (B, D, K)
        pooled = [F.max_pool1d(channels, i + 1, stride=1).transpose(1, 2) for i in range(self.settings.scales)]
        scales = start = [Nodes(values, clip_index) for values in pooled]
        for each in self.rounds:
            scales = [s.plus(first) for s, first in zip(each(scales, near, overlap, asked), start, strict=True)]

        scores = self.weigh(self.attention.join(scales[0].map(self.attention.seen), asked(self.attention)))  # (P, K, 1)
        summed = (scores.softmax(dim=1) * scales[0].map(_same)).sum(dim=1)  # (P, D)
        return self.answer.join(self.answer.seen(summed), asked(self.answer)[:, 0])
