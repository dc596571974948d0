"""Seconds: what selected clips cover, by a named rule, and how much of it lies in spans.

clips: each clip from its first frame to the end of its last, as `causal_spans` of the predictions.
runs: clips that follow each other make one span, with the seconds between them.
parts: a clip stands for its part of the video, which reaches halfway to its neighbours, or to the video's ends.
longest-run: the longest of the runs, the first of several: one span.
hull: from the first clip to the end of the last: one span.

Sizes: Q questions, K clips, G spans of a question at most, M cells that a video's clips cut it into.
"""

import itertools
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from eigv.config.names import Rule

Span = tuple[float, float]


def joined(spans: list[Span]) -> list[Span]:
    """The same seconds as spans in order that neither touch nor overlap."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def padded(spans: list[list[Span]]) -> NDArray[np.float64]:
    """The spans of Q questions as (Q, G, 2), NaN where a question has fewer."""
    found = np.full((len(spans), max(map(len, spans), default=0), 2), np.nan)
    for row, of_question in enumerate(spans):
        found[row, : len(of_question)] = np.array(of_question).reshape(-1, 2)
    return found


def lengths(spans: NDArray[np.float64]) -> NDArray[np.float64]:
    """The seconds (Q,) of `spans` (Q, G, 2), NaN where there are fewer, which do not overlap."""
    return np.nansum(spans[:, :, 1] - spans[:, :, 0], axis=1)


def kept_by_rule(selected: NDArray[np.bool_], rule: Rule) -> NDArray[np.bool_]:
    """The clips (Q, K) of `selected` that `rule` keeps or fills in: those of one run, or all from first to last."""
    if rule == "hull":
        return np.logical_or.accumulate(selected, axis=1) & np.logical_or.accumulate(selected[:, ::-1], axis=1)[:, ::-1]
    if rule == "longest-run":
        return np.array([_longest_run(row) for row in selected], dtype=bool).reshape(selected.shape)
    return selected


def _longest_run(row: NDArray[np.bool_]) -> NDArray[np.bool_]:
    runs = [list(run) for chosen, run in itertools.groupby(range(len(row)), row.__getitem__) if chosen]
    kept = np.zeros_like(row)
    kept[max(runs, key=len, default=[])] = True
    return kept


@dataclass(frozen=True)
class Timeline:
    """The videos of Q questions, cut at the ends of clips and of their parts into M cells."""

    edges: NDArray[np.float64]
    """(Q, M + 1) seconds, in order."""
    in_clip: NDArray[np.bool_]
    """(Q, M, K) whether a cell lies in a clip."""
    in_part: NDArray[np.bool_]
    """(Q, M, K) whether it lies in the part of the video that a clip stands for."""
    between: NDArray[np.bool_]
    """(Q, M, K - 1) whether it lies between a clip and the next."""

    @classmethod
    def of(cls, starts: NDArray[np.float64], ends: NDArray[np.float64], durations: NDArray[np.float64]) -> Self:
        """Of clips that go from `starts` to `ends`, (Q, K) seconds in order, in videos of `durations` (Q,) seconds.

        A duration that is NaN ends with the last clip.
        """
        halfway = (ends[:, :-1] + starts[:, 1:]) / 2
        last = np.fmax(durations, ends[:, -1])[:, None]
        borders = np.concatenate([np.minimum(0, starts[:, :1]), halfway, last], axis=1)  # (Q, K + 1)
        edges = np.sort(np.concatenate([starts, ends, borders], axis=1), axis=1)
        middle = ((edges[:, 1:] + edges[:, :-1]) / 2)[:, :, None]

        def within(low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.bool_]:
            return (low[:, None] <= middle) & (middle < high[:, None])

        return cls(
            edges,
            within(starts, ends),
            within(borders[:, :-1], borders[:, 1:]),
            within(ends[:, :-1], starts[:, 1:]),
        )

    def covered(self, selected: NDArray[np.bool_], rule: Rule) -> NDArray[np.float64]:
        """The seconds (Q, M) of each cell that `selected` (Q, K) covers: the whole cell, or none of it."""
        clips = kept_by_rule(selected, rule)
        cells = ((self.in_part if rule == "parts" else self.in_clip) & clips[:, None]).any(axis=2)
        if rule not in ("clips", "parts"):
            cells |= (self.between & (clips[:, :-1] & clips[:, 1:])[:, None]).any(axis=2)
        return cells * np.diff(self.edges, axis=1)

    def shared(self, spans: NDArray[np.float64]) -> NDArray[np.float64]:
        """The share (Q, G, M) of each cell that lies in each of `spans` (Q, G, 2); 0 in those that are NaN."""
        low, high = self.edges[:, None, :-1], self.edges[:, None, 1:]
        seconds = np.minimum(high, spans[:, :, 1:]) - np.maximum(low, spans[:, :, :1])
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.nan_to_num(np.clip(seconds, 0, None) / (high - low), nan=0.0, posinf=0.0)
