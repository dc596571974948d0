"""Intervals and tests: by hand, and on made-up data where the truth is known."""

import math

import numpy as np
import pytest

from eigv.paper.significance import FEW_VIDEOS, Interval, mcnemar, paired_bootstrap


def whole(values) -> np.ndarray:
    return np.asarray(values, dtype=np.int64).reshape(len(values), -1)


@pytest.mark.parametrize(
    ("only_a", "only_b", "p"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),  # 2 x 1/2
        (5, 0, 2 / 32),
        (1, 9, 2 * (1 + 10) / 2**10),
        (9, 1, 2 * (1 + 10) / 2**10),
        (2, 8, 2 * (1 + 10 + 45) / 2**10),
        (10, 10, 1.0),  # twice the half and more
    ],
)
def test_mcnemar_by_hand(only_a, only_b, p):
    assert mcnemar(only_a, only_b) == p


def test_mcnemar_of_many_questions_is_near_the_normal_approximation_and_never_overflows():
    z = (abs(1621 - 1463) - 1) / math.sqrt(1621 + 1463)  # with the correction for continuity
    assert mcnemar(1621, 1463) == pytest.approx(math.erfc(z / math.sqrt(2)), rel=0.01)
    assert mcnemar(30_000, 29_000) < 1e-4 and mcnemar(30_000, 30) == 0.0


def test_the_interval_of_two_videos_by_hand():
    """Each of them is drawn twice in a quarter of the resamples: the 2.5 % at either end are these."""
    assert paired_bootstrap(whole([1, 0]), whole([4, 2])) == [(0.0, 0.25)]


def test_a_video_counts_with_all_its_questions():
    """Drawn as means of videos, one with a single question would count as much as one with a hundred."""
    gained, asked = whole([10] * 30 + [1] * 30), whole([100] * 30 + [1] * 30)
    (low, high), *_ = paired_bootstrap(gained, asked)
    assert low < 330 / 3030 < high < 0.15


def test_an_interval_of_one_question_a_video_is_the_normal_one():
    random = np.random.default_rng(0)
    gained = whole(random.choice([-1, 0, 1], size=4000, p=[0.2, 0.5, 0.3]))
    (low, high), *_ = paired_bootstrap(gained, np.ones_like(gained))
    half = 1.96 * gained.std() / math.sqrt(len(gained))
    assert (low, high) == pytest.approx((gained.mean() - half, gained.mean() + half), abs=0.002)


def test_the_seed_decides_what_is_drawn_and_columns_do_not_depend_on_each_other():
    random = np.random.default_rng(1)
    gained, asked = random.integers(-2, 4, (50, 3)), random.integers(3, 9, (50, 3))
    together = paired_bootstrap(gained, asked, seed=5)
    assert together == [paired_bootstrap(gained[:, [n]], asked[:, [n]], seed=5)[0] for n in range(3)]
    assert together != paired_bootstrap(gained, asked, seed=6)


def test_what_is_on_one_video_has_no_interval_and_a_rare_type_has_one_of_the_draws_that_hold_it():
    gained, asked = np.zeros((50, 2), dtype=np.int64), np.zeros((50, 2), dtype=np.int64)
    asked[0, 0] = asked[[0, 1], 1] = gained[0] = 1
    alone, two = paired_bootstrap(gained, asked)
    assert math.isnan(alone.low) and math.isnan(alone.high) and two == (0.0, 1.0)


def test_few_videos_are_never_more_than_chance():
    assert Interval(0.1, 0.2).excludes_zero(FEW_VIDEOS) and Interval(-0.2, -0.1).excludes_zero(FEW_VIDEOS)
    assert not Interval(0.1, 0.2).excludes_zero(FEW_VIDEOS - 1)
    assert not Interval(0.0, 0.2).excludes_zero(100) and not Interval(math.nan, math.nan).excludes_zero(100)


def test_intervals_over_videos_hold_the_truth_where_those_over_questions_are_too_narrow():
    """40 videos of 12 questions, on each of which one system is better or worse as a whole; the true gain is 0."""
    random = np.random.default_rng(2)
    tries, held = 300, {"videos": 0, "questions": 0}
    for _ in range(tries):
        chance = 0.5 + random.choice([-0.4, 0.4], size=(40, 1))
        gained = np.where(random.random((40, 12)) < chance, 1, -1)
        over = {
            "videos": paired_bootstrap(gained.sum(axis=1, keepdims=True), whole([12] * 40), 1000),
            "questions": paired_bootstrap(whole(gained.ravel()), whole([1] * 480), 1000),
        }
        for name, (interval,) in over.items():
            held[name] += interval.low <= 0 <= interval.high
    assert 0.91 <= held["videos"] / tries <= 0.98
    assert held["questions"] / tries < 0.65
