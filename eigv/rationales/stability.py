"""How stable selections are: over draws of the noise, over seeds, and from one question to another.

Sizes: R runs or draws, Q questions, K clips.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from base.errors import UserError
from base.formats.predictions import Predictions
from eigv.rationales.clips import expected_of_random, first

DRAWS = 8
"""Draws of the noise that are compared, each with each."""


class Agreement(NamedTuple):
    """The mean IoU of pairs of selections, in percent."""

    iou: float
    by_chance: float
    """What two independent selections of the same sizes have, exactly."""


def agreement(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> Agreement:
    """Of each selection of `a` (Q, K) with that of `b`; two that are both empty agree."""
    both, either = (a & b).sum(axis=1), (a | b).sum(axis=1)
    iou = np.where(either > 0, both / np.maximum(either, 1), 1.0)
    size, other = a.sum(axis=1), b.sum(axis=1)
    fixed = first(np.zeros(b.shape), other)  # which clips they are does not matter to a random selection
    empty = other == 0
    chance = np.where(size == 0, 1.0, 0.0)
    if (~empty).any():
        chance[~empty] = expected_of_random(size[~empty], fixed[~empty]).iou
    return Agreement(100.0 * float(iou.mean()), 100.0 * float(chance.mean()))


def of_all(selections: Sequence[NDArray[np.bool_]]) -> Agreement:
    """The mean over all pairs of R selections, (Q, K) each."""
    pairs = [agreement(a, b) for a, b in itertools.combinations(selections, 2)]
    return Agreement(*(float(np.mean(values)) for values in zip(*pairs, strict=True)))


def over_noise(probability: NDArray[np.float64], draws: int = DRAWS, seed: int = 0) -> Agreement:
    """Of selections that take each clip with its `probability` (Q, K) of being causal, as training draws them."""
    random = np.random.default_rng(seed)
    return of_all([random.random(probability.shape) < probability for _ in range(draws)])


def selections(predictions: Predictions) -> NDArray[np.bool_]:
    """(Q, K) the causal clips of a run; `UserError` where its method does not ground."""
    if not predictions.rationales:
        raise UserError("these predictions hold no rationales: the method of the run does not ground its answers")
    found = np.zeros((len(predictions), len(predictions.rationales[0].probability)), dtype=bool)
    for row, rationale in enumerate(predictions.rationales):
        found[row, list(rationale.clips)] = True
    return found


def over_runs(runs: Sequence[Predictions]) -> Agreement:
    """Of R runs on the same questions, for example over seeds, of which there are at least two.

    `UserError` where the questions differ.
    """
    if len(runs) < 2:
        raise UserError("stability over seeds needs the predictions of at least two runs")
    order = {qid: row for row, qid in enumerate(runs[0].qid)}
    found = []
    for run in runs:
        if run.qid != runs[0].qid and sorted(run.qid) != sorted(runs[0].qid):
            raise UserError("the runs were asked other questions, so that their selections cannot be compared")
        found.append(selections(run)[np.argsort([order[qid] for qid in run.qid])])
    return of_all(found)
