"""Rationales against gold clips, by hand: 4 clips a video."""

import itertools

import numpy as np
import pytest

from eigv.rationales.clips import auc, expected_of_random, first, gold_clips, of_same_size, overlap


def bools(*rows: str) -> np.ndarray:
    return np.array([[letter == "1" for letter in row] for row in rows])


def test_a_clip_is_gold_where_at_least_half_of_its_frames_are():
    times = np.array([[[0.0, 1.0], [2.0, 3.0], [4.0, 5.0], [6.0, 7.0]]])
    # Frame 1.0 is in the first span; 3.0 is its end and so outside; both frames of clip 2 are in a span of their own.
    assert (gold_clips(times, [[(1.0, 3.0), (4.0, 4.5), (5.0, 5.1)]]) == bools("1110")).all()
    assert (gold_clips(times, [[(1.1, 1.9)]]) == bools("0000")).all()


def test_precision_recall_and_overlap():
    found = overlap(bools("1100", "1111", "0000", "0011"), bools("0110", "0100", "1000", "0011"))
    assert found.iop.tolist() == [1 / 2, 1 / 4, 0, 1]
    assert found.recall.tolist() == [1 / 2, 1, 0, 1]
    assert found.iou.tolist() == [1 / 3, 1 / 4, 0, 1]


@pytest.mark.parametrize("size", range(5))
def test_a_random_selection_is_the_mean_over_all_of_its_size(size):
    gold = bools("0111")
    every = [np.isin(range(4), chosen) for chosen in itertools.combinations(range(4), size)]
    expected = [np.mean(part) for part in overlap(np.array(every), gold.repeat(len(every), 0))]
    assert np.array(expected_of_random(np.array([size]), gold))[:, 0] == pytest.approx(expected)


def test_area_under_the_roc_curve():
    scores = np.array([[0.9, 0.8, 0.7, 0.1], [0.5, 0.5, 0.1, 0.9], [1.0, 2.0, 3.0, 4.0]])
    # Of 2 x 2 pairs 3 are won; of 1 x 3 pairs one is won, one lost and one tied; no clip that is not gold.
    found = auc(scores, bools("1010", "1000", "1111"))
    assert found[:2].tolist() == [3 / 4, 1 / 2] and np.isnan(found[2])


def test_the_first_by_score():
    scores = np.array([[0.1, 0.7, 0.7, 0.9], [0.4, 0.3, 0.2, 0.1]])
    assert (first(scores, 2) == bools("0101", "1100")).all()  # of equal ones the earlier
    assert (first(scores, np.array([0, 3])) == bools("0000", "1110")).all()
    drawn = of_same_size(bools("1100", "1110").repeat(200, 0), np.random.default_rng(0))
    assert (drawn.sum(axis=1) == [2] * 200 + [3] * 200).all()
    assert drawn[:200].mean(axis=0) == pytest.approx(0.5, abs=0.1)
