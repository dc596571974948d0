"""Texts about moments of videos, as caption-based pipelines write them, which a sentence encoder makes features of.

A JSON file has for each video its texts, either a list at a known rate or with their times:

    {"video1": ["a dog runs", "it jumps", ...], ...}
    {"video1": [{"start": 0, "end": 2.5, "text": "a dog runs"}, ...], ...}

A video is cut into K equal parts, its clips. Frames are counted in texts, or at `rate` where texts have times, and of
each clip the first, the middle and the last are noted.

Sizes: n texts of a video, K clips, D width of a feature.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from base.answers import visible
from base.errors import UserError
from base.formats.video_features import KINDS, assumed_times
from base.reading import as_text, read_object
from extract.config import CaptionSettings, ImportedFeatures
from extract.layouts.contract import Array, FeatureSource, Layout, Timing, refuse_repeated, translation
from extract.text.encoder import is_folder

FORM = '{"video id": ["text", ...]} or {"video id": [{"start": 0, "end": 2.5, "text": "..."}, ...]}'
KEYS = {"start", "end", "text"}
LONGEST = 1e6
"""Seconds, eleven days: no video is longer, and times in other units are."""
OVERLAP = 1e-6
"""Seconds that a text may begin before the one before it ends: rounding."""


@dataclass(frozen=True)
class Texts:
    """The texts of a video, in order."""

    texts: list[str]
    spans: NDArray[np.float64] | None = None
    """(n, 2) when each begins and ends, in seconds; nothing of a list at a rate."""


@dataclass(frozen=True)
class Clips:
    """Which texts tell of each clip: the first, the one in the middle and the last of them, (K, 3)."""

    index: NDArray[np.int64]

    def vectors(self, encode: Callable[[list[str]], Array], texts: list[str], rule: str) -> Array:
        """The features (K, D), by the rule that makes one vector of those of several texts."""
        several = rule in ("mean", "max")
        rows = [range(a, b + 1) if several else [a if rule == "first" else m] for a, m, b in self.index.tolist()]
        wanted = list(dict.fromkeys(texts[i] for row in rows for i in row))
        places = {text: place for place, text in enumerate(wanted)}
        vectors = encode(wanted)  # each text once: many are said again
        chosen = (vectors[[places[texts[i]] for i in row]] for row in rows)
        return np.stack([part.max(axis=0) if rule == "max" else part.mean(axis=0) for part in chosen])


def files(settings: ImportedFeatures) -> list[Path]:
    """The files of both kinds, or the one that `path` is; and the encoder's folder, if it is one."""
    said = settings.captions
    encoder = [Path(said.encoder)] if is_folder(said.encoder) else []
    return [*dict.fromkeys(path for paths in _by_kind(settings).values() for path in paths), *encoder]


@contextmanager
def open_captions(settings: ImportedFeatures) -> Iterator[FeatureSource]:
    """Reads the texts and loads the encoder; a video's texts are encoded when it is read."""
    from extract.text.sentences import SentenceEncoder  # what plans imports this module, and no torch

    said, paths = settings.captions, _by_kind(settings)
    told = {path: read_captions(path, settings) for kind in KINDS for path in paths[kind]}
    (first, whole), *others = told.items()
    for path, texts in others:
        if alone := sorted(set(whole) ^ set(texts)):
            raise UserError(
                f"{len(alone)} videos have texts in only one of {first} and {path}: {', '.join(alone[:5])}; write "
                "texts of every video in both"
            )
    encoder = SentenceEncoder(said.encoder, said.pooling, said.unit)

    def timed(name: str) -> Texts:
        """The texts that say how long a video lasts: of the first file, or with times that reach further."""
        others = [texts[name] for texts in told.values() if texts[name].spans is not None]
        return max([whole[name], *others], key=lambda texts: _duration(texts, said))

    def read(kind: str, name: str) -> Array:
        last = _duration(timed(name), said)
        parts = [told[path][name] for path in paths[kind]]
        clips = [clips_of(part, said.clips, last) for part in parts]
        return np.concatenate(
            [
                clip.vectors(encoder.encode, part.texts, settings.reduce)
                for clip, part in zip(clips, parts, strict=True)
            ],
            axis=1,
        )

    readers: dict[str, Callable[[str], Array]] = {kind: partial(read, kind) for kind in KINDS if paths[kind]}
    about = {
        f"{kind}_network": {"network": f"{said.encoder} of {', '.join(path.name for path in paths[kind])}"}
        | encoder.described()
        for kind in KINDS
        if paths[kind]
    } | {"sampling": f"{said.clips} equal parts, of several texts: {settings.reduce}"}
    yield FeatureSource(
        settings.path, list(whole), readers, about, lambda name: timing_of(timed(name), said, settings.reduce)
    )


def read_captions(path: Path, settings: ImportedFeatures) -> dict[str, Texts]:
    """The texts of each video; `UserError` that names the first video and text that cannot be."""
    found = read_object(path, "captions", FORM)
    if not found:
        raise UserError(f"{path} has no videos; expected {FORM}")
    video_id = translation(settings)
    names = [video_id(name) for name in found]
    refuse_repeated(names, path)
    rate = settings.captions.rate
    return {name: _texts(said, f"{path}: {key}", rate) for name, (key, said) in zip(names, found.items(), strict=True)}


def clips_of(texts: Texts, clips: int, duration: float) -> Clips:
    """The texts of each clip of a video that lasts so many seconds; a list at a rate is of all of it.

    Of texts with times those that a clip overlaps, and in its middle the one that is nearest, also over a gap.
    """
    k = np.arange(clips)
    if texts.spans is None:
        n = len(texts.texts)
        return Clips(np.stack([k * n // clips, (2 * k + 1) * n // (2 * clips), -(-(k + 1) * n // clips) - 1], axis=1))
    begin, end = texts.spans.T
    edges = duration * np.arange(clips + 1) / clips
    middles = (edges[:-1] + edges[1:])[:, None] / 2
    away = np.maximum(np.maximum(begin - middles, middles - end), 0) + (middles == end) * OVERLAP
    nearest = away.argmin(axis=1)
    inside = (begin < edges[1:, None] - OVERLAP) & (end > edges[:-1, None] + OVERLAP)  # (K, n)
    first = np.where(inside.any(axis=1), inside.argmax(axis=1), nearest)
    last = np.where(inside.any(axis=1), inside.shape[1] - 1 - inside[:, ::-1].argmax(axis=1), nearest)
    return Clips(np.stack([np.minimum(first, nearest), nearest, np.maximum(last, nearest)], axis=1))


def timing_of(texts: Texts, said: CaptionSettings, rule: str) -> Timing:
    """The frames and times of a video's clips; the feature is of the frame that `rule` takes, or of all."""
    duration, rate = _duration(texts, said), said.rate or 1.0
    if texts.spans is None:
        index = clips_of(texts, said.clips, duration).index.astype(np.int32)
        times = assumed_times(index, rate)
    else:
        edges = duration * np.arange(said.clips + 1) / said.clips
        # where it begins, its middle, and half-way from there to its end
        seconds = edges[:-1, None] + np.diff(edges)[:, None] * np.array([0, 0.5, 0.75])
        index = np.floor(seconds * rate + OVERLAP).astype(np.int32)
        times = {"frame_time": seconds, "clip_end": edges[1:]}
    seen = {"first": index[:, :1], "middle": index[:, 1:2]}.get(rule, index)
    return Timing(rate, duration, index, seen, **times)


def _by_kind(settings: ImportedFeatures) -> dict[str, list[Path]]:
    if settings.path.suffix == ".json" or settings.path.is_file():
        return {"appearance": [settings.path], "motion": []}
    return {kind: [settings.path / name for name in getattr(settings.captions, kind)] for kind in KINDS}


def _duration(texts: Texts, said: CaptionSettings) -> float:
    """Seconds; of texts with times until the last of them ends."""
    return float(texts.spans[-1, 1]) if texts.spans is not None else len(texts.texts) / (said.rate or 1.0)


def _texts(said: Any, where: str, rate: float | None) -> Texts:
    if not isinstance(said, list) or not said:
        raise UserError(f"{where} has {said!r:.60}, expected a list of its texts: {FORM}")
    timed = isinstance(said[0], dict)
    texts = []
    for number, item in enumerate(said, start=1):
        if isinstance(item, dict) != timed:
            raise UserError(f"{where}: text {number} is written in another form than those before it; expected {FORM}")
        if timed and set(item) != KEYS:
            raise UserError(
                f"{where}: text {number} has the keys {', '.join(item) or 'none'}, expected start, end, text"
            )
        text = item["text"] if timed else item
        if not isinstance(text, str) or not visible(text):
            raise UserError(
                f"{where}: text {number} is {text!r:.60}, expected words; say what is seen, or leave it out"
            )
        try:
            texts.append(as_text(text.strip(), f"text {number}"))
        except ValueError as error:
            raise UserError(f"{where}: {error}") from None
    if not timed:
        if rate is None:
            raise UserError(f"{where} has texts without times: set `captions.rate`, how many there are a second")
        return Texts(texts)
    spans: list[tuple[float, float]] = []
    for number, item in enumerate(said, start=1):
        start, end = (_second(item[key], f"{where}: `{key}` of text {number}") for key in ("start", "end"))
        before = spans[-1][1] if spans else 0.0
        if end <= start or start < before - OVERLAP:
            raise UserError(
                f"{where}: text {number} is from {start} to {end} s, after one that ends at {before} s; texts must "
                "follow one another in order of time, without overlaps, each for more than no time"
            )
        spans.append((start, end))
    return Texts(texts, np.array(spans))


def _second(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < LONGEST:
        raise UserError(
            f"{what} is {value!r:.60}, expected seconds from the beginning of the video, 0 to {LONGEST:,.0f}"
        )
    return float(value)


LAYOUT = Layout(open_captions, files)
