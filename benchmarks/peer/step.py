"""The training step and the evaluation of the peer, pass by pass.

Sizes: B samples, A candidates, K clips, L tokens, V videos of the bank, N negatives of a kind, D width.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.peer.draws import PeerDraws
from eigv.config.run import EigvSettings

Encoded = tuple[Tensor, ...]


class PeerBatch(NamedTuple):
    """What the loader gives; open-ended: no dimension A."""

    video: Tensor  # (B, K, Dv)
    tokens: Tensor  # (B, A, 37, Dt), zeros at the end
    lengths: Tensor  # (B, A)
    video_row: Tensor  # (B,), in the bank
    answer: Tensor  # (B,)


class PeerLosses(NamedTuple):
    """Of a step."""

    total: Tensor
    answer: Tensor
    """In multiple choice a KL divergence: the cross-entropy less the target's entropy."""
    contrastive: Tensor
    logits: Tensor  # (B, 2A), or (B, classes)


class GroundingHead(nn.Module):
    """Attention of a question over clips."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear_q, self.linear_k = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, question: Tensor, clips: Tensor, sum_mask: bool) -> Tensor:
        """question (B, D), clips (B, K, D) to (B, K)."""
        query, keys = self.linear_q(question)[:, None], self.linear_k(clips)
        scores = torch.matmul(query, keys.transpose(1, 2))[:, 0] / query.shape[-1] ** 0.5
        if sum_mask:  # padding is told by a sum of 0
            scores = scores.masked_fill(clips.sum(-1) == 0, -torch.inf)
        weights = torch.softmax(scores, -1)
        return weights * (question.sum(-1) != 0)[:, None] if sum_mask else weights


def embedding(token_width: int, words: int, dropout: float) -> nn.Sequential:
    """What Co-Mem and HGA make of each token first; the official code drops twice."""
    return nn.Sequential(nn.Linear(token_width, words), nn.ReLU(), nn.Dropout(dropout), nn.Dropout(dropout))


class Peer(nn.Module, ABC):
    """The model of the official code: a backbone with its heads and its grounding, and what it does with a batch."""

    width: int
    project_head: nn.Module
    answer_head: Callable[[Tensor], Tensor]

    @abstractmethod
    def set_answers(self, answers: int) -> None:
        """Makes the answer head, for `answers` scores a pair."""

    @abstractmethod
    def encode_text(self, tokens: Tensor, lengths: Tensor) -> Encoded:
        """Texts; the first tensor is what the grounding asks with."""

    @abstractmethod
    def encode_video(self, video: Tensor) -> Encoded:
        """Videos."""

    @abstractmethod
    def keys(self, video: Encoded) -> Tensor:
        """What the grounding looks at (B, K, D)."""

    @abstractmethod
    def fuse(self, text: Encoded, lengths: Tensor, video: Encoded) -> Tensor:
        """As many answer representations as there are texts and videos."""

    def finish(self, classes: int | None, settings: EigvSettings) -> None:
        """Heads and grounding; `classes` is None for multiple choice."""
        self.settings, self.classes = settings, classes
        self.set_answers(classes or 1)
        self.fg_att, self.bg_att = GroundingHead(self.width), GroundingHead(self.width)

    def answer(self, batch: PeerBatch) -> Tensor:
        """Logits of the whole videos, (B, A) or (B, classes)."""
        tokens, lengths, A = _flat(batch)
        text = self.encode_text(tokens, lengths)
        video = _each(self.encode_video(batch.video), lambda x: x.repeat_interleave(A, 0))
        scores, _ = self._heads(self.fuse(text, lengths, video))
        return scores.view(len(batch.video), -1)

    def step(self, batch: PeerBatch, bank: Tensor, draws: PeerDraws) -> PeerLosses:
        """The losses of a training step; `bank` (V, K, Dv)."""
        how = self.settings
        B, N = len(batch.video), how.disruptor.negatives
        lam1 = draws.ratio(how.intervener.alpha)
        lam2 = draws.ratio(how.intervener.alpha_environment)
        partner = draws.permutation(B)

        # The intervened sample
        tokens, lengths, A = _flat(batch)
        text = self.encode_text(tokens, lengths)
        right = torch.arange(B) * A + (batch.answer if self.classes is None else 0)
        question, length = _each(text, lambda x: x[right]), lengths[right]
        causal, environment = self._ground(question, self.encode_video(batch.video), draws)
        own = lam1 * causal + lam2 * environment
        theirs = (1 - lam1) * causal[partner] + (1 - lam2) * environment[partner]
        mixed_video = own[..., None] * batch.video + theirs[..., None] * batch.video[partner]
        if how.intervener.question == "tokens":
            mixed = self.encode_text(lam1 * tokens + (1 - lam1) * tokens[partner], length)
        else:
            mixed = _each(question, lambda x: lam1 * x + (1 - lam1) * x[partner])
        video = self.encode_video(mixed_video)

        # Answers, and the anchor
        if self.classes is None:
            theirs_too = torch.cat([torch.arange(B * A).view(B, A), torch.arange(B * A).view(B, A)[partner]], 1).view(
                -1
            )
            pairs = _each(video, lambda x: x.repeat_interleave(2 * A, 0))
            scores, _ = self._heads(self.fuse(_each(text, lambda x: x[theirs_too]), lengths[theirs_too], pairs))
            logits = scores.view(B, 2 * A)
            hot = F.one_hot(batch.answer, A).to(logits)
            target = torch.cat([lam1 * hot, (1 - lam1) * hot[partner]], 1)
            answer = nn.KLDivLoss(reduction="batchmean")(F.log_softmax(logits, 1), target)
            _, anchor = self._heads(self.fuse(mixed, length, video))
        else:
            logits, anchor = self._heads(self.fuse(mixed, length, video))
            answer = lam1 * F.cross_entropy(logits, batch.answer)
            answer = answer + (1 - lam1) * F.cross_entropy(logits, batch.answer[partner])

        # Twins
        causal, environment = self._ground(mixed, video, draws)
        excluded = torch.stack([batch.video_row, batch.video_row[partner]], 1)
        flat, (V, K, _) = bank.flatten(0, 1), bank.shape
        substitutes = flat[draws.clips(excluded, V, K)]
        changed = mixed_video * (1 - environment[..., None]) + substitutes * environment[..., None]
        _, positive = self._heads(self.fuse(mixed, length, self.encode_video(changed)))

        def repeated(x: Tensor) -> Tensor:
            return x.repeat(N, *[1] * (x.dim() - 1))

        many, many_lengths = _each(mixed, repeated), repeated(length)
        substitutes, kept = flat[draws.clips(repeated(excluded), V, K)], repeated(causal)[..., None]
        changed = repeated(mixed_video) * (1 - kept) + substitutes * kept
        _, of_videos = self._heads(self.fuse(many, many_lengths, self.encode_video(changed)))
        other = draws.permutation(N * B)
        _, of_texts = self._heads(
            self.fuse(_each(many, lambda x: x[other]), many_lengths[other], _each(video, repeated))
        )
        negatives = torch.cat([of_videos, of_texts]).view(B, 2 * N, -1)
        contrastive = self._contrast(anchor, positive, negatives)
        return PeerLosses(answer + how.objective.beta * contrastive, answer, contrastive, logits)

    def _heads(self, fused: Tensor) -> tuple[Tensor, Tensor]:
        """Both heads, whichever is read."""
        return self.answer_head(fused), self.project_head(fused)

    def _ground(self, question: Encoded, video: Encoded, draws: PeerDraws) -> tuple[Tensor, Tensor]:
        """Hard masks (B, K) of the causal and of the environment scene."""
        how, clips = self.settings.grounding, self.keys(video)
        heads = (self.fg_att, self.bg_att)
        logits = torch.stack([head(question[0], clips, how.official_sum_mask) for head in heads], 1)
        soft = torch.softmax((logits + draws.gumbel(logits)) / how.temperature, 1)
        hard = torch.zeros_like(soft).scatter_(1, soft.argmax(1, keepdim=True), 1.0)
        masks = hard - soft.detach() + soft
        return masks[:, 0], masks[:, 1]

    def _contrast(self, anchor: Tensor, positive: Tensor, negatives: Tensor) -> Tensor:
        how = self.settings.objective
        if how.similarity == "cosine":
            anchor, positive, negatives = (F.normalize(x, dim=-1) for x in (anchor, positive, negatives))
        with_positive = (anchor * positive).sum(1, keepdim=True)
        with_negatives = torch.matmul(anchor[:, None], negatives.transpose(1, 2))[:, 0]
        similarities = torch.cat([with_positive, with_negatives], 1) / how.temperature
        return F.cross_entropy(similarities, torch.zeros(len(anchor), dtype=torch.int64))


def _flat(batch: PeerBatch) -> tuple[Tensor, Tensor, int]:
    """Texts (T, 37, Dt), lengths (T,), and how many a sample."""
    if batch.tokens.dim() == 3:
        return batch.tokens, batch.lengths, 1
    return batch.tokens.flatten(0, 1), batch.lengths.flatten(), batch.tokens.shape[1]


def _each(encoded: Encoded, function: Callable[[Tensor], Tensor]) -> Encoded:
    return tuple(function(x) for x in encoded)
