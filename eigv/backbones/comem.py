"""Co-Mem: motion-appearance co-memory networks (Gao et al., CVPR 2018), as EIGV uses it.

Sizes: S = 2 streams (appearance, motion), B videos, K clips, T texts, L tokens, D width, P pairs of a video and a text,
n rows (videos or pairs).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from base.errors import UserError
from eigv.backbones.contract import Backbone, Clips, ClipWidths, Tokens
from eigv.backbones.encoders import packed
from eigv.config.run import ComemSettings


@dataclass(frozen=True)
class StreamClips(Clips):
    """Encoded videos, both streams apart; `local` is the sum of what the indicator looks at in each."""

    facts: Tensor  # (B, S, K, D)


class StreamLinear(nn.Module):
    """One Linear a stream, both at once: (S, n, in) to (S, n, out)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = inputs**-0.5  # as the default of nn.Linear
        self.weight = nn.Parameter(torch.empty(2, outputs, inputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(2, outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """(S, n, in) to (S, n, out)."""
        return torch.baddbmm(self.bias[:, None], x, self.weight.transpose(1, 2))


class StreamEncoder(nn.Module):
    """Two recurrent layers over the clips of a stream; a clip's fact is both of its states, side by side."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.lower = nn.GRU(features, hidden, batch_first=True)
        self.upper = nn.GRU(hidden, hidden, batch_first=True)

    def forward(self, clips: Tensor) -> Tensor:
        """(B, K, features) to (B, K, D)."""
        low, _ = self.lower(clips)
        high, _ = self.upper(low)
        return torch.cat([low, high], dim=-1)


class EpisodicMemory(nn.Module):
    """One episode: facts are weighed by what is asked for, read in order, and change the memory (Xiong et al., 2016).

    Both streams at once; each has its own weights, and both are asked the same.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.score = StreamLinear(4 * width, width)
        self.weigh = StreamLinear(width, 1)
        self.inputs = StreamLinear(width, 2 * width)  # of the reset gate and of the candidate state
        self.states = StreamLinear(width, 2 * width)
        self.update = StreamLinear(3 * width, width)

    def map_facts(self, facts: Tensor) -> Tensor:
        """What the recurrent cell makes of facts (S, n, K, D) whatever is asked: (S, n, K, 2D)."""
        return self.inputs(facts.flatten(1, 2)).view(*facts.shape[:3], -1)

    def forward(self, facts: Tensor, mapped: Tensor, asked: Tensor, memory: Tensor) -> Tensor:
        """The next memory (S, n, D) of facts (S, n, K, D), `map_facts` of them, `asked` (n, D) and the last memory."""
        gates = self._gates(facts, asked[None, :, None], memory[:, :, None])  # (S, n, K)
        state = torch.zeros_like(memory)
        for gate, fact in zip(gates[..., None].unbind(2), mapped.unbind(2), strict=True):
            of_fact, of_state = fact.chunk(2, dim=-1), self.states(state).chunk(2, dim=-1)
            reset = torch.sigmoid(of_fact[0] + of_state[0])
            candidate = torch.tanh(of_fact[1] + reset * of_state[1])
            state = torch.lerp(state, candidate, gate)
        return F.relu(self.update(torch.cat([memory, state, asked.expand_as(memory)], dim=-1)))

    def _gates(self, facts: Tensor, asked: Tensor, memory: Tensor) -> Tensor:
        likeness = [facts * asked, facts * memory, (facts - asked).abs(), (facts - memory).abs()]
        hidden = torch.tanh(self.score(torch.cat(likeness, dim=-1).flatten(1, 2)))
        return self.weigh(hidden).view(facts.shape[:3]).softmax(dim=-1)


class Comem(Backbone[StreamClips, Tokens]):
    """An appearance memory and a motion memory that are read with each other's help.

    Each stream's memory m starts as its last fact, and so does its co-memory c. An episode asks both streams for the
    sum of the co-memories, then c <- tanh(W [c; m; q] + b). Both co-memories give the answer representation, R = 2D.
    Where a run uses one kind of features, both streams read it.
    """

    def __init__(self, settings: ComemSettings, clip_widths: ClipWidths, token_width: int) -> None:
        super().__init__()
        width = self.width = 2 * settings.hidden
        if width % settings.text_layers:
            raise UserError(
                f"backbone comem: {settings.text_layers} `text_layers` cannot share a question of width {width}; "
                "make twice `hidden` a multiple of `text_layers`"
            )
        self.settings, self.clip_widths = settings, clip_widths
        appearance, motion = clip_widths.appearance or clip_widths.motion, clip_widths.motion or clip_widths.appearance
        self.embed_appearance = self.embed_motion = None
        if settings.video_representation == "linear":
            # Side by side, they are one linear layer over appearance and motion features together.
            self.embed_appearance, self.embed_motion = nn.Linear(appearance, width), nn.Linear(motion, width)
            appearance = motion = width
        self.appearance = StreamEncoder(appearance, settings.hidden)
        self.motion = StreamEncoder(motion, settings.hidden)
        self.embed = nn.Linear(token_width, settings.words)
        nn.init.xavier_normal_(self.embed.weight)
        self.dropout = nn.Dropout(settings.dropout)
        self.recurrent = nn.GRU(
            settings.words,
            width // settings.text_layers,
            settings.text_layers,
            batch_first=True,
            dropout=settings.text_dropout if settings.text_layers > 1 else 0,
        )
        self.memory = EpisodicMemory(width)
        self.co_memory = StreamLinear(3 * width, width)
        self.out = nn.Linear(2 * width, 2 * width)

    @property
    def answer_width(self) -> int:
        """R."""
        return 2 * self.width

    def projection_head(self) -> nn.Module:
        """The shared one, but for its width where the settings name one."""
        return nn.Sequential(nn.ReLU(), nn.Linear(self.answer_width, self.settings.projection or self.answer_width))

    def encode_clips(self, video: Tensor) -> StreamClips:
        """Clip features (B, K, Dv) to `StreamClips`."""
        appearance, motion = video.split(self.clip_widths, dim=-1)
        appearance, motion = (
            appearance if self.clip_widths.appearance else motion,
            motion if self.clip_widths.motion else appearance,
        )
        if self.embed_appearance is None or self.embed_motion is None:
            facts = torch.stack([self.appearance(appearance), self.motion(motion)], dim=1)
            return StreamClips(local=facts.sum(dim=1), facts=facts)
        appearance, motion = self.embed_appearance(appearance), self.embed_motion(motion)
        facts = torch.stack([self.appearance(appearance), self.motion(motion)], dim=1)
        return StreamClips(local=appearance + motion, facts=facts)

    def encode_tokens(self, tokens: Tensor, lengths: Tensor) -> Tokens:
        """Token features (T, L, Dt) with `lengths` (T,) to the last states of all layers, side by side."""
        # The embedded tokens are dropped twice, independently, as in HGA's encoder
        embedded = self.dropout(self.dropout(F.relu(self.embed(tokens))))
        _, last = self.recurrent(packed(embedded, lengths))  # (layers, T, D / layers)
        return Tokens(pooled=last.transpose(0, 1).flatten(1))

    def fuse(self, clips: StreamClips, tokens: Tokens, clip_index: Tensor, token_index: Tensor) -> Tensor:
        """Answer representations (P, R) of the pairs."""
        facts = clips.facts.transpose(0, 1)  # (S, B, K, D)
        mapped = self.memory.map_facts(facts)
        memory = co_memory = facts[:, :, -1]  # (S, B, D)
        if self.settings.official_detached_start:
            co_memory = memory.detach()
        asked = self._asked(tokens.pooled)[:, token_index]  # (S, P, D)

        # The first episode has not heard of the question: it is one of videos, not of pairs.
        memory = self.memory(facts, mapped, co_memory.sum(dim=0), memory)
        co_memory = torch.tanh(self._remembered(co_memory, memory)[:, clip_index] + asked)
        if self.settings.episodes > 1:
            facts, mapped, memory = facts[:, clip_index], mapped[:, clip_index], memory[:, clip_index]
        for _ in range(1, self.settings.episodes):
            memory = self.memory(facts, mapped, co_memory.sum(dim=0), memory)
            co_memory = torch.tanh(self._remembered(co_memory, memory) + asked)
        return self.out(torch.cat([co_memory[0], co_memory[1]], dim=-1))

    def _asked(self, question: Tensor) -> Tensor:
        """The question's part of the co-memory's map: (T, D) to (S, T, D)."""
        weight = self.co_memory.weight[..., 2 * self.width :]
        return torch.baddbmm(self.co_memory.bias[:, None], question.expand(2, -1, -1), weight.transpose(1, 2))

    def _remembered(self, co_memory: Tensor, memory: Tensor) -> Tensor:
        """The memories' part of the co-memory's map: (S, n, D) each to (S, n, D)."""
        weight = self.co_memory.weight[..., : 2 * self.width]
        return torch.cat([co_memory, memory], dim=-1) @ weight.transpose(1, 2)
