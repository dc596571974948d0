"""Co-Mem: motion-appearance co-memory networks (Gao et al., CVPR 2018), as EIGV uses it and as published.

Sizes: S = 2 streams (appearance, motion), B videos, K clips, T texts, L tokens, D width, P pairs of a video and a text,
n rows (videos or pairs).
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from base.errors import UserError
from eigv.backbones.contract import Backbone, Clips, ClipWidths, Tokens, kept_first
from eigv.backbones.parts.dropout import Dropout
from eigv.backbones.parts.episodes import likeness, read
from eigv.backbones.parts.recurrence import CELLS, READERS, StreamEncoder, encode_streams, stacked
from eigv.backbones.parts.steps import by_step
from eigv.backbones.parts.streams import StreamLinear, map_streams, stream_widths
from eigv.config.run import Cell, ComemSettings


@dataclass(frozen=True)
class StreamClips(Clips):
    """Encoded videos, both streams apart; `local` is the sum of what the indicator looks at in each."""

    facts: Tensor  # (B, S, K, D)


class Heard(NamedTuple):
    """What an episode makes of videos whatever is asked and remembered."""

    facts: Tensor  # (S, V, K, D)
    resets: Tensor  # (S, V, K, D), what the reset gate's map makes of facts
    candidates: Tensor  # (S, V, K, D), what the candidate state's map makes of them
    first: Tensor  # (S, V, D), the candidate state at the first fact
    first_mapped: Tensor  # (S, V, 2D), the map of it as a state, without bias
    mask: Tensor | None  # (V, K) bool, which facts are there; None: all


class EpisodicMemory(nn.Module):
    """One episode: facts are weighed by what is asked for, read in order, and change the memory (Xiong et al., 2016).

    Both streams at once; each has its own weights, and both are asked the same. With m the memory and a what is asked,
    the fact f weighs softmax(w tanh(W [f * a; f * m; |f - a|; |f - m|])).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.score = StreamLinear(4 * width, width)
        self.weigh = StreamLinear(width, 1)
        self.inputs = StreamLinear(width, 2 * width)  # of the reset gate and of the candidate state
        self.states = StreamLinear(width, 2 * width)
        self.update = StreamLinear(3 * width, width)

    def hear(self, facts: Tensor, mask: Tensor | None = None) -> Heard:
        """Facts (S, V, K, D), of which those of `mask` (V, K) bool are there, to `Heard`."""
        D, flat, bias = self.width, facts.flatten(1, 2), self.states.bias[:, None]
        maps = zip(self.inputs.weight.split(D, dim=1), self.inputs.bias[:, None].split(D, dim=2), strict=True)
        reset, candidate = (torch.baddbmm(b, flat, w.transpose(1, 2)).view(facts.shape) for w, b in maps)
        # The state before the first fact is 0: its map is the bias
        first = torch.tanh(candidate[:, :, 0] + torch.sigmoid(reset[:, :, 0] + bias[..., :D]) * bias[..., D:])
        return Heard(facts, reset, candidate, first, first @ self.states.weight.transpose(1, 2), mask)

    def first(self, heard: Heard, asked: Tensor, memory: Tensor) -> Tensor:
        """The next memories (S, V, D) of videos, `asked` (V, D) and the last memories."""
        each = torch.arange(len(asked), device=asked.device)
        return self._next(heard, each, asked, memory, self._remembered(memory))

    def second(self, heard: Heard, index: Tensor, asked: Tensor, memory: Tensor) -> Tensor:
        """The next memories (S, P, D) of pairs with videos `index` (P,), `asked` (P, D), and memories of videos."""
        each = torch.arange(memory.shape[1], device=asked.device)
        likenesses = likeness(heard.facts, each, memory[:, :, None], self._of_score(1), self.score.bias[:, None, None])
        updates = self._remembered(memory).index_select(1, index)
        scores = likeness(heard.facts, index, asked.expand(2, -1, -1)[:, :, None], self._of_score(0), likenesses)
        return self._read(heard, index, asked, scores, updates)

    def later(self, heard: Heard, index: Tensor, asked: Tensor, memory: Tensor) -> Tensor:
        """The next memories (S, P, D) of pairs with videos `index` (P,), `asked` (P, D) and the last memories."""
        return self._next(heard, index, asked, memory, self._remembered(memory))

    def weights(self, heard: Heard, index: Tensor, asked: Tensor, memory: Tensor) -> Tensor:
        """How the facts of pairs weigh in `later`: (S, P, K), 1 in all."""
        return self._gates(self._scores(heard, index, asked, memory), heard, index)

    def _next(self, heard: Heard, index: Tensor, asked: Tensor, memory: Tensor, updates: Tensor) -> Tensor:
        return self._read(heard, index, asked, self._scores(heard, index, asked, memory), updates)

    def _scores(self, heard: Heard, index: Tensor, asked: Tensor, memory: Tensor) -> Tensor:
        """What the facts are weighed by before its last map: (S, P, K, D)."""
        weight = self.score.weight.unflatten(2, (2, 2, self.width))
        compared = torch.stack([asked.expand_as(memory), memory], dim=2)
        return likeness(heard.facts, index, compared, weight, self.score.bias[:, None, None])

    def _gates(self, scores: Tensor, heard: Heard, index: Tensor) -> Tensor:
        """(S, P, K, D), which is overwritten, to the weights (S, P, K); facts that are not there have none."""
        weighed = self.weigh(scores.tanh_().flatten(1, 2)).view(scores.shape[:3])
        if heard.mask is not None:
            weighed = weighed.masked_fill(~heard.mask.index_select(0, index), -torch.inf)
        return weighed.softmax(dim=-1)

    def _read(self, heard: Heard, index: Tensor, asked: Tensor, scores: Tensor, updates: Tensor) -> Tensor:
        gates = self._gates(scores, heard, index)  # (S, P, K)
        opened, bias = gates[..., :1], self.states.bias
        state = opened * heard.first.index_select(1, index)
        hidden = bias[:, None] + opened * heard.first_mapped.index_select(1, index)
        state = read(state, hidden, gates, heard.resets, heard.candidates, index, self.states.weight, bias)
        weight = self.update.weight[..., self.width :]
        news = torch.cat([state, asked.expand_as(state)], dim=-1)
        return F.relu(torch.baddbmm(updates, news, weight.transpose(1, 2)))

    def _of_score(self, vector: int) -> Tensor:
        """The score's weights (S, D, 2, 1, D) of products and distances with what is asked, 0, or the memory, 1."""
        return self.score.weight.unflatten(2, (2, 2, self.width))[:, :, :, vector : vector + 1]

    def _remembered(self, memory: Tensor) -> Tensor:
        """The memory's part of its update: (S, n, D) to the same."""
        weight = self.update.weight[..., : self.width]
        return torch.baddbmm(self.update.bias[:, None], memory, weight.transpose(1, 2))


class Comem(Backbone[StreamClips, Tokens]):
    """An appearance memory and a motion memory that are read with each other's help.

    Each stream's memory m starts as its last fact, and so does its co-memory c. An episode asks both streams for the
    sum of the co-memories, then c <- tanh(W [c; m; q] + b). Both co-memories give the answer representation, R = 2D.
    Where a run uses one kind of features, both streams read it. `network: published` differs in the layers around it.
    """

    weighs_clips = drops_clips = True

    def __init__(self, settings: ComemSettings, clip_widths: ClipWidths, token_width: int) -> None:
        super().__init__()
        width = self.width = 2 * settings.hidden
        if width % settings.text_layers:
            raise UserError(
                f"backbone comem: {settings.text_layers} `text_layers` cannot share a question of width {width}; "
                "make twice `hidden` a multiple of `text_layers`"
            )
        self.settings, self.clip_widths = settings, clip_widths
        appearance, motion = stream_widths(clip_widths)
        self.embed_appearance = self.embed_motion = None
        if settings.video_representation == "linear":
            # Side by side, they are one linear layer over appearance and motion features together.
            self.embed_appearance, self.embed_motion = nn.Linear(appearance, width), nn.Linear(motion, width)
            appearance = motion = width
        self.published = settings.network == "published"
        cell: Cell = "lstm" if self.published else "gru"
        self.appearance = StreamEncoder(appearance, settings.hidden, cell)
        self.motion = StreamEncoder(motion, settings.hidden, cell)
        self.embed = nn.Linear(token_width, settings.words)
        if not self.published:
            nn.init.xavier_normal_(self.embed.weight)
        # As EIGV uses it, twice and independently, as in HGA's encoder
        self.dropout = Dropout(settings.dropout, times=1 if self.published else 2)
        self.read = READERS[cell]
        self.recurrent = CELLS[cell](
            settings.words,
            width // settings.text_layers,
            settings.text_layers,
            batch_first=True,
        )
        self.between = Dropout(settings.text_dropout)
        self.memory = EpisodicMemory(width)
        self.co_memory = StreamLinear(3 * width, width)
        self.out = nn.Identity() if self.published else nn.Linear(2 * width, 2 * width)

    @property
    def answer_width(self) -> int:
        """R."""
        return 2 * self.width

    def projection_head(self) -> nn.Module:
        """The shared one, but for its width where the settings name one."""
        return nn.Sequential(nn.ReLU(), nn.Linear(self.answer_width, self.settings.projection or self.answer_width))

    def encode_clips(self, video: Tensor) -> StreamClips:
        """Clip features (B, K, Dv) to `StreamClips`."""
        return self.encode_mapped(self.map_clips(video))

    def map_clips(self, video: Tensor) -> Tensor:
        """Clip features (B, K, Dv) to what the first maps make of them, stream after stream, without bias."""
        maps: list[Tensor] = [stream.lower.all_weights[0][0] for stream in (self.appearance, self.motion)]
        if self.embed_appearance is not None and self.embed_motion is not None:
            maps = [self.embed_appearance.weight, self.embed_motion.weight]
        return map_streams(video, self.clip_widths, maps)

    def encode_mapped(self, mapped: Tensor) -> StreamClips:
        """What `map_clips` gives to `StreamClips`."""
        streams = (self.appearance, self.motion)
        B, K, _ = mapped.shape
        # Step by step, as recurrent layers read
        x = mapped.unflatten(2, (2, -1)).permute(2, 1, 0, 3).flatten(1, 2)  # (S, K * B, -1)
        bias = stacked(streams, "lower", "bias_ih")[:, None]
        local = None
        if self.embed_appearance is not None and self.embed_motion is not None:
            embedded = x + torch.stack([self.embed_appearance.bias, self.embed_motion.bias])[:, None]
            weight = stacked(streams, "lower", "weight_ih")
            local, x = embedded.sum(dim=0), torch.baddbmm(bias, embedded, weight.transpose(1, 2))
        else:
            x = x + bias
        facts = encode_streams(streams, x, K)
        local = facts.sum(dim=0) if local is None else local
        return StreamClips(
            local=local.unflatten(0, (K, B)).transpose(0, 1), facts=facts.unflatten(1, (K, B)).permute(2, 0, 1, 3)
        )

    def encode_kept(self, mapped: Tensor, keep: Tensor) -> StreamClips:
        """Of what `map_clips` gives, (B, K, E), the clips `keep` (B, K) bool; they are the first rows of the result."""
        first = mapped.gather(1, kept_first(keep)[..., None].expand_as(mapped))
        there = torch.arange(keep.shape[1], device=keep.device) < keep.sum(dim=1, keepdim=True)
        return replace(self.encode_mapped(first), mask=there)

    def encode_tokens(self, tokens: Tensor, lengths: Tensor) -> Tokens:
        """Token features (T, L, Dt) with `lengths` (T,) to the last states of all layers, side by side."""
        steps = by_step(lengths, tokens.shape[1], tokens.device)
        embedded = self.embed(steps.read(tokens))
        x = self.dropout(embedded) if self.published else self.dropout.after_relu(embedded)
        pooled = []
        for layer in range(self.recurrent.num_layers):
            x = x if layer == 0 else self.between(x)
            of_input, of_state, *biases = self.recurrent.all_weights[layer]
            mapped = F.linear(x, of_input, biases[0])
            x = self.read(mapped[None], of_state[None], biases[1][None], steps.sizes)[0]
            pooled.append(x.index_select(0, steps.last))
        return Tokens(pooled=torch.cat(pooled, dim=1))

    def clip_weights(self, clips: StreamClips, tokens: Tokens, clip_index: Tensor, token_index: Tensor) -> Tensor:
        """The weights (P, K) of the facts in the last episode, the mean of both streams."""
        heard, before = self._heard(clips), self.settings.episodes - 1
        memory, co_memory = self._episodes(heard, tokens, clip_index, token_index, before)
        # Before the second episode they are still of videos.
        memory = memory.index_select(1, clip_index) if before < 2 else memory
        co_memory = co_memory.index_select(1, clip_index) if before < 1 else co_memory
        return self.memory.weights(heard, clip_index, co_memory.sum(dim=0), memory).mean(dim=0)

    def fuse(self, clips: StreamClips, tokens: Tokens, clip_index: Tensor, token_index: Tensor) -> Tensor:
        """Answer representations (P, R) of the pairs."""
        heard, episodes = self._heard(clips), self.settings.episodes
        _, co_memory = self._episodes(heard, tokens, clip_index, token_index, episodes)
        return self.out(torch.cat([co_memory[0], co_memory[1]], dim=-1))

    def _heard(self, clips: StreamClips) -> Heard:
        return self.memory.hear(clips.facts.transpose(0, 1).contiguous(), clips.mask)

    def _episodes(
        self, heard: Heard, tokens: Tokens, clip_index: Tensor, token_index: Tensor, episodes: int
    ) -> tuple[Tensor, Tensor]:
        """Memory and co-memory after `episodes`: (S, P, D) each, of videos (S, B, D) the memory after one, and both
        before any."""
        memory = co_memory = self._last(heard)  # (S, B, D)
        if self.settings.official_detached_start:
            co_memory = memory.detach()
        if not episodes:
            return memory, co_memory
        asked = self._asked(tokens.pooled).index_select(1, token_index)  # (S, P, D)

        # The first episode has not heard of the question: it is one of videos, not of pairs.
        memory = self.memory.first(heard, co_memory.sum(dim=0), memory)
        co_memory = torch.tanh(self._remembered(co_memory, memory).index_select(1, clip_index) + asked)
        for episode in range(1, episodes):
            read = self.memory.second if episode == 1 else self.memory.later
            memory = read(heard, clip_index, co_memory.sum(dim=0), memory)
            co_memory = torch.tanh(self._remembered(co_memory, memory) + asked)
        return memory, co_memory

    def _last(self, heard: Heard) -> Tensor:
        """The last facts (S, V, D)."""
        if heard.mask is None:
            return heard.facts[:, :, -1]
        last = heard.mask.sum(dim=1) - 1
        return heard.facts[:, torch.arange(len(last), device=last.device), last]

    def _asked(self, question: Tensor) -> Tensor:
        """The question's part of the co-memory's map: (T, D) to (S, T, D)."""
        weight = self.co_memory.weight[..., 2 * self.width :]
        return torch.baddbmm(self.co_memory.bias[:, None], question.expand(2, -1, -1), weight.transpose(1, 2))

    def _remembered(self, co_memory: Tensor, memory: Tensor) -> Tensor:
        """The memories' part of the co-memory's map: (S, n, D) each to (S, n, D)."""
        weight = self.co_memory.weight[..., : 2 * self.width]
        return torch.cat([co_memory, memory], dim=-1) @ weight.transpose(1, 2)
