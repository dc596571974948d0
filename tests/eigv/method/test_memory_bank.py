import pytest
import torch

from base.errors import UserError
from eigv.method.draws import Draws
from eigv.method.memory_bank import MemoryBank, draw_others


def _bank(videos: int, clips: int) -> MemoryBank:
    return MemoryBank(torch.arange(videos * clips, dtype=torch.float32).view(videos, clips, 1))


@pytest.mark.parametrize("excluded", [[0, 1], [5, 2], [3, 3], [5, 4], [0, 5], [4, 1, 2, 4], [3, -1], [-1, -1]])
def test_draws_are_uniform_over_the_clips_of_other_videos(excluded: list[int]) -> None:
    n, videos, clips = 24_000, 6, 3
    drawn = draw_others(torch.tensor([excluded]), videos, clips, (n,), Draws(0))[0]
    counts = drawn.bincount(minlength=videos * clips)
    allowed = torch.tensor([v not in excluded for v in range(videos)]).repeat_interleave(clips)
    assert (counts[~allowed] == 0).all()
    expected = n / allowed.sum()
    chi_square = ((counts[allowed] - expected) ** 2 / expected).sum()
    assert chi_square < 45  # 99.9 % of 17 degrees of freedom lie below 41


def test_every_sample_has_exclusions_of_its_own() -> None:
    bank = _bank(4, 2)
    excluded = torch.tensor([[0, 1], [2, 3], [1, 1]])
    drawn = bank.draw(excluded, (5, 40), Draws(0))
    assert drawn.shape == (3, 5, 40, 1)
    videos = drawn.long() // 2
    assert set(videos[0].unique().tolist()) == {2, 3}
    assert set(videos[1].unique().tolist()) == {0, 1}
    assert set(videos[2].unique().tolist()) == {0, 2, 3}


def test_the_bank_holds_the_very_tensor() -> None:
    features = torch.randn(5, 2, 3)
    assert MemoryBank(features).features is features


def test_the_bank_is_of_the_named_rows_alone() -> None:
    features = torch.arange(12.0).view(6, 2, 1)
    bank = MemoryBank(features, rows=torch.tensor([1, 3, 4, 5]))
    drawn = bank.draw(torch.tensor([[0, 2]]), (400,), Draws(0))  # the first and the third of these
    assert set(drawn.flatten().tolist()) == {6.0, 7.0, 10.0, 11.0}
    assert bank.features is features


def test_too_few_videos_are_refused() -> None:
    with pytest.raises(UserError, match="three or more training videos"):
        _bank(2, 4)


def test_three_videos_are_enough() -> None:
    drawn = _bank(3, 2).draw(torch.tensor([[0, 2]]), (50,), Draws(0))
    assert set(drawn.flatten().tolist()) == {2.0, 3.0}


def test_clips_are_delivered_where_the_draws_are() -> None:
    drawn = _bank(3, 2).draw(torch.tensor([[0, 2]]), (50,), Draws(0, "meta"))
    assert drawn.device.type == "meta" and drawn.shape == (1, 50, 1)
