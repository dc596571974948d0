import torch

from eigv.method.disruptor import (
    negative_videos,
    other_questions,
    permuted_questions,
    positive_video,
    shuffle_owners,
)
from eigv.method.draws import Draws
from eigv.method.grounding import Scene

CAUSAL = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
SCENE = Scene(CAUSAL, 1 - CAUSAL, CAUSAL, 1 - CAUSAL)
VIDEO = torch.tensor([[[1.0], [2.0]], [[3.0], [4.0]]])


def test_a_positive_keeps_the_causal_scene() -> None:
    positive = positive_video(VIDEO, SCENE, torch.full((2, 2, 1), 9.0))
    assert positive[..., 0].tolist() == [[1.0, 9.0], [9.0, 9.0]]


def test_a_negative_keeps_the_environment_scene_of_its_own_anchor() -> None:
    substitutes = torch.arange(12.0).view(2, 3, 2, 1) + 100
    negatives = negative_videos(VIDEO, SCENE, substitutes)
    assert negatives.shape == (2, 3, 2, 1)
    assert negatives[0, :, 1, 0].tolist() == [2.0] * 3  # environment of anchor 0
    assert negatives[0, :, 0, 0].tolist() == [100.0, 102.0, 104.0]
    assert (negatives[1] == VIDEO[1]).all()  # anchor 1 has no causal clip


def test_other_questions_are_uniform_and_never_the_own_one() -> None:
    drawn = other_questions(torch.arange(5)[:, None], 4000, Draws(0))
    for own, row in enumerate(drawn):
        counts = row.bincount(minlength=5)
        assert counts[own] == 0
        assert (counts[torch.arange(5) != own] > 850).all()


class Backwards(Draws):
    """Draws whose permutation is the reversed order."""

    def permutation(self, n: int) -> torch.Tensor:
        return torch.arange(n).flip(0)


def test_the_official_questions_are_copies_of_all_permuted_and_dealt_out_copy_by_copy() -> None:
    assert permuted_questions(3, 2, Backwards(0)).tolist() == [[2, 2], [1, 1], [0, 0]]
    assert permuted_questions(2, 3, Backwards(0)).tolist() == [[1, 1, 1], [0, 0, 0]]
    drawn = permuted_questions(4, 5, Draws(0))
    assert drawn.shape == (4, 5) and drawn.flatten().bincount().tolist() == [5] * 4
    assert any(question in row for question, row in enumerate(drawn.tolist()))  # an own one


def test_the_official_owners_are_read_across() -> None:
    videos = torch.tensor([[0, 1, 2], [10, 11, 12]])  # of two anchors, three negatives each
    dealt, questions = shuffle_owners(videos, videos + 100)
    assert dealt.tolist() == [[0, 10, 1], [11, 2, 12]]
    assert torch.equal(questions, dealt + 100)  # a pair stays a pair


def test_other_questions_are_never_the_partner_s_either() -> None:
    own = torch.tensor([[0, 3], [1, 1], [2, 0], [3, 2]])
    for mixed, row in zip(own.tolist(), other_questions(own, 2000, Draws(0)), strict=True):
        assert set(row.tolist()) == set(range(4)) - set(mixed)


def test_a_batch_without_a_third_sample_has_no_other_question() -> None:
    assert other_questions(torch.tensor([[0]]), 5, Draws(0)).shape == (1, 0)
    assert other_questions(torch.tensor([[0, 0]]), 5, Draws(0)).shape == (1, 0)
    assert other_questions(torch.tensor([[0, 1], [1, 0]]), 5, Draws(0)).shape == (2, 0)
    assert other_questions(torch.tensor([[0], [1]]), 3, Draws(0)).tolist() == [[1] * 3, [0] * 3]
