"""The objective: answers of mixed samples and the contrast of their twins (section 4.4, Eq. 18-20).

Sizes: B batch, A answers, D width, M negatives of an anchor.
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from eigv.config.names import AnswerLoss

LOG_LOSS_EPSILON = 1e-7
"""TensorFlow's, which keeps the logarithm finite."""


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


def answer_loss(logits: Tensor, target: Tensor, kind: AnswerLoss = "cross-entropy") -> Tensor:
    """What is learnt from answers, a number: by `kind`, of `logits` (B, A).

    Cross-entropy, XE of Eq. 19, with distributions (B, A) or answers (B,); the others, of published systems, with
    answers (B,). With s the logits and a the right one:
    hinge: max(0, 1 + s_j - s_a), the mean over all j but a, and over B (NExT-QA's code).
    summed-hinge: the same, summed over all j, a among them (which adds 1), and over B (HCRN's code).
    log-loss: -log p_a - sum_{j != a} log(1 - p_j) of p = softmax(s), the mean over B * A (AMU's code).
    """
    if kind == "cross-entropy":
        return F.cross_entropy(logits, target)
    if kind == "log-loss":
        right = F.one_hot(target, logits.shape[1]).bool()
        p = logits.softmax(dim=1)
        return -(p.where(right, 1 - p) + LOG_LOSS_EPSILON).log().mean()
    behind = F.relu(1 + logits - logits.gather(1, target[:, None]))  # (B, A), 1 for the right one
    if kind == "summed-hinge":
        return behind.sum()
    return (behind.sum(dim=1) - 1).mean() / (logits.shape[1] - 1)


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
