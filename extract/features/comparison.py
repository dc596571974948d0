"""Whether two files hold the same features, in words.

Videos are matched by id. What the numbers show decides; what the files say about themselves is only listed.
Sizes: N videos, K clips, D width of a feature.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from base.errors import UserError
from base.formats.video_features import KINDS
from base.jobs.progress import progress
from extract.layouts import FeatureSource

SAME = "the same"
ROUNDING = "the same up to rounding"
ORDER = "the same up to order"
SAMPLING = "the same network, different sampling"
OTHER_IDS = "the same numbers under other ids"
DIFFERENT = "different"
VERDICTS = (SAME, ROUNDING, ORDER, SAMPLING, OTHER_IDS, DIFFERENT)
"""From the best to the worst; that of two files is the worst of its kinds of features."""

CLOSE = 4e-3
"""Relative difference of a video's features that rounding can make: a few times float16's 1e-3."""

ALIKE = 0.5
"""Cosine, after taking the mean over videos away, from which two features of a video come from one network. Measured:
about 0 for different networks, above 0.8 for other frames of the same video."""

SAMPLE = 256
"""Videos on which the tests for order and network are made."""

Vectors = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """The result: a verdict, its explanation, and the figures of each video."""

    verdict: str
    text: str
    videos: pd.DataFrame
    """`video_id`, `kind`, `cosine` (mean over clips), `cosine_min`, `max_difference`, `relative`."""


def compare(a: FeatureSource, b: FeatureSource) -> Comparison:
    """Compares two sources of features video by video; `UserError` where nothing can be compared."""
    kinds = [kind for kind in KINDS if kind in a.read and kind in b.read]
    if not kinds:
        raise UserError(f"{a.path} and {b.path} have no kind of features in common")
    there = set(b.ids)
    shared = [name for name in a.ids if name in there]
    lines = [f"{len(shared)} videos are in both files; {_only(a, shared)}; {_only(b, shared)}"]
    verdicts, tables = [], []
    for kind in kinds:
        verdict, words, table = _compare_kind(kind, a, b, shared)
        verdicts.append(verdict)
        tables.append(table)
        lines.append(f"{kind}: {verdict}. {words}")
    lines += _said(a, b)
    verdict = max(verdicts, key=VERDICTS.index)
    return Comparison(verdict, "\n".join([f"{verdict}".upper(), *lines]), pd.concat(tables, ignore_index=True))


def _compare_kind(kind: str, a: FeatureSource, b: FeatureSource, shared: list[str]) -> tuple[str, str, pd.DataFrame]:
    read = {"a": a.read[kind], "b": b.read[kind]}
    empty = pd.DataFrame(columns=["video_id", "kind", "cosine", "cosine_min", "max_difference", "relative"])
    if not shared:
        if _under_other_ids(read, a.ids, b.ids):
            return OTHER_IDS, "No id is in both, but row by row the numbers are the same.", empty
        return DIFFERENT, "No id is in both files: nothing can be matched.", empty
    shapes = [read[side](shared[0]).shape for side in ("a", "b")]
    if shapes[0][1] != shapes[1][1]:
        return DIFFERENT, f"The features are {shapes[0][1]} and {shapes[1][1]} wide.", empty
    if shapes[0] != shapes[1]:
        words = f"There are {shapes[0][0]} and {shapes[1][0]} clips a video. "
        return *_same_network(read, shared, words), empty
    table = _figures(kind, read, shared)
    cosine, difference = table["cosine"].mean(), table["max_difference"].max()
    figures = (
        f"Cosine {cosine:.6f} on average, {table['cosine_min'].min():.6f} at least; largest difference {difference:.3g}"
    )
    worst = table.iloc[int(table["relative"].to_numpy().argmax())]
    figures += f" ({worst['video_id']} differs most, by {worst['relative']:.2g} of its length). "
    if (table["relative"] <= CLOSE).all():
        exact = difference == 0
        in_order = [name for name in b.ids if name in set(shared)] == shared
        if not in_order:
            return ORDER, figures + "Matched by id they are the same; the ids are in another order.", table
        return (SAME, figures + "Every number is equal.", table) if exact else (ROUNDING, figures, table)
    sample = _sample(shared)
    if all(_same_clips(read["a"](name), read["b"](name)) for name in sample):
        return ORDER, figures + "The clips of a video are in another order.", table
    if _under_other_ids(read, a.ids, b.ids):
        return OTHER_IDS, figures + "Row by row the numbers are the same: the ids of one file are wrong.", table
    differing = table.loc[table["relative"] > CLOSE, "video_id"].tolist()
    moved = _moved(read, differing, shared)
    if moved:
        figures += f"Under other ids lie {len(moved)} of the {len(differing)} videos that differ: {_pairs(moved)}. "
    if len(moved) == len(differing):
        return OTHER_IDS, figures + "All else is the same.", table
    return *_same_network(read, sample, figures), table


def _figures(kind: str, read: dict[str, Callable[[str], Any]], names: list[str]) -> pd.DataFrame:
    rows = []
    for name in progress(names, total=len(names), label=f"compare {kind}", unit="video"):
        ours, theirs = _wide(read["a"](name)), _wide(read["b"](name))
        cosine = _cosine(ours, theirs)
        length = max(float(np.linalg.norm(ours)), float(np.linalg.norm(theirs)), 1e-12)
        rows.append(
            {
                "video_id": name,
                "kind": kind,
                "cosine": float(cosine.mean()),
                "cosine_min": float(cosine.min()),
                "max_difference": float(np.abs(ours - theirs).max()),
                "relative": float(np.linalg.norm(ours - theirs)) / length,
            }
        )
    return pd.DataFrame(rows)


def _same_network(read: dict[str, Callable[[str], Any]], names: list[str], figures: str) -> tuple[str, str]:
    """Whether the features of a video in the two files are alike once what all videos share is taken away.

    Two networks number their features differently, so that nothing remains alike; one network that saw other frames,
    or the same frames prepared differently, still tells videos apart in the same way.
    """
    sample = _sample(names)
    ours, theirs = (np.stack([_wide(read[side](name)).mean(axis=0) for name in sample]) for side in ("a", "b"))
    if len(sample) < 3:
        alike = float(_cosine(ours, theirs).mean())
        return (
            DIFFERENT,
            f"{figures}{len(sample)} videos are too few to tell whether the network is the same ({alike:.2f}).",
        )
    alike = float(_cosine(ours - ours.mean(axis=0), theirs - theirs.mean(axis=0)).mean())
    words = f"{figures}Apart from what all videos share, the features of a video have cosine {alike:.2f}: "
    if alike >= ALIKE:
        return SAMPLING, words + "one network, which saw other frames, or the same frames prepared differently."
    return DIFFERENT, words + "not one network with one set of weights."


def _same_clips(ours: Any, theirs: Any) -> bool:
    """Whether each clip (D) of one is one of the other's, each once."""
    ours, theirs = _wide(ours), _wide(theirs)
    squares = np.square(ours).sum(axis=1)[:, None] + np.square(theirs).sum(axis=1) - 2 * ours @ theirs.T
    nearest = squares.argmin(axis=1)
    length = max(float(np.linalg.norm(ours)), 1e-12)
    close = float(np.linalg.norm(ours - theirs[nearest])) <= CLOSE * length
    # Clips that are alike (a video of a few frames) may share a nearest one.
    return close and float(np.linalg.norm(theirs - ours[squares.argmin(axis=0)])) <= CLOSE * length


def _under_other_ids(read: dict[str, Callable[[str], Any]], a: list[str], b: list[str]) -> bool:
    if len(a) != len(b):
        return False
    rows = _sample(list(range(len(a))))
    for row in rows:
        ours, theirs = _wide(read["a"](a[row])), _wide(read["b"](b[row]))
        if ours.shape != theirs.shape or np.linalg.norm(ours - theirs) > CLOSE * max(
            float(np.linalg.norm(ours)), 1e-12
        ):
            return False
    return any(a[row] != b[row] for row in rows)


def _moved(read: dict[str, Callable[[str], Any]], differing: list[str], shared: list[str]) -> dict[str, str]:
    """Those of the videos that differ whose features the second file has under another id, and that id."""
    means = np.stack([_wide(read["b"](name)).mean(axis=0) for name in shared])
    moved = {}
    for name in differing:
        ours = _wide(read["a"](name))
        nearest = shared[int(np.square(means - ours.mean(axis=0)).sum(axis=1).argmin())]
        length = max(float(np.linalg.norm(ours)), 1e-12)
        if nearest != name and np.linalg.norm(ours - _wide(read["b"](nearest))) <= CLOSE * length:
            moved[name] = nearest
    return moved


def _pairs(moved: dict[str, str]) -> str:
    """The first few of them, in words."""
    return ", ".join(f"{ours} is there as {theirs}" for ours, theirs in list(moved.items())[:3])


def _sample(names: list[Any]) -> list[Any]:
    """At most 256 of them, spread evenly."""
    return [names[i] for i in np.unique(np.linspace(0, len(names) - 1, min(len(names), SAMPLE)).astype(int))]


def _cosine(ours: Vectors, theirs: Vectors) -> Vectors:
    """Of each row; 1 for two rows of zeros."""
    lengths = np.linalg.norm(ours, axis=-1) * np.linalg.norm(theirs, axis=-1)
    product = (ours * theirs).sum(axis=-1)
    both_zero = (np.abs(ours).max(axis=-1) == 0) & (np.abs(theirs).max(axis=-1) == 0)
    return np.where(both_zero, 1.0, product / np.maximum(lengths, 1e-300))


def _wide(values: Any) -> Vectors:
    return np.asarray(values, np.float64)


def _only(source: FeatureSource, shared: list[str]) -> str:
    rest = sorted(set(source.ids) - set(shared))
    return f"{len(rest)} only in {source.path}" + (f" ({', '.join(rest[:3])})" if rest else "")


def _said(a: FeatureSource, b: FeatureSource) -> list[str]:
    """Where the files say different things about themselves."""
    ours, theirs = _flat(a.about), _flat(b.about)
    differing = [key for key in ours if key in theirs and ours[key] != theirs[key]]
    lines = [f"  {key}: {ours[key]} | {theirs[key]}" for key in differing if not key.startswith(("config", "versions"))]
    return ["What the files say differs in:", *lines] if lines else []


def _flat(about: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in about.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat
