import math

import pytest
import torch
from torch.nn import functional as F

from eigv.method.objective import answer_loss, contrastive_loss, mixed_answers


def test_mixed_answers_weigh_the_two_answers() -> None:
    target = mixed_answers(torch.tensor([2, 0]), torch.tensor([1, 1]), torch.tensor([0.75, 0.25]), 3)
    assert target.tolist() == [[0.25, 0.0, 0.75], [1.0, 0.0, 0.0]]


def test_the_answer_loss_is_the_weighted_sum_of_two_cross_entropies() -> None:
    torch.manual_seed(0)
    logits, answer, partner = torch.randn(6, 4), torch.randint(4, (6,)), torch.randperm(6)
    ratio = torch.rand(6)
    expected = (
        ratio * F.cross_entropy(logits, answer, reduction="none")
        + (1 - ratio) * F.cross_entropy(logits, answer[partner], reduction="none")
    ).mean()
    torch.testing.assert_close(answer_loss(logits, mixed_answers(answer, partner, ratio, 4)), expected)


LOGITS, RIGHT = torch.tensor([[0.2, 1.0, -1.5], [2.0, 0.5, 1.8]]), torch.tensor([0, 2])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        # 1 + wrong - right: 1.8 and -0.7; 1.2 and -0.3
        ("hinge", (1.8 / 2 + 1.2 / 2) / 2),
        ("summed-hinge", (1 + 1.8) + (1.2 + 1)),
        (
            "cross-entropy",
            sum(math.log(sum(map(math.exp, row))) - row[a] for row, a in (((0.2, 1, -1.5), 0), ((2, 0.5, 1.8), 2))) / 2,
        ),
    ],
)
def test_losses_of_answers_by_hand(kind, expected: float) -> None:
    assert answer_loss(LOGITS, RIGHT, kind).item() == pytest.approx(expected, rel=1e-6)


def test_the_log_loss_takes_every_class_by_itself() -> None:
    p = LOGITS.double().softmax(dim=1)
    right = torch.tensor([[1.0, 0, 0], [0, 0, 1]]).double()
    expected = F.binary_cross_entropy(p, right)
    torch.testing.assert_close(answer_loss(LOGITS.double(), RIGHT, "log-loss"), expected, atol=1e-6, rtol=1e-5)


def test_info_nce_by_hand() -> None:
    anchor, positive = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 0.5]])
    negatives = torch.tensor([[[0.0, 1.0], [1.0, 0.0]]])
    # inner products 4; 2, 1
    expected = -math.log(math.exp(4) / (math.exp(4) + math.exp(2) + math.exp(1)))
    assert contrastive_loss(anchor, positive, negatives).item() == pytest.approx(expected, rel=1e-5)
    heated = -math.log(math.exp(2) / (math.exp(2) + math.exp(1) + math.exp(0.5)))
    assert contrastive_loss(anchor, positive, negatives, temperature=2.0).item() == pytest.approx(heated, rel=1e-5)


def test_cosine_similarity_forgets_lengths() -> None:
    torch.manual_seed(0)
    anchor, positive, negatives = torch.randn(3, 4), torch.randn(3, 4), torch.randn(3, 5, 4)
    a = contrastive_loss(anchor, positive, negatives, "cosine", 0.1)
    b = contrastive_loss(7 * anchor, 0.2 * positive, 3 * negatives, "cosine", 0.1)
    torch.testing.assert_close(a, b)


def test_an_anchor_meets_its_own_negatives_only() -> None:
    torch.manual_seed(0)
    anchor, positive = torch.randn(3, 4, requires_grad=True), torch.randn(3, 4)
    negatives = torch.randn(3, 5, 4, requires_grad=True)
    (grad,) = torch.autograd.grad(
        contrastive_loss(anchor[:1], positive[:1], negatives[:1]), negatives, allow_unused=True
    )
    whole = contrastive_loss(anchor, positive, negatives)
    each = [contrastive_loss(anchor[i : i + 1], positive[i : i + 1], negatives[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(whole, torch.stack(each).mean())
    assert (grad[0] != 0).any() and (grad[1:] == 0).all()
