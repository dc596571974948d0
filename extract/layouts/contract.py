"""What a layout offers: the ids of its videos and, one video at a time, their features.

Sizes: N videos, K clips, T frames a clip, F frame vectors a clip, D width of a feature.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from base import plug
from base.errors import UserError
from base.formats.video_features import FRAMES, KINDS
from base.ids import composed
from base.reading import read_texts
from extract.annotations.msvd_qa import read_mapping
from extract.config import LAYOUTS, ImportedFeatures

Array = NDArray[np.floating]


@dataclass(frozen=True)
class Timing:
    """Which frames the clips of a video are of, and when they are shown: -1 and NaN where it is not known."""

    fps: float
    duration: float
    """Seconds."""
    frame_index: NDArray[np.int32]
    """(K, T)"""
    appearance_index: NDArray[np.int32]
    """(K, F) those of them that the appearance feature is of."""
    frame_time: NDArray[np.float64]
    """(K, T) seconds from the first frame of the video."""
    clip_end: NDArray[np.float64]
    """(K,) when the last frame of each clip ends."""


@dataclass(frozen=True)
class FeatureSource:
    """Features of some videos, read one video at a time."""

    path: Path
    ids: list[str]
    read: dict[str, Callable[[str], Array]]
    """For `appearance`, `motion` or both: from a video's id to its features (K, D); for `frames`, if there are any, to
    the appearance of single frames (K, F, D)."""
    about: dict[str, Any] = field(default_factory=dict)
    """What is known of how they were made; `appearance_network` and `motion_network` are objects."""
    timing: Callable[[str], Timing] | None = None
    """From a video's id to its frames and times, of the same T and F for all; nothing where none are known."""


def _read_only(source: FeatureSource, folder: Path, splits: dict[str, list[str]]) -> None:
    raise UserError("this layout can be read, but not be written")


def _not_recognised(path: Path) -> None:
    return None


@dataclass(frozen=True)
class Layout:
    """One way to lay features out in files."""

    open: Callable[[ImportedFeatures], AbstractContextManager[FeatureSource]]
    """Opens what the settings name; `UserError` for what is missing or does not fit."""
    files: Callable[[ImportedFeatures], list[Path]]
    """The files (or folders) that must be there."""
    write: Callable[[FeatureSource, Path, dict[str, list[str]]], None] = _read_only
    """Writes features into a folder in this layout; the last argument has the ids of each split."""
    recognise: Callable[[Path], ImportedFeatures | None] = _not_recognised
    """The settings with which a path is opened, if it is of this layout."""
    source: str = ""
    """Where such files are published."""


def layout_of(name: str) -> Layout:
    """A layout by its name, or of one's own; `UserError` that lists the names, or says what is wrong with the code."""
    try:
        plug.check_name(name, LAYOUTS, "layout")
    except ValueError as error:
        raise UserError(str(error)) from None
    return plug.load(LAYOUTS.get(name, name), Layout, "the layout of features")


@contextmanager
def open_layout(settings: ImportedFeatures) -> Iterator[FeatureSource]:
    """Opens features in the layout that the settings name. `UserError` lists all the files that are missing."""
    layout = layout_of(settings.layout)
    absent = [path for path in layout.files(settings) if not path.exists()]
    if absent:
        raise UserError(
            f"these files of the layout {settings.layout} are not there:\n"
            + "".join(f"  {path}\n" for path in absent)
            + (f"they are published at {layout.source}" if layout.source else "")
        )
    with layout.open(settings) as source:
        yield _with_frames(source, settings.frames) if settings.frames else source


def _with_frames(source: FeatureSource, frames: int) -> FeatureSource:
    """The source with the one appearance feature of a clip in the place of each of its `frames`."""
    if FRAMES in source.read or KINDS[0] not in source.read:
        found = "the vectors of frames" if FRAMES in source.read else "no appearance features"
        raise UserError(
            f"{source.path}: `frames: {frames}` is for files of one appearance feature a clip; it has {found}"
        )
    appearance = source.read[KINDS[0]]
    alike = {FRAMES: lambda name: np.repeat(appearance(name)[:, None], frames, axis=1)}
    return replace(source, read=source.read | alike)


def recognise(path: Path) -> ImportedFeatures:
    """The settings with which a file or folder of features is opened, by its looks; `UserError` for anything else."""
    if not path.exists():
        raise UserError(f"{path} does not exist")
    for name in LAYOUTS:
        if (settings := layout_of(name).recognise(path)) is not None:
            return settings
    raise UserError(f"{path} holds no video features of a known layout ({', '.join(LAYOUTS)})")


@contextmanager
def open_hdf5(path: Path) -> Iterator[h5py.File]:
    """Opens someone's HDF5 file for reading; `UserError` for one that is broken."""
    try:
        file = h5py.File(path, "r", locking=False)
    except OSError as error:
        raise UserError(f"{path} is not a whole HDF5 file ({error})") from None
    with file:
        yield file


def datasets_of(path: Path) -> set[str]:
    """The names of the datasets of an HDF5 file; nothing for another file."""
    if not path.is_file() or not h5py.is_hdf5(path):
        return set()
    with open_hdf5(path) as file:
        return set(file)


def dataset(file: h5py.File, name: str, shape: str, dimensions: tuple[int, ...]) -> h5py.Dataset:
    """A dataset with as many dimensions as expected; `shape` says in words what they are."""
    if name not in file:
        raise UserError(f"{file.filename} has no dataset {name!r}; it has {', '.join(file) or 'none'}")
    found = file[name]
    if not isinstance(found, h5py.Dataset) or found.ndim not in dimensions:
        raise UserError(f"{file.filename}: {name!r} has shape {getattr(found, 'shape', None)}, expected {shape}")
    return found


def read_ids(file: h5py.File, settings: ImportedFeatures, count: int) -> list[str]:
    """The ids of a file as video ids, whether they are stored as bytes, text or whole numbers; each once."""
    stored = dataset(file, "ids", "(videos)", (1, 2))[:].reshape(-1)
    if len(stored) != count:
        raise UserError(f"{file.filename}: {len(stored)} ids for {count} videos")
    video_id = translation(settings)
    names = [video_id(text(value, file.filename)) for value in stored]
    refuse_repeated(names, file.filename)
    return names


def translation(settings: ImportedFeatures) -> Callable[[str], str]:
    """From an id in the files to a video id; raises `UserError` for one that the mapping does not have."""
    names: dict[str, str] | None = None
    if settings.mapping and settings.mapping.suffix == ".json":
        form = '{"id in the files": "video id", ...}'
        names = {composed(key): name for key, name in read_texts(settings.mapping, "the mapping of ids", form).items()}
    elif settings.mapping:
        names = {f"vid{number}": name for number, name in read_mapping(settings.mapping).items()}

    def translate(name: str) -> str:
        name = composed(settings.ids.format(name))
        if names is None:
            return name
        if name not in names:
            raise UserError(f"{settings.mapping} has no entry for the id {name!r} (`ids` is {settings.ids!r})")
        return composed(names[name])

    return translate


def text(value: Any, where: Any) -> str:
    """An id as text; a number without leading zeros or a point."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise UserError(f"{where}: the id {value!r} is not UTF-8; write the ids as UTF-8 texts") from None
    if isinstance(value, str):
        return value
    if isinstance(value, int | float | np.integer | np.floating) and float(value).is_integer():
        return str(int(value))
    raise UserError(f"{where}: the id {value!r} is neither text nor a whole number")


def refuse_repeated(names: list[str], where: Any) -> None:
    """Raises `UserError` that names the ids that stand in `names` more than once."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UserError(f"{where}: these ids stand in it more than once: {', '.join(twice[:5])}")


def check_width(found: int, expected: int, what: str) -> None:
    """Raises `UserError` where a feature is not as wide as the settings say."""
    if found != expected:
        raise UserError(f"{what} is {found} wide, expected {expected} (`widths` says what is expected)")


def reduced(vectors: Array, rule: str) -> Array:
    """The vectors (K, F, D) of the frames of each clip as one (K, D), by the rule that the settings name."""
    if vectors.ndim == 2:
        return vectors
    if rule == "middle":
        return vectors[:, vectors.shape[1] // 2]
    if rule == "first":
        return vectors[:, 0]
    return vectors.max(axis=1) if rule == "max" else vectors.astype(np.float32).mean(axis=1)


def numbers_if_possible(names: list[str]) -> list[int] | list[str]:
    """Ids as the official files have them: as numbers, where every one is the plain decimal of one."""
    if all(name.isdecimal() and str(int(name)) == name for name in names):
        return [int(name) for name in names]
    return names
