"""Whether a difference in accuracy is more than chance: an interval by resampling videos, and McNemar's test.

Sizes: V videos, C differences that are looked at in one go, R resamples.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
"""How much of the resampled differences an interval holds."""
RESAMPLES = 10_000
FEW_VIDEOS = 20
"""Of fewer videos an interval is too narrow to call a difference more than chance."""

_AT_ONCE = 30_000
"""Videos that are drawn in one piece: it stays in the cache, four times quicker than a piece of a million."""


class Interval(NamedTuple):
    """An interval of a difference; NaN where there is none."""

    low: float
    high: float

    def excludes_zero(self, videos: int) -> bool:
        """Whether it excludes 0, and rests on enough `videos` to be believed."""
        return videos >= FEW_VIDEOS and (self.low > 0 or self.high < 0)


def paired_bootstrap(
    gained: NDArray[np.int64] | NDArray[np.float64],
    questions: NDArray[np.int64],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Interval]:
    """The percentile interval of each of C differences `gained.sum() / questions.sum()`, resampling videos.

    `gained` (V, C) is how many more of a video's questions one system got right than the other, and `questions` (V, C)
    how many there are; or sums of any other number of each question. Questions on one video stand and fall together, so
    a resample draws V videos with replacement and takes each with all its questions; resampling questions as if each
    were drawn by itself gives intervals that are too narrow. What is drawn depends on V and `seed` alone. A difference
    that rests on fewer than two videos has none.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), section 13.3 (percentiles); Field and Welsh,
    Bootstrapping clustered data, J. R. Stat. Soc. B 69 (2007), the randomized cluster bootstrap; Koehn, Statistical
    significance tests for machine translation evaluation, EMNLP 2004 (pairs of systems on the same resample).
    """
    videos = len(gained)
    random = np.random.default_rng(seed)
    sums = np.concatenate([gained, questions], axis=1).astype(np.float64)  # sums of whole numbers are exact
    a_piece = max(1, _AT_ONCE // max(1, videos))
    drawn = [_drawn(random, min(a_piece, resamples - start), videos) @ sums for start in range(0, resamples, a_piece)]
    resampled = np.concatenate(drawn).reshape(resamples, 2, -1)  # (R, 2, C)
    found = []
    for column in range(gained.shape[1]):
        above, below = resampled[:, :, column].T
        there = below > 0  # a rare type may be on none of the drawn videos
        if np.count_nonzero(questions[:, column]) < 2:
            found.append(Interval(np.nan, np.nan))
            continue
        low, high = np.quantile(above[there] / below[there], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        found.append(Interval(float(low), float(high)))
    return found


def _drawn(random: np.random.Generator, resamples: int, videos: int) -> NDArray[np.float64]:
    """(resamples, V) how often each video is drawn."""
    picks = random.integers(0, videos, (resamples, videos))
    picks += np.arange(resamples)[:, None] * videos
    return np.bincount(picks.ravel(), minlength=resamples * videos).reshape(resamples, videos).astype(np.float64)


def mcnemar(only_a: int, only_b: int) -> float:
    """The two-sided p-value of McNemar's test: that two systems are right equally often, on the same questions.

    `only_a` and `only_b` are the questions that one system got right and the other wrong. Under the hypothesis each of
    them is as likely on either side, so p is the binomial one; it is exact here for any number of questions, and no
    approximation by chi-squared is made. The test takes questions as independent of each other: where several are on
    one video p is too small, and the interval of `paired_bootstrap` is the one to go by.

    Source: McNemar, Note on the sampling error of the difference between correlated proportions or percentages,
    Psychometrika 12 (1947); its exact form is the sign test.
    """
    discordant, fewer = only_a + only_b, min(only_a, only_b)
    ways = tail = 1  # of choosing 0 of them
    for chosen in range(1, fewer + 1):
        ways = ways * (discordant - chosen + 1) // chosen
        tail += ways
    return min(1.0, 2 * tail / 2**discordant)
