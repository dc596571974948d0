"""HCRN: hierarchical conditional relation networks (Le et al., CVPR 2020).

Sizes: B videos, K clips, F frames a clip, T texts, L tokens, P pairs of a video and a text, D width, S and Z numbers of
objects that come out of a relation, N = S * Z objects of a video, E width of what a relation sees.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from base.errors import UserError
from eigv.backbones.contract import Backbone, Clips, ClipWidths, Tokens, stretched
from eigv.backbones.hcrn.relation import Reading, Relation
from eigv.backbones.parts.answer_norm import AnswerNorm
from eigv.backbones.parts.dropout import Dropout
from eigv.backbones.parts.last_states import last_states
from eigv.backbones.parts.long_recurrence import recur
from eigv.config.run import HcrnSettings

LEAST = 4
"""Fewer frames or clips leave nothing to relate at the end."""


@dataclass(frozen=True)
class RelatedClips(Clips):
    """Encoded videos: what does not depend on a question."""

    seen: Tensor  # (B, K, S * J, E), what the question's relation sees of each clip
    motion: Tensor  # (B, D), the motion of the whole video


@dataclass(frozen=True)
class CandidateTokens(Tokens):
    """Encoded candidates; `pooled` is the question's."""

    candidates: Tensor  # (T, D)


class Hcrn(Backbone[RelatedClips, Tokens]):
    """Relations among the frames of a clip under its motion, then under the question; then among clips, likewise.

    What comes out of the clips, S objects each, is related object by object: the first objects of all clips, the second
    ones, and so on. The question reads the N objects; the answer representation is [what it reads; map of the
    question], R = 2D. With `texts: apart`, the candidate reads the question's objects, too, and R = 4D: [...; what the
    candidate reads; map of the candidate]. All four relations are `Relation`s, those of frames shared by all clips.
    """

    streams = ("frames", "motion")
    drops_clips = True

    def __init__(self, settings: HcrnSettings, clip_widths: ClipWidths, token_width: int) -> None:
        super().__init__()
        D = self.width = settings.hidden
        self.settings, self.clip_widths, self.texts = settings, clip_widths, settings.texts
        (F_, features), K = clip_widths.frames, clip_widths.clips
        if min(F_, K) < LEAST:
            raise UserError(
                f"backbone hcrn: relations need at least {LEAST} clips of {LEAST} frame vectors, not {K} of {F_}; "
                "`features.sampling` says how many are made, and `frames` beside the layout of imported features for "
                "how many one vector stands"
            )
        J = settings.subsets
        self.appearance, self.motion = nn.Linear(features, D), nn.Linear(clip_widths.motion, D)
        self.sequence = nn.LSTM(clip_widths.motion, D, batch_first=True)
        self.of_video, self.of_question = nn.Linear(D, D), nn.Linear(D, D)
        self.frames_by_motion = Relation(F_, D, J, groups=K)
        self.frames_by_question = Relation(self.frames_by_motion.scales, D, J, groups=K, gated=True)
        self.clips_by_motion = Relation(K, D, J)
        self.clips_by_question = Relation(self.clips_by_motion.scales, D, J, gated=True)
        self.words = nn.Linear(token_width, settings.words) if settings.words else nn.Identity()
        self.text = nn.LSTM(settings.words or token_width, D // 2, batch_first=True, bidirectional=True)
        self.dropout, self.text_dropout = Dropout(settings.dropout), Dropout(settings.text_dropout)
        self.reading, self.question = Reading(D, settings.dropout), nn.Linear(D, D)
        self.candidate = nn.Linear(D, D) if self.texts == "apart" else None
        for module in self.modules():
            if isinstance(module, Relation):
                module.always = settings.official_random_subsets
        glorot(self)

    @property
    def answer_width(self) -> int:
        """R."""
        return (2 if self.candidate is None else 4) * self.width

    def answer_head(self, outputs: int) -> nn.Module:
        """A hidden layer with batch normalisation, whose statistics are of the rows that it is given in training."""
        head = nn.Sequential(
            Dropout(self.settings.dropout),
            nn.Linear(self.answer_width, self.width),
            nn.ELU(),
            AnswerNorm(self.width),
            Dropout(self.settings.dropout),
            nn.Linear(self.width, outputs),
        )
        glorot(head)
        return head

    def encode_clips(self, video: Tensor) -> RelatedClips:
        """Clip features (B, K, Dv); `local` is the mean of a clip's mapped frames and its mapped motion, their sum."""
        return self.encode_mapped(self.map_clips(video))

    def map_clips(self, video: Tensor) -> Tensor:
        """The maps of frames and motion, and of motion for the recurrent layer, without bias: (..., K, (F + 5) D)."""
        views = self.clip_widths.views(video)
        frames = F.linear(views["frames"], self.appearance.weight).flatten(-2)
        both = torch.cat([self.motion.weight, self.sequence.all_weights[0][0]])
        return torch.cat([frames, F.linear(views["motion"], both)], dim=-1)

    def encode_mapped(self, mapped: Tensor) -> RelatedClips:
        """With biases, as far as it does not depend on a question."""
        (B, K), D, expected = mapped.shape[:2], self.width, self.clip_widths.clips
        if expected != K:
            raise UserError(
                f"backbone hcrn: made for videos of {expected} clips, it cannot encode {K}; train it on such features"
            )
        frames, motion, gates = mapped.split([mapped.shape[2] - 5 * D, D, 4 * D], dim=2)
        frames = frames.unflatten(2, (-1, D)) + self.appearance.bias  # (B, K, F, D)
        motion = motion + self.motion.bias
        related = self.frames_by_motion(frames, motion)
        _, of_state, *biases = self.sequence.all_weights[0]
        gates = (gates + biases[0] + biases[1]).transpose(0, 1).reshape(1, K * B, -1)  # step by step
        states = recur(gates, of_state[None], [B] * K).state
        seen = self.frames_by_question.seen(related)
        return RelatedClips(frames.mean(dim=2) + motion, seen, self.of_video(states[0, -B:]))

    def encode_kept(self, mapped: Tensor, keep: Tensor) -> RelatedClips:
        """The clips `keep` (B, K) bool, stretched to K: relations are of a number of clips that is the same for all."""
        return self.encode_mapped(stretched(mapped, keep))

    def encode_tokens(self, tokens: Tensor, lengths: Tensor) -> Tokens:
        """Token features (T, L, Dt) with `lengths` (T,) to the last states of both directions, side by side."""
        if self.candidate is not None:
            raise UserError(
                "backbone hcrn: `texts: apart` needs multiple choice whose token features hold questions and "
                "candidates apart (`text.layout: apart`); these do not, or their questions are open-ended"
            )
        return Tokens(self._encode(tokens, lengths))

    def encode_apart(
        self, questions: Tensor, of_questions: Tensor, candidates: Tensor, of_candidates: Tensor
    ) -> Tokens:
        """Questions (B, L', Dt) and candidates (T, L, Dt), encoded alike."""
        if self.candidate is None:
            return super().encode_apart(questions, of_questions, candidates, of_candidates)
        asked = self._encode(questions, of_questions)
        times = len(candidates) // len(questions)
        return CandidateTokens(asked.repeat_interleave(times, dim=0), self._encode(candidates, of_candidates))

    def _encode(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        words = self.dropout(self.words(tokens)).tanh()
        return self.text_dropout(last_states(self.text, words, lengths))

    def fuse(self, clips: RelatedClips, tokens: Tokens, clip_index: Tensor, token_index: Tensor) -> Tensor:
        """Answer representations (P, R) of the pairs."""
        asked = tokens.pooled.index_select(0, token_index)
        objects = self.objects(clips, tokens.pooled, clip_index, token_index)
        parts = [self.reading(asked, objects), self.question(asked)]
        if self.candidate is not None and isinstance(tokens, CandidateTokens):
            candidate = tokens.candidates.index_select(0, token_index)
            parts += [self.reading(candidate, objects), self.candidate(candidate)]
        return torch.cat(parts, dim=1)

    def objects(self, clips: RelatedClips, questions: Tensor, clip_index: Tensor, token_index: Tensor) -> Tensor:
        """The objects (P, N, D) that pairs of a video and one of the `questions` (T, D) end with."""
        asking = self.of_question(questions)
        in_clips, in_videos = (
            relation.asked(asking).index_select(0, token_index)[:, None]
            for relation in (self.frames_by_question, self.clips_by_question)
        )  # (P, 1, S, 2D)
        of_clips = self.frames_by_question.related(clips.seen.index_select(0, clip_index), in_clips)  # (P, K, S, D)
        motion = self.clips_by_motion.asked(clips.motion).index_select(0, clip_index)[:, None]
        seen = self.clips_by_motion.seen(of_clips.transpose(1, 2))  # the clips of each of the S objects
        of_video = self.clips_by_question.seen(self.clips_by_motion.related(seen, motion))
        return self.clips_by_question.related(of_video, in_videos).transpose(1, 2).flatten(1, 2)  # (P, Z * S, D)


def glorot(layers: nn.Module) -> None:
    """Begins linear and recurrent layers as the published code: Glorot's uniform weights, no bias."""
    for module in layers.modules():
        if isinstance(module, nn.Linear | nn.LSTM):
            for name, parameter in module.named_parameters():
                if name.startswith("weight"):
                    nn.init.xavier_uniform_(parameter)
                else:
                    nn.init.zeros_(parameter)
