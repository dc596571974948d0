"""Co-Mem of the peer.

Sizes: T texts, B videos, K clips, P pairs, D width.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence

from benchmarks.peer.step import Peer, embedding
from eigv.config.run import ComemSettings


class TextEncoder(nn.Module):
    """Texts (T, 37, Dt) to the last states of all layers (T, D)."""

    def __init__(self, settings: ComemSettings, token_width: int) -> None:
        super().__init__()
        self.embedding = embedding(token_width, settings.words, settings.dropout)
        layers = settings.text_layers
        dropout = settings.text_dropout if layers > 1 else 0.0
        self.rnn = nn.GRU(settings.words, 2 * settings.hidden // layers, layers, batch_first=True, dropout=dropout)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """`lengths` (T,)."""
        packed = pack_padded_sequence(self.embedding(tokens), lengths, batch_first=True, enforce_sorted=False)
        _, last = self.rnn(packed)
        return torch.cat(list(last), -1)


class VideoEncoder(nn.Module):
    """Videos (B, K, Dv) to their appearance and their motion (B, K, D), two recurrent layers each."""

    def __init__(self, settings: ComemSettings, clip_widths: tuple[int, int]) -> None:
        super().__init__()
        self.appearance = clip_widths[0]
        self.rnn_app_l1 = nn.GRU(clip_widths[0], settings.hidden, batch_first=True)
        self.rnn_app_l2 = nn.GRU(settings.hidden, settings.hidden, batch_first=True)
        self.rnn_motion_l1 = nn.GRU(clip_widths[1], settings.hidden, batch_first=True)
        self.rnn_motion_l2 = nn.GRU(settings.hidden, settings.hidden, batch_first=True)

    def forward(self, video: Tensor) -> tuple[Tensor, Tensor]:
        """Of `video`."""
        appearance, _ = self.rnn_app_l1(video[..., : self.appearance])
        appearance_above, _ = self.rnn_app_l2(appearance)
        motion, _ = self.rnn_motion_l1(video[..., self.appearance :])
        motion_above, _ = self.rnn_motion_l2(motion)
        return torch.cat([appearance, appearance_above], -1), torch.cat([motion, motion_above], -1)


class AttentionCell(nn.Module):
    """A recurrent cell whose update gate is given."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.Wr, self.Ur, self.W, self.U = (nn.Linear(width, width) for _ in range(4))

    def forward(self, fact: Tensor, state: Tensor, gate: Tensor) -> Tensor:
        """fact and state (P, D), gate (P,)."""
        reset = torch.sigmoid(self.Wr(fact) + self.Ur(state))
        candidate = torch.tanh(self.W(fact) + reset * self.U(state))
        return gate[:, None] * candidate + (1 - gate[:, None]) * state


class Reader(nn.Module):
    """The cell over all facts."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.AGRUCell = AttentionCell(width)

    def forward(self, facts: Tensor, gates: Tensor) -> Tensor:
        """facts (P, K, D), gates (P, K) to (P, D)."""
        state = torch.zeros_like(facts[:, 0])
        for k in range(facts.shape[1]):
            state = self.AGRUCell(facts[:, k], state, gates[:, k])
        return state


class Episode(nn.Module):
    """An episodic memory of one stream."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.AGRU = Reader(width)
        self.z1, self.z2 = nn.Linear(4 * width, width), nn.Linear(width, 1)
        self.next_mem = nn.Linear(3 * width, width)

    def forward(self, facts: Tensor, asked: Tensor, memory: Tensor) -> Tensor:
        """facts (P, K, D), asked (P, D), memory (P, D) to the next memory (P, D)."""
        s, p = asked[:, None].expand_as(facts), memory[:, None].expand_as(facts)
        z = torch.cat([facts * s, facts * p, torch.abs(facts - s), torch.abs(facts - p)], -1)
        gates = torch.softmax(self.z2(torch.tanh(self.z1(z)))[..., 0], 1)
        return F.relu(self.next_mem(torch.cat([memory, self.AGRU(facts, gates), asked], 1)))


class ComemPeer(Peer):
    """A text is its last states; a video is its appearance and its motion."""

    def __init__(self, settings: ComemSettings, clip_widths: tuple[int, int], token_width: int) -> None:
        super().__init__()
        width = self.width = 2 * settings.hidden
        self.episodes = settings.episodes
        self.qns_encoder = TextEncoder(settings, token_width)
        self.vid_encoder = VideoEncoder(settings, clip_widths)
        self.epm_app, self.epm_mot = Episode(width), Episode(width)
        self.linear_ma, self.linear_mb = nn.Linear(3 * width, width), nn.Linear(3 * width, width)
        self.vq2word = nn.Linear(2 * width, 2 * width)
        self.project_head = nn.Sequential(nn.ReLU(), nn.Linear(2 * width, settings.projection or 2 * width))

    def set_answers(self, answers: int) -> None:
        """The answer head, for `answers` scores a pair."""
        self.decoder = nn.Linear(2 * self.width, answers)
        self.answer_head = self.decoder.forward

    def encode_text(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """(T, D)."""
        return (self.qns_encoder(tokens, lengths),)

    def encode_video(self, video: Tensor) -> tuple[Tensor, ...]:
        """(B, K, D), twice."""
        return self.vid_encoder(video)

    def keys(self, video: tuple[Tensor, ...]) -> Tensor:
        """(B, K, D)."""
        return video[0] + video[1]

    def fuse(self, text: tuple[Tensor, ...], lengths: Tensor, video: tuple[Tensor, ...]) -> Tensor:
        """(P, 2D) of P texts and P videos."""
        (question,) = text
        appearance, motion = video
        of_appearance, of_motion = appearance[:, -1], motion[:, -1]
        a, b = of_appearance.detach(), of_motion.detach()
        for _ in range(self.episodes):
            asked = a + b
            of_appearance = self.epm_app(appearance, asked, of_appearance)
            of_motion = self.epm_mot(motion, asked, of_motion)
            a = torch.tanh(self.linear_ma(torch.cat([a, of_appearance, question], 1)))
            b = torch.tanh(self.linear_mb(torch.cat([b, of_motion, question], 1)))
        return self.vq2word(torch.cat([a, b], 1))
