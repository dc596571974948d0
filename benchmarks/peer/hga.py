"""HGA of the peer.

Sizes: T texts, L tokens of the longest, B videos, K clips, n = L + K nodes, P pairs, D width.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from benchmarks.peer.block import Block
from benchmarks.peer.step import Peer, embedding
from eigv.config.run import HgaSettings


class TextEncoder(nn.Module):
    """Texts (T, 37, Dt) to their last states (T, D) and all states (T, L, D), layer-normed."""

    def __init__(self, settings: HgaSettings, token_width: int) -> None:
        super().__init__()
        self.embedding = embedding(token_width, settings.words, settings.dropout)
        self.rnn = nn.LSTM(settings.words, settings.hidden, batch_first=True, bidirectional=True)

    def forward(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """`lengths` (T,)."""
        embedded = self.embedding(tokens)
        packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        states, (last, _) = self.rnn(packed)
        every, _ = pad_packed_sequence(states, batch_first=True)
        return torch.cat([last[0], last[1]], -1), F.layer_norm(every, every.shape[-1:])


class VideoEncoder(nn.Module):
    """Videos (B, K, Dv) to their last states (B, D) and all states (B, K, D), layer-normed."""

    def __init__(self, settings: HgaSettings, clip_width: int) -> None:
        super().__init__()
        self.vid2hid = nn.Sequential(nn.Linear(clip_width, settings.hidden), nn.ReLU(), nn.Dropout(settings.dropout))
        self.rnn = nn.LSTM(settings.hidden, settings.hidden, batch_first=True, bidirectional=True)

    def forward(self, video: Tensor) -> tuple[Tensor, Tensor]:
        """Of `video`."""
        states, (last, _) = self.rnn(self.vid2hid(video))
        return torch.cat([last[0], last[1]], -1), F.layer_norm(states, states.shape[-1:])


class NormedLinear(nn.Module):
    """A linear map without bias whose rows are g v / |v|."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight_v = nn.Parameter(torch.empty(width, width).uniform_(-(width**-0.5), width**-0.5))
        self.weight_g = nn.Parameter(self.weight_v.detach().norm(dim=1, keepdim=True))

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) to (..., D)."""
        return F.linear(x, self.weight_g * self.weight_v / self.weight_v.norm(dim=1, keepdim=True))


class Edges(nn.Module):
    """Nodes (P, n, D) to their adjacency (P, n, n)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.edge_layer_1, self.edge_layer_2 = NormedLinear(width), NormedLinear(width)

    def forward(self, nodes: Tensor) -> Tensor:
        """Of `nodes`."""
        h = F.relu(self.edge_layer_2(F.relu(self.edge_layer_1(nodes))))
        return torch.matmul(h, h.transpose(1, 2))


class GraphLayer(nn.Module):
    """X <- Drop(ReLU(LN(A (X W))))."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.weight = nn.Linear(width, width, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, nodes: Tensor, adjacency: Tensor) -> Tensor:
        """(P, n, D)."""
        sent = torch.matmul(adjacency, self.weight(nodes))
        return self.dropout(F.relu(F.layer_norm(sent, sent.shape[-1:])))


class Graph(nn.Module):
    """Graph layers, one after the other."""

    def __init__(self, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(GraphLayer(width, dropout) for _ in range(layers))

    def forward(self, nodes: Tensor, adjacency: Tensor) -> Tensor:
        """(P, n, D)."""
        for layer in self.layers:
            nodes = layer(nodes, adjacency)
        return nodes


class HgaPeer(Peer):
    """A text is (last state, all states), and so is a video."""

    def __init__(self, settings: HgaSettings, clip_widths: tuple[int, int], token_width: int) -> None:
        super().__init__()
        width = self.width = 2 * settings.hidden
        self.qns_encoder = TextEncoder(settings, token_width)
        self.vid_encoder = VideoEncoder(settings, sum(clip_widths))
        self.adj_learner = Edges(width)
        self.gcn = Graph(width, settings.graph_layers, settings.dropout)
        self.atten_pool = nn.Sequential(nn.Linear(width, width // 2), nn.Tanh(), nn.Linear(width // 2, 1))
        self.global_fusion = Block(width, width, width, settings.fusion, settings.dropout)
        self.fusion = Block(width, width, width, settings.fusion)
        self.project_head = nn.Sequential(nn.ReLU(), nn.Linear(width, width))

    def set_answers(self, answers: int) -> None:
        """The answer head, for `answers` scores a pair."""
        self.decoder = nn.Linear(self.width, answers)
        self.answer_head = self.decoder.forward

    def encode_text(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """(T, D) and (T, L, D)."""
        return self.qns_encoder(tokens, lengths)

    def encode_video(self, video: Tensor) -> tuple[Tensor, ...]:
        """(B, D) and (B, K, D)."""
        return self.vid_encoder(video)

    def keys(self, video: tuple[Tensor, ...]) -> Tensor:
        """(B, K, D)."""
        return video[1]

    def fuse(self, text: tuple[Tensor, ...], lengths: Tensor, video: tuple[Tensor, ...]) -> Tensor:
        """(P, D) of P texts and P videos."""
        nodes = torch.cat([text[1], video[1]], 1)
        graph = self.gcn(nodes, self.adj_learner(nodes))
        weights = torch.softmax(self.atten_pool(graph), 1)  # padding takes its share
        L, K = text[1].shape[1], video[1].shape[1]
        there = torch.cat([torch.arange(L)[None] < lengths[:, None], torch.ones(len(lengths), K, dtype=torch.bool)], 1)
        pooled = (graph * weights * there[:, :, None]).sum(1)
        return self.fusion(self.global_fusion(text[0], video[0]), pooled)
