"""Our own `video.h5` (docs/formats.md).

Sizes: N videos, K clips, T frames a clip, F frames that the appearance feature is of, D width of a feature.
"""

import json
import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from base.errors import UserError
from base.formats.statuses import FAILED, ZEROS
from base.formats.store import attributes
from base.formats.video_features import FRAMES, KINDS, NO_TIMES, NOT_KNOWN, assumed_times, open_video_features
from base.writing import atomic_path
from extract.config import ImportedFeatures
from extract.layouts.contract import (
    Array,
    FeatureSource,
    Layout,
    Timing,
    dataset,
    datasets_of,
    read_ids,
)

log = logging.getLogger(__name__)

TIMES = {
    "fps": "(videos)",
    "duration": "(videos)",
    "frame_index": "(videos, clips, frames)",
    "appearance_index": "(videos, clips, frames)",
    "frame_time": "(videos, clips, frames)",
    "clip_end": "(videos, clips)",
}
"""What says when clips are, with its shape in words."""
NUMBERS = {"i": "whole numbers", "u": "whole numbers", "f": "numbers"}
"""The kinds of types that numbers have."""


def files(settings: ImportedFeatures) -> list[Path]:
    """The file itself."""
    return [settings.path]


@contextmanager
def open_file(settings: ImportedFeatures) -> Iterator[FeatureSource]:
    """Opens a feature file; videos without features (status failed, or zeros in their place) are left out."""
    with open_video_features(settings.path) as file:
        status = _texts(dataset(file, "status", "(videos)", (1,)))
        ids = read_ids(file, settings, len(status))
        rows = {name: row for row, name in enumerate(ids) if status[row] not in (FAILED, ZEROS)}
        stored = {kind: dataset(file, kind, "(videos, clips, width)", (3,)) for kind in KINDS}
        clips = stored[KINDS[0]].shape[1]
        there = {kind: values for kind, values in stored.items() if values.shape[2]}  # 0 wide: not there
        if not there:
            raise UserError(f"{settings.path}: {' and '.join(KINDS)} are 0 wide, which holds nothing")
        if FRAMES in file:
            there[FRAMES] = dataset(file, FRAMES, "(videos, clips, frames, width)", (4,))
        for kind, values in there.items():
            if len(values) != len(ids):
                raise UserError(f"{settings.path}: `{kind}` has {len(values)} rows for {len(ids)} ids")
        read = {kind: _reader(values, rows) for kind, values in there.items()}
        yield FeatureSource(settings.path, list(rows), read, _about(file), _timing(file, rows, status, clips))


def write(source: FeatureSource, folder: Path, splits: dict[str, list[str]]) -> None:
    """Copies the file: it is of this layout already."""
    with atomic_path(folder / "video.h5") as temporary:
        shutil.copy(source.path, temporary)


def recognise(path: Path) -> ImportedFeatures | None:
    """A feature file of ours."""
    return ImportedFeatures(layout="eigv", path=path) if {*KINDS, "ids", "status"} <= datasets_of(path) else None


def _reader(values: h5py.Dataset, rows: dict[str, int]) -> Callable[[str], Array]:
    return lambda name: values[rows[name]]


def _texts(stored: h5py.Dataset) -> list[str]:
    if h5py.check_string_dtype(stored.dtype) is None:
        raise UserError(f"{stored.file.filename}: `{stored.name[1:]}` holds {stored.dtype}, expected texts")
    return [str(value) for value in stored.asstr("utf-8", "replace")[:]]


def _about(file: h5py.File) -> dict[str, Any]:
    """The attributes of a file, those of numpy's types as Python has them; a network that somebody has described in
    words becomes an object with these words."""
    about = {name: _plain(value) for name, value in attributes(file).items()}
    for kind in KINDS:
        name = f"{kind}_network"
        said = about.get(name, {})
        if isinstance(said, str):
            about[name] = {"network": said}
        elif not isinstance(said, dict):
            raise UserError(
                f"{file.filename}: the attribute `{name}` is {said!r}, expected a JSON object "
                '({"network": "resnet152", ...}) or a text that says what made the features'
            )
    return about


def _plain(value: Any) -> Any:
    """Of bytes their text, of numbers and arrays of numpy what JSON can hold."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if not isinstance(value, np.ndarray | np.generic):
        return value
    return json.loads(json.dumps(value.tolist(), default=str))


def _timing(file: h5py.File, rows: dict[str, int], status: list[str], clips: int) -> Callable[[str], Timing] | None:
    """The frames and times that a file knows of videos of each `status` and of K `clips`; nothing where it knows none.

    `UserError` for what is no number, is of other videos or clips, or cannot be.
    """
    count = len(status)
    stored = {name: _numbers(file, name, shape, count, clips) for name, shape in TIMES.items() if name in file}
    timed = {"frame_time", "clip_end"} <= set(stored)
    unknown = np.full((count, clips, stored["frame_time"].shape[2] if timed else 1), NOT_KNOWN, np.int32)
    frames = stored["frame_index"][:] if "frame_index" in stored else unknown
    seen = stored.get("appearance_index", unknown[:, :, :1])
    fps, duration = (_seconds(file, name, stored, status) for name in ("fps", "duration"))
    seconds = [fps, duration, *([stored["frame_time"][:]] if timed else [])]
    for name, values in stored.items():
        if name not in ("fps", "duration"):
            _check_within(file, name, values[:])
    if (frames == NOT_KNOWN).all() and all(np.isnan(values).all() for values in seconds):
        return None
    if timed and stored["frame_time"].shape != frames.shape:
        raise UserError(
            f"{file.filename}: `frame_time` has shape {stored['frame_time'].shape} and `frame_index` {frames.shape}; "
            "both must be of the same frames"
        )
    if not timed and np.isfinite(fps).any():
        log.warning("%s %s", file.filename, NO_TIMES)

    def read(name: str) -> Timing:
        row = rows[name]
        times = {key: stored[key][row] for key in ("frame_time", "clip_end")} if timed else None
        times = times or assumed_times(frames[row], fps[row])
        return Timing(float(fps[row]), float(duration[row]), frames[row], seen[row], **times)

    return read


def _numbers(file: h5py.File, name: str, shape: str, count: int, clips: int) -> h5py.Dataset:
    """A dataset of numbers for `count` videos of K `clips`."""
    found = dataset(file, name, shape, (shape.count(",") + 1,))
    wanted = "whole numbers" if name.endswith("_index") else "numbers"
    if wanted not in NUMBERS.get(found.dtype.kind, ""):
        raise UserError(f"{file.filename}: `{name}` holds {found.dtype}, expected {wanted} (-1 or NaN: not known)")
    expected = (count, clips)[: found.ndim]
    if found.shape[:2] != expected or 0 in found.shape[1:]:
        raise UserError(f"{file.filename}: `{name}` has shape {found.shape}, for {count} videos of {clips} clips")
    return found


def _check_within(file: h5py.File, name: str, values: NDArray[Any]) -> None:
    """Raises `UserError` for a number of a frame below -1, and for seconds below 0 or without an end."""
    least, what = (
        (NOT_KNOWN, "-1 where it is not known") if name.endswith("_index") else (0, "NaN where it is not known")
    )
    bad = (values < least) | (np.isinf(values) if values.dtype.kind == "f" else values > np.iinfo(np.int32).max)
    if bad.any():
        row = int(bad.any(axis=tuple(range(1, values.ndim))).argmax())
        raise UserError(
            f"{file.filename}: `{name}` of row {row + 1} holds {values[row][bad[row]][0]}; 0 or more is needed, or "
            f"{what}"
        )


def _seconds(file: h5py.File, name: str, stored: dict[str, h5py.Dataset], status: list[str]) -> NDArray[np.float64]:
    """`fps` or `duration` (N,) of all videos, NaN where it is not known: of none that could not be read, too."""
    values = stored[name][:].astype(np.float64) if name in stored else np.full(len(status), np.nan)
    values[np.isin(status, (FAILED, ZEROS))] = np.nan
    if (bad := np.flatnonzero((values <= 0) | np.isinf(values))).size:
        raise UserError(
            f"{file.filename}: `{name}` of row {bad[0] + 1} is {values[bad[0]]}; a number above 0 is needed, or NaN "
            "where it is not known"
        )
    return values


LAYOUT = Layout(open_file, files, write, recognise)
