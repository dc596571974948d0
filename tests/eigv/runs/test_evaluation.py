"""Accuracies, the seconds of clips and the statistics of rationales, by hand."""

import numpy as np
import pytest

from base.formats.predictions import Rationale
from eigv.runs.accuracies import accuracies
from eigv.runs.evaluation import rationale_statistics, spans


def test_accuracy_overall_and_by_type() -> None:
    found = accuracies(["what", "who", "what", "what"], np.array([True, False, False, True]))
    assert found == {
        "accuracy": 50.0,
        "questions": 4,
        "by_type": {
            "what": {"accuracy": pytest.approx(200 / 3), "questions": 3},
            "who": {"accuracy": 0.0, "questions": 1},
        },
    }


def test_spans_that_touch_or_overlap_are_joined() -> None:
    times = np.array([[0, 0.4], [0.5, 0.9], [0.8, 1.2], [2.0, 2.9]])  # of the first and last frame of each clip
    ends = np.array([0.5, 1.0, 1.3, 3.0])
    assert spans(np.array([0, 1, 2, 3]), times, ends) == ((0.0, 1.3), (2.0, 3.0))
    assert spans(np.array([0, 3]), times, ends) == ((0.0, 0.5), (2.0, 3.0))
    assert spans(np.array([0, 3]), times * np.nan, ends * np.nan) == ()


def test_spans_follow_a_rate_that_changes() -> None:
    times = np.array([[0, 0.1], [0.2, 1.2], [2.2, 3.2]])
    assert spans(np.array([1]), times, np.array([0.2, 2.2, 4.2])) == ((0.2, 2.2),)


def test_statistics_are_of_the_numbers_before_they_are_rounded() -> None:
    chances = (0.50049, 0.50049, 0.0, 1.0)  # 0.500 in predictions.csv
    rationales = [Rationale((0, 1, 3), (), chances), Rationale((3,), (), chances)]
    found = rationale_statistics(rationales, [0.25, 0.75])
    agreement = (2 * (0.50049**2 + 0.49951**2) + 2) / 4
    assert found == {
        "causal_share": 0.5,
        "causal_spread": 0.25,
        "causal_agreement": pytest.approx(agreement, rel=1e-12),
        "question_effect": 0.5,
        "clips": 4,
    }
    assert agreement > 0.75  # as it would be of the rounded ones
    assert rationale_statistics(rationales, [])["question_effect"] is None
