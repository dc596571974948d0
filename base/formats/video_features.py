"""`video.h5`, the features of a collection of videos: the one writer, whoever made them, and the reader.

Sizes: N videos, K clips, T frames a clip, F frames a clip that the appearance network saw (1 or T), D width.
"""

import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from base.errors import UserError
from base.formats.statuses import FAILED, ZEROS
from base.formats.store import attributes, create, open_store, read_strings, write_strings
from base.provenance import commit, versions

log = logging.getLogger(__name__)

KIND = "video features"
KINDS = ("appearance", "motion")
"""The kinds of features, each a dataset of the file."""
FRAMES = "frames"
"""The appearance of single frames: a dataset (N, K, F, D) of files that keep it."""
NO_FRAMES = (
    "holds no vectors of single frames, which the stream `frames` is: make the features again with "
    "`features.appearance.frames: every`, import files that have them (layout hcrn), or set `frames: 4` beside the "
    "layout of others, which lets the one vector of a clip stand for that many"
)
"""What is said of a file without them."""
NO_TIMES = "does not say when its frames are shown: frame number / fps is taken, as for a constant rate"
"""What is said of a file from before there were times."""
NOT_KNOWN = -1
"""A frame number that is not known."""
TEXTS = ("status", "decoder", "fingerprint")
TIMES = ("fps", "duration")
BLOCK = 64
"""Videos that are read at once: a few megabytes."""


@dataclass(frozen=True)
class Origin:
    """Where features come from: the attributes of the file, beside the commit and the versions that wrote it."""

    appearance_network: dict[str, Any]
    motion_network: dict[str, Any]
    preset: str
    sampling: dict[str, Any] | str
    resize: dict[str, Any] | str
    config: dict[str, Any]
    """What the configuration said."""
    imported: dict[str, Any] | None = None
    """Of features that someone else extracted: as which they were read."""
    imported_files: dict[str, str] | None = None
    """Their files and the SHA-256 of each."""

    def attributes(self) -> dict[str, Any]:
        """By name; without what only imported features have where they are not."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in said.items() if value is not None} | {
            "commit": commit(),
            "versions": versions(),
        }


@dataclass(frozen=True)
class Sizes:
    """What the features of every video of a file have in common."""

    clips: int
    """K"""
    frames: int
    """T"""
    seen: int
    """F"""
    widths: tuple[int, int]
    """D of `appearance` and of `motion`; 0 of one that is not there."""
    kept: int = 0
    """Frames a clip whose own vectors, as wide as `appearance`, the file keeps too; 0: none."""

    def __str__(self) -> str:
        widths = " and ".join(f"{kind} {width}" for kind, width in zip(KINDS, self.widths, strict=True))
        return f"{self.clips} clips of {self.frames} frames ({self.seen} of them for appearance), {widths} wide"


@contextmanager
def write_video_features(
    path: Path, videos: pd.DataFrame, sizes: Sizes, storage: str, origin: Origin
) -> Iterator["Writer"]:
    """Writes a `video.h5`: yields what takes the features of one video after the other, in any order.

    `videos` has a row a video, with `video_id`, `status`, `decoder`, `fingerprint`, `fps` and `duration` (NaN where
    they are not known); `storage` is the number type of the features. Frames that are not given are `NOT_KNOWN`,
    their times NaN.
    """
    count = len(videos)
    with create(path, KIND, origin.attributes()) as file:
        write_strings(file, "ids", videos["video_id"].tolist())
        for name in TEXTS:
            write_strings(file, name, videos[name].tolist())
        for name in TIMES:
            file[name] = videos[name].to_numpy(np.float64)
        rows = {"appearance_index": (sizes.clips, sizes.seen), "frame_index": (sizes.clips, sizes.frames)}
        for name, shape in rows.items():
            _create_by_video(file, name, count, shape, np.int32, NOT_KNOWN)
        _create_by_video(file, "frame_time", count, (sizes.clips, sizes.frames), np.float64, np.nan)
        _create_by_video(file, "clip_end", count, (sizes.clips,), np.float64, np.nan)
        for kind, width in zip(KINDS, sizes.widths, strict=True):
            _create_by_video(file, kind, count, (sizes.clips, width), storage, 0)
        if sizes.kept:
            _create_by_video(file, FRAMES, count, (sizes.clips, sizes.kept, sizes.widths[0]), storage, 0)
        yield Writer(file, videos["video_id"].tolist(), videos["status"].tolist())


def _create_by_video(file: h5py.File, name: str, count: int, shape: tuple[int, ...], dtype: Any, fill: float) -> None:
    """A dataset whose chunks are one video each, so that a video is read and written by itself."""
    chunks = (1, *shape) if count and 0 not in shape else None
    file.create_dataset(name, (count, *shape), dtype, fillvalue=fill, chunks=chunks)


@dataclass(frozen=True)
class Writer:
    """A file of video features that is being filled."""

    _file: h5py.File
    _ids: list[str]
    _status: list[str]

    def frames(self, row: int, frame_index: NDArray[np.int32], appearance_index: NDArray[np.int32]) -> None:
        """The frames (K, T) of the clips of a video, and those (K, F) that the appearance network saw."""
        self._file["frame_index"][row] = frame_index
        self._file["appearance_index"][row] = appearance_index

    def times(self, row: int, frame_time: NDArray[np.float64], clip_end: NDArray[np.float64]) -> None:
        """The seconds at which the frames (K, T) of a video's clips are shown, and at which each clip (K,) ends."""
        self._file["frame_time"][row] = frame_time
        self._file["clip_end"][row] = clip_end

    def features(self, kind: str, row: int, values: NDArray[np.floating[Any]], source: Path) -> None:
        """The features of a video as `source` has them, (K, D), or of its frames (K, F, D); zeros where so its status.

        `UserError` where they are no numbers or have another shape than those of the other videos, or where those of a
        usable video are not finite or do not fit into the type that they are stored in.
        """
        stored, video_id, status = self._file[kind], self._ids[row], self._status[row]
        if values.dtype.kind not in "fiub":
            raise UserError(f"{source}: the {kind} feature of {video_id} holds {values.dtype}, expected numbers")
        if values.shape != stored.shape[1:]:
            raise UserError(
                f"{source}: the {kind} feature of {video_id} has shape {values.shape}, that of the others "
                f"{stored.shape[1:]} ({'clips, frames, width' if kind == FRAMES else 'clips, width'})"
            )
        if status == ZEROS:
            values = np.zeros_like(values)
        elif status != FAILED:
            if not np.isfinite(values).all():
                raise UserError(
                    f"{source}: the {kind} feature of {video_id} is not finite; look at the video and the weights"
                )
            if np.abs(values).max() > np.finfo(stored.dtype).max:
                raise UserError(f"{kind} features do not fit {stored.dtype}; set `features.storage: float32`")
        stored[row] = values


def open_video_features(path: Path) -> AbstractContextManager[h5py.File]:
    """Opens a `video.h5`, to read one video at a time; `UserError` for anything else."""
    return open_store(path, KIND)


@dataclass(frozen=True)
class VideoFeatures:
    """The features of one collection of videos, in memory."""

    path: Path
    ids: list[str]
    features: dict[str, NDArray[np.floating]]
    """Of each kind that was read, (N, K, D) in the type that the file has, `frames` (N, K, F, D): views of `joined`."""
    joined: NDArray[np.floating]
    """(N, K, numbers of a clip of all kinds that were read), side by side."""
    frame_index: NDArray[np.int32]
    """(N, K, T) the frames that were looked at."""
    frame_time: NDArray[np.float64]
    """(N, K, T) when each of them is shown, in seconds from the first frame of the video; NaN where it is not known."""
    clip_end: NDArray[np.float64]
    """(N, K) when the last frame of each clip ends."""
    fps: NDArray[np.float64]
    duration: NDArray[np.float64]
    """(N,) seconds."""
    status: list[str]
    attributes: dict[str, Any]

    @classmethod
    def read(cls, path: Path, kinds: Sequence[str] = KINDS) -> "VideoFeatures":
        """Reads a `video.h5`, of the features those of `kinds`, and checks that its parts fit together.

        `kinds` may name `frames`, too. No features are in memory twice, also not while they are read. `UserError` where
        ids repeat, lengths differ, a value of a usable video is not finite, or `frames` are wanted and not there.
        """
        with open_video_features(path) as file:
            ids, status = read_strings(file, "ids"), read_strings(file, "status")
            _check_rows(path, file, ids, kinds)
            features, joined = _features(file, kinds)
            store = cls(
                path=Path(path),
                ids=ids,
                features=features,
                joined=joined,
                frame_index=file["frame_index"][:],
                **_times(file, path),
                fps=file["fps"][:],
                duration=file["duration"][:],
                status=status,
                attributes=attributes(file),
            )
        store._check_finite()
        return store

    def _check_finite(self) -> None:
        usable = np.array([status != FAILED for status in self.status], dtype=bool)
        for name, values in self.features.items():
            within = tuple(range(1, values.ndim))
            finite = [np.isfinite(values[part]).all(axis=within) for part in _blocks(len(values))]
            bad = usable & ~np.concatenate([np.ones(0, bool), *finite])
            if bad.any():
                names = [self.ids[row] for row in np.flatnonzero(bad)[:5]]
                raise UserError(f"{self.path}: `{name}` is not finite for {', '.join(names)}")


def _check_rows(path: Path, file: h5py.File, ids: list[str], kinds: Sequence[str]) -> None:
    """Raises `UserError` where ids repeat, or a part of the file has not a row a video."""
    if len(set(ids)) != len(ids):
        twice = sorted({i for i in ids if ids.count(i) > 1})[:5]
        raise UserError(f"{path}: these ids stand in it more than once: {', '.join(twice)}")
    if FRAMES in kinds and FRAMES not in file:
        raise UserError(f"{path} {NO_FRAMES}")
    by_video = [*kinds, "frame_index", "fps", "status", *(name for name in ("frame_time", "clip_end") if name in file)]
    for name in by_video:
        if name not in file:
            raise UserError(
                f"{path} has no dataset `{name}`; import the file (`layout: eigv`), which says what it needs"
            )
        if len(file[name]) != len(ids):
            raise UserError(f"{path}: `{name}` has {len(file[name])} rows for {len(ids)} ids")
    for kind in kinds:
        expected = ("videos", "clips", *(("frames",) if kind == FRAMES else ()), "width")
        if file[kind].ndim != len(expected):
            raise UserError(f"{path}: `{kind}` has shape {file[kind].shape}, expected ({', '.join(expected)})")
    if len({file[kind].shape[1] for kind in kinds}) > 1:
        counts = " and ".join(f"{file[kind].shape[1]} of {kind}" for kind in kinds)
        raise UserError(f"{path}: a video has {counts} clips: features to be read together are of the same clips")


def _features(file: h5py.File, kinds: Sequence[str]) -> tuple[dict[str, NDArray[np.floating]], NDArray[np.floating]]:
    """The features of each kind, and the one array that holds them all, which they are read into block by block."""
    stored = [file[kind] for kind in kinds]
    if not stored:
        return {}, np.empty((len(file["ids"]), 0, 0), np.float32)
    ends = np.cumsum([math.prod(dataset.shape[2:]) for dataset in stored])
    joined = np.empty((*stored[0].shape[:2], ends[-1]), np.result_type(*(dataset.dtype for dataset in stored)))
    # frames are the last dimension taken apart, which is a view like the others
    parts = zip(np.split(joined, ends[:-1], axis=2), stored, strict=True)
    views = dict(zip(kinds, (part.reshape(dataset.shape) for part, dataset in parts), strict=True))
    for dataset, view in zip(stored, views.values(), strict=True):
        for part in _blocks(len(dataset)):
            view[part] = dataset[part]
    return views, joined


def _blocks(videos: int) -> Iterator[slice]:
    """The rows of all videos, a few at a time."""
    return (slice(start, start + BLOCK) for start in range(0, videos, BLOCK))


def _times(file: h5py.File, path: Path) -> dict[str, NDArray[np.float64]]:
    """`frame_time` and `clip_end` of a file; from the number of the frame and the rate where it has none."""
    if "frame_time" in file:
        return {name: file[name][:] for name in ("frame_time", "clip_end")}
    log.warning("%s %s", path, NO_TIMES)
    return assumed_times(file["frame_index"][:], file["fps"][:][:, None])


def assumed_times(frame_index: NDArray[np.int32], fps: NDArray[np.float64] | float) -> dict[str, NDArray[np.float64]]:
    """`frame_time` (..., K, T) and `clip_end` (..., K) of clips with these frames (..., K, T) at a constant rate."""
    frames = np.where(frame_index == NOT_KNOWN, np.nan, frame_index)
    return {"frame_time": frames / np.asarray(fps)[..., None], "clip_end": (frames[..., -1] + 1) / fps}
