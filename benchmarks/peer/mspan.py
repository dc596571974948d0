"""MSPAN of the peer.

Sizes: T texts, B videos, K clips, N nodes of a scale, P pairs, D width.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence

from benchmarks.peer.step import Peer
from eigv.config.run import MspanSettings

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"elu": F.elu, "relu": F.relu}
TEXT_LAYERS = 3
"""Recurrent layers over tokens, of which the first alone is read."""


class Linguistic(nn.Module):
    """Texts (T, 37, Dt) to the last states of the first layer (T, D)."""

    def __init__(self, settings: MspanSettings, token_width: int) -> None:
        super().__init__()
        self.encoder = nn.LSTM(token_width, settings.hidden, TEXT_LAYERS, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """`lengths` (T,)."""
        _, (last, _) = self.encoder(pack_padded_sequence(tokens, lengths, batch_first=True, enforce_sorted=False))
        return self.dropout(torch.cat([last[0], last[1]], -1))


class Joint(nn.Module):
    """Nodes (P, N, D) or (P, D) under a question (P, D); `weighs`: summed by a score, to (P, D)."""

    def __init__(self, width: int, activation: str, dropout: float, bias: bool = False, weighs: bool = False) -> None:
        super().__init__()
        self.fc_visual = nn.Linear(width, width, bias=False)
        self.fc_question = nn.Linear(width, width, bias=False)
        self.bias = nn.Parameter(torch.zeros(width)) if bias else None
        self.fc_Joint = nn.Linear(width, 1) if weighs else None
        self.activation, self.dropout = ACTIVATIONS[activation], nn.Dropout(dropout)

    def forward(self, nodes: Tensor, question: Tensor) -> Tensor:
        """Of `nodes`."""
        asked = self.fc_question(question)
        joined = self.fc_visual(nodes) * (asked[:, None] if nodes.dim() == 3 else asked)
        joined = self.dropout(self.activation(joined if self.bias is None else joined + self.bias))
        if self.fc_Joint is None:
            return joined
        return (torch.softmax(self.fc_Joint(joined), 1) * nodes).sum(1)


class Convolution(nn.Module):
    """x <- A (x W) + b."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Linear(width, width, bias=False)
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, nodes: Tensor, adjacency: Tensor) -> Tensor:
        """(P, N, D)."""
        return torch.matmul(adjacency, self.weight(nodes)) + self.bias


class Convolutions(nn.Module):
    """Graph convolutions within a scale."""

    def __init__(self, width: int, settings: MspanSettings) -> None:
        super().__init__()
        self.gcn = nn.ModuleList(Convolution(width) for _ in range(settings.graph_layers))
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, nodes: Tensor, adjacency: Tensor) -> Tensor:
        """(P, N, D)."""
        for number, layer in enumerate(self.gcn):
            nodes = layer(nodes, adjacency)
            if number == 0:
                nodes = self.dropout(F.elu(nodes))
        return nodes


class Attention(nn.Module):
    """From the nodes of one scale to those of a neighbouring one."""

    def __init__(self, width: int, settings: MspanSettings) -> None:
        super().__init__()
        self.fusion_1 = Joint(width, settings.activation, settings.dropout)
        self.fusion_2 = Joint(width, settings.activation, settings.dropout)
        self.W3, self.W6 = nn.Linear(width, width, bias=False), nn.Linear(2 * width, width)
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, now: Tensor, following: Tensor, question: Tensor, adjacency: Tensor) -> Tensor:
        """`adjacency` (N of following, N of now): what is 0 there gets a score of 0."""
        keys = self.fusion_1(now, question)
        weights = torch.softmax(torch.matmul(self.W3(following), keys.transpose(1, 2)) * adjacency, -1)
        found = self.dropout(F.elu(torch.matmul(weights, self.fusion_2(now, question))))
        return self.W6(torch.cat([following, found], -1))


class Scales(nn.Module):
    """Clips at several temporal scales (P, K, D), read under the question, to (P, D)."""

    def __init__(self, width: int, settings: MspanSettings) -> None:
        super().__init__()
        self.scales = settings.scales
        rounds = range(settings.rounds)
        self.GCN_Module = nn.ModuleList(Convolutions(width, settings) for _ in rounds)
        self.GAT_down = nn.ModuleList(Attention(width, settings) for _ in rounds)
        self.GAT_up = nn.ModuleList(Attention(width, settings) for _ in rounds)
        self.attention = Joint(width, settings.activation, settings.attention_dropout, weighs=True)

    def forward(self, clips: Tensor, question: Tensor) -> Tensor:
        """Of `clips` and `question`."""
        K = clips.shape[1]
        within = [_within(K, i).to(clips) for i in range(self.scales)]
        between = [_between(K, i).to(clips) for i in range(self.scales - 1)]
        pooled = [F.max_pool1d(clips.transpose(1, 2), i + 1, 1).transpose(1, 2) for i in range(self.scales)]
        nodes = list(pooled)
        for convolve, down, up in zip(self.GCN_Module, self.GAT_down, self.GAT_up, strict=True):
            nodes = [convolve(x, graph) for x, graph in zip(nodes, within, strict=True)]
            for i in range(self.scales - 1):
                nodes[i + 1] = down(nodes[i], nodes[i + 1], question, between[i].T)
            for i in reversed(range(self.scales - 1)):
                nodes[i] = up(nodes[i + 1], nodes[i], question, between[i])
            nodes = [x + first for x, first in zip(nodes, pooled, strict=True)]
        return self.attention(nodes[0], question)


def _within(K: int, scale: int) -> Tensor:
    start = torch.arange(K - scale)
    near = ((start[:, None] - start).abs() <= scale + 1).float()
    root = near.sum(1) ** -0.5
    return root[:, None] * near * root


def _between(K: int, scale: int) -> Tensor:
    return ((torch.arange(K - scale)[:, None] - torch.arange(K - scale - 1)).abs() <= scale).float()


class MspanPeer(Peer):
    """A text is its last states (T, D); a video is its mapped clips (B, K, D)."""

    def __init__(self, settings: MspanSettings, clip_widths: tuple[int, int], token_width: int) -> None:
        super().__init__()
        width = self.width = 2 * settings.hidden
        self.dropout = settings.dropout
        self.linguistic = Linguistic(settings, token_width)
        self.fc_cat = nn.Linear(sum(clip_widths), width)
        self.ssp_offer = Scales(width, settings)
        self.que_visual = Joint(width, settings.activation, settings.dropout, bias=True)
        self.project_head = nn.Sequential(nn.ReLU(), nn.Linear(width, width))

    def set_answers(self, answers: int) -> None:
        """The answer head, for `answers` scores a pair."""
        self.classifier = nn.Sequential(
            nn.Linear(self.width, self.width),
            nn.ELU(),
            nn.BatchNorm1d(self.width),
            nn.Dropout(self.dropout),
            nn.Linear(self.width, answers),
        )
        self.answer_head = self.classifier.forward

    def encode_text(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """(T, D)."""
        return (self.linguistic(tokens, lengths),)

    def encode_video(self, video: Tensor) -> tuple[Tensor, ...]:
        """(B, K, D)."""
        return (self.fc_cat(video),)

    def keys(self, video: tuple[Tensor, ...]) -> Tensor:
        """(B, K, D)."""
        return video[0]

    def fuse(self, text: tuple[Tensor, ...], lengths: Tensor, video: tuple[Tensor, ...]) -> Tensor:
        """(P, D) of P texts and P videos."""
        return self.que_visual(self.ssp_offer(video[0], text[0]), text[0])
