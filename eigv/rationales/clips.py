"""Rationales against gold, clip by clip: precision, recall, overlap, and whether scores put gold clips first.

Sizes: Q questions, K clips, T frames a clip.
"""

from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eigv.rationales.spans import Span


class Overlap(NamedTuple):
    """How selections and gold overlap, of each question (Q,), from 0 to 1."""

    iop: NDArray[np.float64]
    """Intersection over prediction, the precision."""
    recall: NDArray[np.float64]
    iou: NDArray[np.float64]
    """Intersection over union."""


def gold_clips(frame_time: NDArray[np.float64], gold: list[list[Span]]) -> NDArray[np.bool_]:
    """Which clips (Q, K) are gold: those of which at least half of the frames are shown within the `gold` spans.

    `frame_time` (Q, K, T) is in seconds; a span holds its start and not its end.
    """
    found = np.zeros(frame_time.shape[:2], dtype=bool)
    for row, (times, spans) in enumerate(zip(frame_time, gold, strict=True)):
        inside = np.zeros(times.shape, dtype=bool)
        for start, end in spans:
            inside |= (start <= times) & (times < end)
        found[row] = 2 * inside.sum(axis=1) >= times.shape[1]
    return found


def overlap(selected: NDArray[np.bool_], gold: NDArray[np.bool_]) -> Overlap:
    """Of selections and gold clips, (Q, K) each. An empty selection has 0 of all; every question has a gold clip."""
    both = (selected & gold).sum(axis=1)
    size = selected.sum(axis=1)
    return Overlap(both / np.maximum(size, 1), both / gold.sum(axis=1), both / (selected | gold).sum(axis=1))


def expected_of_random(size: NDArray[np.integer], gold: NDArray[np.bool_]) -> Overlap:
    """What a selection of `size` (Q,) clips that are drawn at random has on average against `gold` (Q, K), exactly.

    The number of gold clips in it is hypergeometric.
    """
    clips = gold.shape[1]
    wanted = gold.sum(axis=1)
    pairs, of_pair = np.unique(np.stack([size, wanted], axis=1), axis=0, return_inverse=True)
    iou = np.array([_expected_iou(int(n), int(g), clips) for n, g in pairs])[of_pair.reshape(-1)]
    return Overlap(np.where(size > 0, wanted / clips, 0.0), size / clips, iou)


def _expected_iou(size: int, gold: int, clips: int) -> float:
    """Of a random selection of `size` of `clips` clips and a fixed one of `gold`; 1 where both are empty."""
    if not size + gold:
        return 1.0
    hits = range(max(0, size + gold - clips), min(size, gold) + 1)
    ways = [comb(gold, hit) * comb(clips - gold, size - hit) for hit in hits]
    return sum(way * hit / (size + gold - hit) for way, hit in zip(ways, hits, strict=True)) / comb(clips, size)


def auc(scores: NDArray[np.floating], gold: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(Q,) the chance that a gold clip has a higher score than another clip of its video, ties counting half.

    That is the area under the ROC curve of `scores` (Q, K); NaN where all clips are gold, or none.
    """
    higher = scores[:, :, None] > scores[:, None]  # (Q, K, K)
    equal = scores[:, :, None] == scores[:, None]
    pairs = gold[:, :, None] & ~gold[:, None]
    won = ((higher + 0.5 * equal) * pairs).sum(axis=(1, 2))
    count = pairs.sum(axis=(1, 2))
    return np.where(count > 0, won / np.maximum(count, 1), np.nan)


def of_same_size(selected: NDArray[np.bool_], random: np.random.Generator) -> NDArray[np.bool_]:
    """For each selection (Q, K) one of as many clips, drawn at random."""
    return first(random.random(selected.shape), selected.sum(axis=1))


def first(scores: NDArray[np.floating], count: NDArray[np.integer] | int) -> NDArray[np.bool_]:
    """The `count` (Q,) clips of each question with the highest `scores` (Q, K), of equal ones the earlier."""
    rank = np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1, kind="stable")
    return rank < np.reshape(count, (-1, 1))
