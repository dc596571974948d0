"""The section `gold` of a run's metrics: its rationales against gold spans, beside what bounds them.

Sizes: Q questions, K clips, T frames a clip, G gold spans of a question at most, M cells of a timeline.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from eigv.config.names import RULES, Rule
from eigv.rationales.clips import Overlap, auc, expected_of_random, first, gold_clips, of_same_size, overlap
from eigv.rationales.nextgqa import GROUNDED, seven
from eigv.rationales.spans import Span, Timeline, joined, lengths, padded

DRAWS = 5
"""Random selections of the same size whose mean is given, where it is not exact."""
Row = dict[str, float]


@dataclass(frozen=True)
class Explained:
    """What a run says of Q questions, and when its clips are shown."""

    selected: NDArray[np.bool_]
    """(Q, K) the causal clips."""
    probability: NDArray[np.float64]
    """(Q, K) of each clip, that it is causal."""
    correct: NDArray[np.bool_]
    """(Q,) whether the answer is right."""
    type: NDArray[np.object_]
    """(Q,) the type of the question."""
    frame_time: NDArray[np.float64]
    """(Q, K, T) seconds at which frames are shown; NaN where that is not known."""
    clip_end: NDArray[np.float64]
    """(Q, K) seconds at which clips end."""
    duration: NDArray[np.float64]
    """(Q,) seconds of the video."""

    def select(self, rows: NDArray[np.bool_]) -> Self:
        """Those of the questions that `rows` (Q,) names."""
        return type(self)(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def against_gold(run: Explained, gold: list[list[Span]]) -> dict[str, Any]:
    """All that is measured of rationales with `gold` spans, one list a question, empty where there are none.

    In percent. Beside what the run has selected stand a random selection of the same size, all clips, the gold clips,
    and in seconds the ceiling: per question the best that clips allow, taken in the order of how much of each is gold.
    """
    there = np.array([bool(spans) for spans in gold], dtype=bool)
    timed = np.isfinite(run.frame_time).all(axis=(1, 2)) & np.isfinite(run.clip_end).all(axis=1)
    timed = np.asarray(timed, dtype=bool)
    used = there & timed
    counts = {
        "questions": int(used.sum()),
        "without_gold": int((~there).sum()),
        "without_times": int((there & ~timed).sum()),
    }
    if not counts["questions"]:
        return counts
    spans = [spans for spans, is_used in zip(gold, used, strict=True) if is_used]
    run = run.select(used)
    golden = gold_clips(run.frame_time, spans)
    source = np.random.default_rng(0)
    random = [of_same_size(run.selected, source) for _ in range(DRAWS)]
    rows = _Rows(run, golden, random)
    counts["without_gold_clip"] = int((~golden.any(axis=1)).sum())
    counts["empty"] = int((~run.selected.any(axis=1)).sum())
    by_rule = {rule: _in_seconds(rows, rule, spans) for rule in RULES}
    return counts | {
        "accuracy": _mean(run.correct),
        "clips": _by_clips(run, golden, random),
        "seconds": {rule: seconds for rule, (seconds, _) in by_rule.items()},
        "nextgqa": {rule: benchmark for rule, (_, benchmark) in by_rule.items()},
    }


@dataclass(frozen=True)
class _Rows:
    """Selections (Q, K) by the name of the row that shows them; of several, their mean is shown."""

    run: Explained
    golden: NDArray[np.bool_]
    random: list[NDArray[np.bool_]]

    def __iter__(self) -> Iterator[tuple[str, list[NDArray[np.bool_]]]]:
        yield "selected", [self.run.selected]
        yield "random", self.random
        yield "all", [np.ones_like(self.golden)]
        yield "gold", [self.golden]


def _by_clips(run: Explained, golden: NDArray[np.bool_], random: list[NDArray[np.bool_]]) -> dict[str, Any]:
    used = np.asarray(golden.any(axis=1), dtype=bool)
    if not used.any():
        return {}
    golden, random = golden[used], [drawn[used] for drawn in random]
    run = run.select(used)
    found = overlap(run.selected, golden)
    area = auc(run.probability, golden)
    size = run.selected.sum(axis=1)
    every = np.ones_like(golden)
    by_chance = [run.correct & (overlap(drawn, golden).iop >= GROUNDED) for drawn in random]
    return {
        "selected": _row(found, run.selected, run.correct & (found.iop >= GROUNDED)) | {"auc": _known_mean(area)},
        "random": _row(expected_of_random(size, golden), run.selected, np.mean(by_chance, axis=0)),
        "all": _row(of := overlap(every, golden), every, run.correct & (of.iop >= GROUNDED)),
        "gold": _row(overlap(golden, golden), golden, run.correct),
        "likeliest": _likeliest(run.probability, golden),
        "by_type": {
            str(name): {"questions": int(rows.sum()), **_means(Overlap(*(values[rows] for values in found)))}
            | {"auc": _known_mean(area[rows])}
            for name in np.unique(run.type.astype(str))
            for rows in [run.type.astype(str) == name]
        },
    }


def _likeliest(probability: NDArray[np.float64], golden: NDArray[np.bool_]) -> dict[str, list[Any]]:
    """Of the 1, 2, ..., K likeliest clips instead of the selected ones: precision against recall."""
    counts = range(1, golden.shape[1] + 1)
    rows = [_means(overlap(first(probability, count), golden)) for count in counts]
    return {"clips": [*counts]} | {name: [row[name] for row in rows] for name in rows[0]}


def _row(found: Overlap, selected: NDArray[np.bool_], grounded: NDArray[Any]) -> Row:
    return _means(found) | {"share": _mean(selected), "acc_gqa": _mean(grounded)}


def _means(found: Overlap) -> Row:
    return {name: _mean(values) for name, values in found._asdict().items()}


def _mean(values: NDArray[Any]) -> float:
    """In percent."""
    return 100.0 * float(values.mean())


def _known_mean(values: NDArray[np.float64]) -> float | None:
    """Of those that are not NaN; None where all are."""
    known = values[~np.isnan(values)]
    return _mean(known) if known.size else None


def _in_seconds(rows: _Rows, rule: Rule, gold: list[list[Span]]) -> tuple[dict[str, Row], dict[str, Row]]:
    """By row the overlap with all gold seconds, and NExT-GQA's set."""
    run = rows.run
    scorer = _Scorer.of(run, gold)
    overlaps: dict[str, Row] = {}
    benchmark: dict[str, Row] = {}
    for name, selections in rows:
        scored = [scorer.score(selection, rule) for selection in selections]
        overlaps[name] = _averaged([_means(all_seconds) for all_seconds, _ in scored])
        benchmark[name] = _averaged([seven(iop, iou, run.correct) for _, (iop, iou) in scored])
    order = scorer.share_of_clips("parts" if rule == "parts" else "clips")
    tries = [scorer.score(first(order, count), rule) for count in range(1, order.shape[1] + 1)]
    ceiling = Overlap(*(np.max(values, axis=0) for values in zip(*(found for found, _ in tries), strict=True)))
    overlaps["ceiling"] = _means(ceiling)
    iop, iou = (np.max(values, axis=0) for values in zip(*(best for _, best in tries), strict=True))
    benchmark["ceiling"] = seven(iop, iou, run.correct)
    return overlaps, benchmark


def _averaged(rows: list[Row]) -> Row:
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


@dataclass(frozen=True)
class _Scorer:
    """Scores selections against the gold seconds of Q questions."""

    timeline: Timeline
    in_gold: NDArray[np.float64]
    """(Q, M) the share of each cell that is gold."""
    gold_seconds: NDArray[np.float64]
    """(Q,)"""
    in_segment: NDArray[np.float64]
    """(Q, G, M) the share of each cell that lies in each gold segment."""
    segment_seconds: NDArray[np.float64]
    """(Q, G), NaN where a question has fewer."""

    @classmethod
    def of(cls, run: Explained, gold: list[list[Span]]) -> Self:
        timeline = Timeline.of(run.frame_time[:, :, 0], run.clip_end, run.duration)
        together, segments = padded([joined(spans) for spans in gold]), padded(gold)
        seconds = segments[:, :, 1] - segments[:, :, 0]
        in_gold = timeline.shared(together).sum(axis=1)
        return cls(timeline, in_gold, lengths(together), timeline.shared(segments), seconds)

    def share_of_clips(self, rule: Rule) -> NDArray[np.float64]:
        """(Q, K) how much of each clip's seconds is gold."""
        cells = np.diff(self.timeline.edges, axis=1)[:, :, None] * (
            self.timeline.in_part if rule == "parts" else self.timeline.in_clip
        )
        return (cells * self.in_gold[:, :, None]).sum(axis=1) / np.maximum(cells.sum(axis=1), 1e-9)

    def score(
        self, selected: NDArray[np.bool_], rule: Rule
    ) -> tuple[Overlap, tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """The overlap with all gold seconds; and the greatest IoP and IoU (Q,) with any gold segment."""
        covered = self.timeline.covered(selected, rule)  # (Q, M)
        size = covered.sum(axis=1)
        both = (covered * self.in_gold).sum(axis=1)
        of_segments = np.einsum("qm,qgm->qg", covered, self.in_segment)
        either = size[:, None] + self.segment_seconds - of_segments
        all_seconds = Overlap(
            _ratio(both, size), _ratio(both, self.gold_seconds), _ratio(both, size + self.gold_seconds - both)
        )
        return all_seconds, (_ratio(of_segments, size[:, None]).max(axis=1), _ratio(of_segments, either).max(axis=1))


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """0 where there is nothing; rounded so that what is just 0.5 counts as that."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(whole > 0, part / whole, 0.0), np.float64).round(9)
