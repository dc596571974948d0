"""The objective: answers of mixed samples and the contrast of their twins (section 4.4, Eq. 18-20).

Sizes: B batch, A answers, D width, M negatives of an anchor.
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F


def mixed_answers(answer: Tensor, partner: Tensor, ratio: Tensor, answers: int) -> Tensor:
    """a* (B, A) of Eq. 12: ratio onehot(a) + (1 - ratio) onehot(a[partner]), `answer` (B,), `partner` (B,)."""
    own, theirs = _weighted(answer, partner, ratio, answers)
    return own + theirs


def answers_of_both(answer: Tensor, partner: Tensor, ratio: Tensor, candidates: int) -> Tensor:
    """The same over the candidates of both samples side by side, the own first: (B, 2 * candidates)."""
    return torch.cat(_weighted(answer, partner, ratio, candidates), dim=1)


def _weighted(answer: Tensor, partner: Tensor, ratio: Tensor, answers: int) -> tuple[Tensor, Tensor]:
    own = F.one_hot(answer, answers).to(ratio.dtype)
    return ratio[:, None] * own, (1 - ratio[:, None]) * own[partner]


def answer_loss(logits: Tensor, target: Tensor) -> Tensor:
    """XE of Eq. 19, a number: cross-entropy of `logits` (B, A) with distributions (B, A) or answers (B,)."""
    return F.cross_entropy(logits, target)


def accuracy(logits: Tensor, target: Tensor) -> Tensor:
    """How much the predicted answers weigh in the target: (B, A) distributions, or (B,) the right answers."""
    predicted = logits.detach().argmax(dim=1)
    if target.dim() == 1:
        return (predicted == target).float().mean()
    return target.gather(1, predicted[:, None]).mean()


def contrastive_loss(
    anchor: Tensor,
    positive: Tensor,
    negatives: Tensor,
    similarity: Literal["dot", "cosine"] = "dot",
    temperature: float = 1.0,
) -> Tensor:
    """InfoNCE of Eq. 18, a number: -log(exp(s(a, a+)) / (exp(s(a, a+)) + sum_m exp(s(a, a-_m)))), mean over B.

    `anchor`, `positive` (B, D); `negatives` (B, M, D), each anchor's own; s is the dot product or the cosine, over
    the temperature.
    """
    others = torch.cat([positive[:, None], negatives], dim=1)  # (B, 1 + M, D)
    if similarity == "cosine":
        anchor, others = F.normalize(anchor, dim=-1), F.normalize(others, dim=-1)
    similarities = torch.einsum("bd,bmd->bm", anchor, others) / temperature
    first = torch.zeros(anchor.shape[0], dtype=torch.int64, device=anchor.device)
    return F.cross_entropy(similarities, first)
