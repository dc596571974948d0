"""HME: heterogeneous memory enhanced multimodal attention (Fan et al., CVPR 2019).

Sizes: S = 2 streams, B videos, K clips, T texts, L tokens, P pairs of a video and a text, H hidden width, D = 2H, W
width of a word, N tokens of all texts step by step.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eigv.backbones.contract import Backbone, Clips, ClipWidths, Tokens, stretched
from eigv.backbones.hme.attention import Reasoning, TemporalAttention
from eigv.backbones.hme.memories import TextMemory, VisualMemory
from eigv.backbones.parts.dropout import Dropout
from eigv.backbones.parts.encoders import valid
from eigv.backbones.parts.long_recurrence import States, recur
from eigv.backbones.parts.steps import by_step
from eigv.backbones.parts.streams import StreamLinear, map_streams, stream_widths
from eigv.config.run import HmeSettings


@dataclass(frozen=True)
class SeenClips(Clips):
    """Encoded videos."""

    streams: Tensor  # (B, S, K, D), the states of both layers of each stream
    memory: Tensor  # (B, K, H), those of the visual memory


@dataclass(frozen=True)
class UnreadClips(Clips):
    """Videos that are read when it is known what is asked."""

    mapped: Tensor  # (B, K, 8H), what the first layers make of features


@dataclass(frozen=True)
class ReadTokens(Tokens):
    """Encoded texts."""

    memory: Tensor  # (T, L, H), the states of the text memory, 0 for padding
    mask: Tensor  # (T, L) bool, True for a token


@dataclass(frozen=True)
class ReadOnce(Tokens):
    """Texts that are read again when it is known what was seen."""

    cells: Tensor  # (T, D), the last cells of both layers
    words: Tensor  # (T, L, W)
    mask: Tensor  # (T, L) bool, True for a token


class Hme(Backbone[Clips, Tokens]):
    """Two LSTM layers read each stream, a visual memory what they have read, a text memory what two layers read.

    The question looks at the clips of both streams; `Reasoning` asks both memories. The answer representation is
    [tanh(La att_a); tanh(Lm att_m); tanh(L reasoned)], R = 3H. With `reading: twice`, texts are read before the video,
    whose layers go on from there, and again after it: then all of it belongs to pairs.
    """

    drops_clips = True
    weighs_clips = True

    def __init__(self, settings: HmeSettings, clip_widths: ClipWidths, token_width: int) -> None:
        super().__init__()
        H = settings.hidden
        self.width = 2 * H
        self.settings, self.clip_widths, self.twice = settings, clip_widths, settings.reading == "twice"
        appearance, motion = stream_widths(clip_widths)
        self.appearance = nn.LSTM(appearance, H, 2, batch_first=True)
        self.motion = nn.LSTM(motion, H, 2, batch_first=True)
        self.words = nn.Linear(token_width, settings.words) if settings.words else nn.Identity()
        self.dropout, self.between = Dropout(settings.dropout), Dropout(settings.text_dropout)
        self.text = nn.LSTM(settings.words or token_width, H, 2, batch_first=True)
        self.attention = TemporalAttention(self.width, settings.attention)
        self.visual_memory = VisualMemory(H, settings.clip_slots)
        self.text_memory = TextMemory(H, settings.text_slots, 0.01 if self.twice else 0.1)
        self.reasoning = Reasoning(H, settings.rounds, settings.dropout)
        self.attended = nn.Linear(self.width, H) if settings.official_shared_map else StreamLinear(self.width, H)
        self.reasoned = nn.Linear(self.width, H)

    @property
    def answer_width(self) -> int:
        """R."""
        return 3 * self.settings.hidden

    def encode_clips(self, video: Tensor) -> Clips:
        """Clip features (B, K, Dv) to `SeenClips`, or `UnreadClips`; `local` is the sum of both streams' states."""
        return self.encode_mapped(self.map_clips(video))

    def map_clips(self, video: Tensor) -> Tensor:
        """The input maps of the first layers, without bias: (..., K, 8H)."""
        return map_streams(video, self.clip_widths, [x.all_weights[0][0] for x in (self.appearance, self.motion)])

    def encode_mapped(self, mapped: Tensor) -> Clips:
        """What `map_clips` gives, read."""
        low, high = self._watch(mapped, None)
        streams = torch.cat([low, high], dim=-1).permute(2, 0, 1, 3)  # (B, S, K, D)
        local = streams.sum(dim=1)
        if self.twice:
            return UnreadClips(local, mapped)
        return SeenClips(local, streams, self.visual_memory(high).transpose(0, 1))

    def encode_kept(self, mapped: Tensor, keep: Tensor) -> Clips:
        """The clips `keep` (B, K) bool, stretched to K, as MSPAN's are."""
        return self.encode_mapped(stretched(mapped, keep))

    def encode_tokens(self, tokens: Tensor, lengths: Tensor) -> Tokens:
        """Token features (T, L, Dt) with `lengths` (T,): `pooled` are the last states of both layers."""
        steps = by_step(lengths, tokens.shape[1], tokens.device)
        words = self.dropout(self.words(steps.read(tokens)))
        low, high = self._read(words, steps.sizes, (None, None))
        last = [x.index_select(0, steps.last) for x in (low.state, high.state, low.cell, high.cell)]
        pooled = torch.cat(last[:2], dim=1)
        mask = valid(lengths, tokens.shape[1], tokens.device)
        if self.twice:
            return ReadOnce(pooled, torch.cat(last[2:], dim=1), steps.back(words), mask)
        return ReadTokens(pooled, steps.back(self.text_memory(high.state, steps.sizes)), mask)

    def fuse(self, clips: Clips, tokens: Tokens, clip_index: Tensor, token_index: Tensor) -> Tensor:
        """Answer representations (P, R) of the pairs."""
        seen, read, videos, texts = self._of_pairs(clips, tokens, clip_index, token_index)
        streams = seen.streams.transpose(0, 1)  # (S, B, K, D)
        found = self.attention(streams, read.pooled, videos, texts)
        reasoned = self.reasoning(self._ends(seen), seen.memory, read.memory, read.mask, videos, texts)
        attended = self.attended(found)
        return torch.cat([attended[0], attended[1], self.reasoned(reasoned)], dim=1).tanh()

    def clip_weights(self, clips: Clips, tokens: Tokens, clip_index: Tensor, token_index: Tensor) -> Tensor:
        """The weights (P, K) under which the question looks at clips, the mean of both streams."""
        seen, read, videos, texts = self._of_pairs(clips, tokens, clip_index, token_index)
        return self.attention.weights(seen.streams.transpose(0, 1), read.pooled, videos, texts).mean(dim=0)

    def _ends(self, seen: SeenClips) -> Tensor:
        """What the upper layers of both streams end with, (B, 2H)."""
        return seen.streams[:, :, -1, self.settings.hidden :].flatten(1)

    def _watch(self, mapped: Tensor, starts: tuple[States, States] | None) -> tuple[Tensor, Tensor]:
        """Mapped clips (B, K, 8H) to the states of the lower and upper layers: (S, K, B, H) each."""
        B, K, _ = mapped.shape
        x = mapped.unflatten(2, (2, -1)).permute(2, 1, 0, 3).flatten(1, 2)  # (S, K * B, 4H), step by step
        first, second = starts or (None, None)
        low = recur(x, self._of_streams(0, 1), [B] * K, first, self._bias(0)).state
        x = torch.bmm(low, self._of_streams(1, 0).transpose(1, 2))
        high = recur(x, self._of_streams(1, 1), [B] * K, second, self._bias(1)).state
        return low.unflatten(1, (K, B)), high.unflatten(1, (K, B))

    def _of_streams(self, layer: int, part: int) -> Tensor:
        """A parameter of a layer of both streams: of its input 0, of its state 1, their biases 2 and 3."""
        stacked: list[Tensor] = [stream.all_weights[layer][part] for stream in (self.appearance, self.motion)]
        return torch.stack(stacked)

    def _bias(self, layer: int) -> Tensor:
        """All biases of a layer of both streams, (S, 4H)."""
        return self._of_streams(layer, 2) + self._of_streams(layer, 3)

    def _read(
        self, words: Tensor, sizes: list[int], starts: tuple[States | None, States | None]
    ) -> tuple[States, States]:
        """Words step by step, (N, W), to the states and cells of both layers, (N, H) each."""
        (of_input, of_low, *low), (of_state, of_high, *high) = self.text.all_weights
        lower = recur(F.linear(words, of_input)[None], of_low[None], sizes, starts[0], (low[0] + low[1])[None])
        x = F.linear(self.between(lower.state[0]), of_state)
        upper = recur(x[None], of_high[None], sizes, starts[1], (high[0] + high[1])[None])
        return States(lower.state[0], lower.cell[0]), States(upper.state[0], upper.cell[0])

    def _of_pairs(
        self, clips: Clips, tokens: Tokens, clip_index: Tensor, token_index: Tensor
    ) -> tuple[SeenClips, ReadTokens, Tensor, Tensor]:
        """What is read of videos and of texts, and which of both is a pair's."""
        if isinstance(clips, UnreadClips) and isinstance(tokens, ReadOnce):
            each = torch.arange(len(clip_index), device=clip_index.device)
            return (*self._read_twice(clips.select(clip_index), tokens.select(token_index)), each, each)
        assert isinstance(clips, SeenClips) and isinstance(tokens, ReadTokens)
        return clips, tokens, clip_index, token_index

    def _read_twice(self, clips: UnreadClips, tokens: ReadOnce) -> tuple[SeenClips, ReadTokens]:
        """Pair by pair: the video read after the text, and the text again after the video."""
        begun = [States(*of) for of in zip(tokens.pooled.chunk(2, dim=1), tokens.cells.chunk(2, dim=1), strict=True)]
        low, high = (States(*(x.expand(2, -1, -1) for x in of)) for of in begun)
        watched = self._watch(clips.mapped, (low, high))
        streams = torch.cat(watched, dim=-1).permute(2, 0, 1, 3)
        seen = SeenClips(clips.local, streams, self.visual_memory(watched[1]).transpose(0, 1))

        P, L, _ = tokens.words.shape
        ends = [x[:, -1].sum(dim=0, keepdim=True) for x in watched]  # (1, P, H), the sum of both streams
        starts = (States(ends[0], torch.zeros_like(ends[0])), States(ends[1], torch.zeros_like(ends[1])))
        low, high = self._read(tokens.words.transpose(0, 1).flatten(0, 1), [P] * L, starts)
        rows = (tokens.mask.sum(dim=1) - 1) * P + torch.arange(P, device=tokens.mask.device)
        pooled = torch.cat([x.state.index_select(0, rows) for x in (low, high)], dim=1)
        memory = self.text_memory(high.state, [P] * L).unflatten(0, (L, P)).transpose(0, 1)
        return seen, ReadTokens(pooled, memory, tokens.mask)
