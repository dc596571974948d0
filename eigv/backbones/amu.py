"""AMU: gradually refined attention over appearance and motion (Xu et al., ACM MM 2017).

Sizes: B videos, K clips, T texts, L tokens, N tokens of all texts step by step, P pairs of a video and a text, n pairs
of a step, E width of a word, D width of what both have in common, S = 2 streams.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eigv.backbones.contract import Backbone, Clips, ClipWidths, Tokens, stretched
from eigv.backbones.parts.encoders import valid
from eigv.backbones.parts.long_recurrence import recur
from eigv.backbones.parts.refining import Refined, refine
from eigv.backbones.parts.steps import by_step, distinct_rows
from eigv.backbones.parts.streams import map_streams, stream_widths
from eigv.config.run import AmuSettings

HOSTS = ("cpu",)
"""Devices whose numbers can decide how texts are cut."""


@dataclass(frozen=True)
class StreamClips(Clips):
    """Encoded videos."""

    streams: Tensor  # (B, S * K, D), the clips of one stream after those of the other


@dataclass(frozen=True)
class AskingTokens(Tokens):
    """Encoded texts; what is of a token is 0 for padding."""

    words: Tensor  # (T, L, D), what looks at clips first
    states: Tensor  # (T, L, D), of the words so far
    channels: Tensor  # (T, L, 2S), how streams weigh by the word, and then by the words so far
    mask: Tensor  # (T, L) bool, True for a token


class Lstm(nn.Module):
    """One LSTM layer with a single bias, whose forget gate begins open: its bias is 1 more than TensorFlow's."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.of_input, self.of_state = nn.Linear(inputs, 4 * width), nn.Linear(width, 4 * width, bias=False)
        bound = (6 / (inputs + width + 4 * width)) ** 0.5  # Glorot's, of both maps as one
        for layer in (self.of_input, self.of_state):
            nn.init.uniform_(layer.weight, -bound, bound)
        nn.init.zeros_(self.of_input.bias)
        nn.init.ones_(self.of_input.bias[width : 2 * width])


class Amu(Backbone[StreamClips, AskingTokens]):
    """Word by word, clips are looked at twice: by the word, and by what is known after it.

    A word x and the state o of the words so far give w = tanh(W x + b), s = tanh(W o + b), and softmax(V x + c) and
    softmax(V o + c), which weigh the streams. Clips weigh p = softmax(w M) in each stream M. A second recurrent layer
    reads their sum, s, and what was fused last; its output z looks again, p <- (p + softmax(z M)) / 2, and the sum by
    these is fused. The answer representation is tanh(W c + b) * tanh(c') * tanh(fused), with the last cells c of the
    words and c' of the second layer.
    """

    drops_clips = True
    weighs_clips = True

    def __init__(self, settings: AmuSettings, clip_widths: ClipWidths, token_width: int) -> None:
        super().__init__()
        self.settings, self.clip_widths = settings, clip_widths
        D = self.width = settings.hidden
        E = settings.words or token_width
        self.appearance, self.motion = (nn.Linear(width, D) for width in stream_widths(clip_widths))
        self.words = nn.Linear(token_width, E) if settings.words else nn.Identity()
        self.common, self.channel = nn.Linear(E, D), nn.Linear(E, 2)
        self.text, self.attention = Lstm(E, E), Lstm(D, D)
        for layer in (self.appearance, self.motion, self.common, self.channel):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def encode_clips(self, video: Tensor) -> StreamClips:
        """Clip features (B, K, Dv) to the tanh of a linear layer a stream; `local` is their sum."""
        return self.encode_mapped(self.map_clips(video))

    def map_clips(self, video: Tensor) -> Tensor:
        """The linear layers, without bias: (..., K, 2D)."""
        return map_streams(video, self.clip_widths, (self.appearance.weight, self.motion.weight))

    def encode_mapped(self, mapped: Tensor) -> StreamClips:
        """With bias and tanh."""
        bias = torch.cat([self.appearance.bias, self.motion.bias]).to(mapped.dtype)
        seen = (mapped + bias).tanh()
        appearance, motion = seen.chunk(2, dim=2)
        return StreamClips(appearance + motion, torch.cat([appearance, motion], dim=1))

    def encode_kept(self, mapped: Tensor, keep: Tensor) -> StreamClips:
        """The clips `keep` (B, K) bool, stretched to K, as MSPAN's are."""
        return self.encode_mapped(stretched(mapped, keep))

    def encode_tokens(self, tokens: Tensor, lengths: Tensor) -> AskingTokens:
        """Token features (T, L, Dt) with `lengths` (T,): `pooled` is the map of the last cell."""
        L, mask = tokens.shape[1], valid(lengths, tokens.shape[1], tokens.device)
        if self.settings.official_padding:
            tokens, lengths, mask = tokens * mask[..., None], torch.full_like(lengths, L), torch.ones_like(mask)
        steps = by_step(lengths, L, tokens.device)
        words = self.words(steps.read(tokens))  # (N, E)
        of_input = self.text.of_input
        mapped, bias = F.linear(words, of_input.weight)[None], of_input.bias[None]
        read = recur(mapped, self.text.of_state.weight[None], steps.sizes, bias=bias)
        states = read.state[0]
        last = read.cell[0].index_select(0, steps.last)
        common = self.common(torch.cat([words, states, last])).tanh()
        N = len(words)
        channels = self.channel(torch.cat([words, states])).softmax(dim=1).to(common.dtype)
        of_tokens = torch.cat([common[:N], common[N : 2 * N], channels[:N], channels[N:]], dim=1)
        asking, known, weighing = steps.back(of_tokens).split([self.width, self.width, 4], dim=2)
        return AskingTokens(common[2 * N :], asking, known, weighing, mask)

    def fuse(self, clips: StreamClips, tokens: AskingTokens, clip_index: Tensor, token_index: Tensor) -> Tensor:
        """Answer representations (P, D) of the pairs."""
        steps, ends = self._refine(clips, tokens, clip_index, token_index)[:2]
        cell, fused = steps.cells.index_select(0, ends), steps.fused.index_select(0, ends)
        return tokens.pooled.index_select(0, token_index) * cell.tanh() * fused.tanh()

    def clip_weights(self, clips: StreamClips, tokens: AskingTokens, clip_index: Tensor, token_index: Tensor) -> Tensor:
        """How much clips weigh after the last word, the streams by their shares: (P, K)."""
        steps, ends, first = self._refine(clips, tokens, clip_index, token_index)
        return (steps.shares + first).index_select(0, ends).unflatten(1, (2, -1)).sum(dim=1)

    def _refine(
        self, clips: StreamClips, tokens: AskingTokens, clip_index: Tensor, token_index: Tensor
    ) -> tuple[Refined, Tensor, Tensor]:
        """What each step gives; where each pair's last step is among them, (P,); and half of how clips weighed
        in each step when they were looked at first, (N, 2K)."""
        lengths = tokens.mask.sum(dim=1).index_select(0, token_index)  # (P,)
        P, L, device = len(token_index), tokens.mask.shape[1], lengths.device
        each, sizes = torch.arange(P, device=device), [P] * L
        if device.type in HOSTS:  # elsewhere, lengths would have to be waited for: padding is read too
            order = lengths.argsort(descending=True, stable=True)
            sizes = [n for n in (torch.arange(L)[:, None] < lengths).sum(dim=1).tolist() if n]
            clip_index, token_index = clip_index[order], token_index[order]
            starts = torch.tensor([0, *sizes]).cumsum(0)
            ends = starts[lengths - 1] + order.argsort()
        else:
            ends = (lengths - 1) * P + each
        streams = clips.streams.index_select(0, clip_index)  # (P, 2K, D)
        words, known, channels = (
            x[:, : len(sizes)].index_select(0, token_index) for x in (tokens.words, tokens.states, tokens.channels)
        )
        first = _shares(torch.bmm(words, streams.transpose(1, 2)))  # (P, L, S, K)
        by_word, by_state = channels.unflatten(2, (2, 2)).unbind(2)  # (P, L, S)
        by_state = by_state / 2
        half = (first * by_state[..., None]).flatten(2)
        looked = torch.bmm(torch.cat([(first * by_word[..., None]).flatten(2), half], dim=1), streams)  # (P, 2L, D)
        heard, kept = looked.chunk(2, dim=1)
        rows = torch.cat([each[:n] * len(sizes) + t for t, n in enumerate(sizes)])  # of P * L, step by step
        heard, kept, weighing = (distinct_rows(x.flatten(0, 1), rows) for x in (heard + known, kept, by_state))
        layer = self.attention
        weight = torch.cat([layer.of_input.weight, layer.of_state.weight], dim=1)
        steps = refine(streams, heard, kept, weighing, weight, layer.of_input.bias, sizes)
        return steps, ends, half.detach().flatten(0, 1).index_select(0, rows)


def _shares(scores: Tensor) -> Tensor:
    """Scores (..., S * K) to weights in each stream (..., S, K)."""
    return scores.unflatten(-1, (2, -1)).softmax(dim=-1).to(scores.dtype)
