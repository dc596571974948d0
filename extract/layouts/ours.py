"""Our own `video.h5` (docs/formats.md)."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from base.formats.statuses import FAILED
from base.formats.store import attributes, read_strings
from base.formats.video_features import FRAMES, KINDS, open_video_features
from base.writing import atomic_path
from extract.config import ImportedFeatures
from extract.layouts.contract import (
    Array,
    FeatureSource,
    Layout,
    datasets_of,
    refuse_repeated,
    translation,
)


def files(settings: ImportedFeatures) -> list[Path]:
    """The file itself."""
    return [settings.path]


@contextmanager
def open_file(settings: ImportedFeatures) -> Iterator[FeatureSource]:
    """Opens a feature file; videos without features (status failed) are left out."""
    with open_video_features(settings.path) as file:
        ids, status = read_strings(file, "ids"), read_strings(file, "status")
        refuse_repeated(ids, settings.path)
        video_id = translation(settings)
        rows = {video_id(name): row for row, name in enumerate(ids) if status[row] != FAILED}
        there = [kind for kind in KINDS if file[kind].shape[2]]  # 0 wide: not there
        read = {kind: _reader(file[kind], rows) for kind in (*there, *({FRAMES} & set(file)))}
        yield FeatureSource(settings.path, list(rows), read, attributes(file))


def write(source: FeatureSource, folder: Path, splits: dict[str, list[str]]) -> None:
    """Copies the file: it is of this layout already."""
    with atomic_path(folder / "video.h5") as temporary:
        shutil.copy(source.path, temporary)


def recognise(path: Path) -> ImportedFeatures | None:
    """A feature file of ours."""
    return ImportedFeatures(layout="eigv", path=path) if {*KINDS, "ids", "status"} <= datasets_of(path) else None


def _reader(values: h5py.Dataset, rows: dict[str, int]) -> Callable[[str], Array]:
    return lambda name: values[rows[name]]


LAYOUT = Layout(open_file, files, write, recognise)
