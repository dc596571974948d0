"""Selections as seconds, by hand: four clips of one second, two seconds apart, in a video of ten."""

import numpy as np
import pytest

from eigv.config.names import RULES
from eigv.rationales.spans import Timeline, joined, kept_by_rule, lengths, padded

STARTS = np.array([[0.5, 3.0, 5.5, 8.0]])
ENDS = STARTS + 1.0  # halfway: 2.25, 4.75, 7.25
CHOSEN = {
    "clips": [(0.5, 1.5), (5.5, 6.5), (8.0, 9.0)],
    "runs": [(0.5, 1.5), (5.5, 9.0)],
    "parts": [(0.0, 2.25), (4.75, 10.0)],
    "longest-run": [(5.5, 9.0)],
    "hull": [(0.5, 9.0)],
}
"""By rule, the seconds of the first, third and fourth clip."""


def test_spans_are_joined():
    assert joined([(3, 4), (0, 1), (1, 2), (3.5, 3.6)]) == [(0, 2), (3, 4)]
    assert lengths(padded([[(0, 2), (3, 4)], [], [(1, 1.5)]])).tolist() == [3, 0, 0.5]


@pytest.mark.parametrize("rule", RULES)
def test_what_a_selection_covers(rule):
    timeline = Timeline.of(STARTS, ENDS, np.array([10.0]))
    covered = timeline.covered(np.array([[True, False, True, True]]), rule)
    assert covered.sum() == pytest.approx(sum(end - start for start, end in CHOSEN[rule]))
    for start, end in CHOSEN[rule]:  # all of it, and nothing beside
        shared = timeline.shared(np.array([[[start, end]]]))
        assert (covered * shared[:, 0]).sum() == pytest.approx(end - start)
    assert timeline.covered(np.zeros((1, 4), bool), rule).sum() == 0
    assert timeline.covered(np.ones((1, 4), bool), "parts").sum() == pytest.approx(10)


def test_the_share_of_cells_in_spans():
    timeline = Timeline.of(STARTS, ENDS, np.array([10.0]))
    clips = timeline.covered(np.ones((1, 4), bool), "clips")
    gold = padded([[(1.0, 3.25), (20.0, 30.0)]])  # half of the first clip, a quarter of the second; beyond the video
    assert (clips[:, None] * timeline.shared(gold)).sum(axis=2).tolist() == [[pytest.approx(0.75), 0]]
    assert (timeline.shared(padded([[], [(0, 1)]])[:1]) == 0).all()


def test_clips_that_overlap_cover_each_second_once():
    timeline = Timeline.of(np.array([[0.0, 0.5]]), np.array([[1.0, 1.5]]), np.array([np.nan]))
    for rule in RULES:
        assert timeline.covered(np.array([[True, True]]), rule).sum() == pytest.approx(1.5)
    assert timeline.covered(np.array([[True, False]]), "clips").sum() == pytest.approx(1.0)
    assert timeline.covered(np.array([[True, False]]), "parts").sum() == pytest.approx(0.75)


def test_rules_that_leave_one_span():
    selected = np.array([[True, False, True, True, False, True, True], [False] * 7])
    assert kept_by_rule(selected, "longest-run").tolist() == [[False, False, True, True] + [False] * 3, [False] * 7]
    assert kept_by_rule(selected, "hull").tolist() == [[True] * 7, [False] * 7]
    assert (kept_by_rule(selected, "runs") == selected).all()
