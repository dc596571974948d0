"""HCRN's files: `*_appearance_feat.h5` with `resnet_features` (N, K, 16, D), `*_motion_feat.h5` with `resnext_features`
(N, K, D); each has `ids`, in an order of its own.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import h5py
import numpy as np

from base.errors import UserError
from base.formats.video_features import FRAMES
from base.writing import atomic_path
from extract.config import ImportedFeatures
from extract.layouts.contract import (
    Array,
    FeatureSource,
    Layout,
    check_width,
    dataset,
    datasets_of,
    numbers_if_possible,
    open_hdf5,
    read_ids,
    reduced,
)

DATASETS = {"appearance": "resnet_features", "motion": "resnext_features"}
SHAPES = {
    "appearance": ("(videos, clips, frames, width) or (videos, clips, width)", (3, 4)),
    "motion": ("(videos, clips, width)", (3,)),
}
"""In words, and with how many dimensions."""


def files(settings: ImportedFeatures) -> list[Path]:
    """Both files; the path may also be one of them."""
    if settings.path.is_file():
        return [settings.path]
    return [_only(settings.path, f"*_{kind}_feat.h5") for kind in DATASETS]


@contextmanager
def open_files(settings: ImportedFeatures) -> Iterator[FeatureSource]:
    """Opens the two files and joins them by id."""
    read = {}
    ids: dict[str, list[str]] = {}
    with ExitStack() as stack:
        for path in files(settings):
            file = stack.enter_context(open_hdf5(path))
            kind = next((kind for kind, name in DATASETS.items() if name in file), "")
            if not kind:
                raise UserError(f"{path} has neither of the datasets {', '.join(DATASETS.values())}")
            values = dataset(file, DATASETS[kind], *SHAPES[kind])
            if 0 in values.shape:
                raise UserError(f"{path}: {DATASETS[kind]!r} has shape {values.shape}, which holds nothing")
            check_width(values.shape[-1], settings.widths[kind == "motion"], f"{path}: {values.name[1:]!r}")
            ids[kind] = read_ids(file, settings, len(values))
            rows = {name: row for row, name in enumerate(ids[kind])}
            read[kind] = _reader(values, rows, settings.reduce)
            if values.ndim == 4:
                read[FRAMES] = _reader(values, rows)
        names = next(iter(ids.values()))
        for kind, others in ids.items():
            if alone := sorted(set(names) ^ set(others)):
                raise UserError(
                    f"{settings.path}: {len(alone)} videos have only one of the two kinds of features, "
                    f"appearance or {kind}: {', '.join(alone[:5])}"
                )
        yield FeatureSource(settings.path, names, read, {"reduce": settings.reduce})


def write(source: FeatureSource, folder: Path, splits: dict[str, list[str]]) -> None:
    """Writes both files; a clip has the appearance vectors of all its frames where they are kept, else one."""
    for kind, name in DATASETS.items():
        with atomic_path(folder / f"eigv_{kind}_feat.h5") as temporary, h5py.File(temporary, "w") as file:
            file["ids"] = numbers_if_possible(source.ids)
            for row, video_id in enumerate(source.ids):
                kept = FRAMES if kind == "appearance" and FRAMES in source.read else kind
                values = source.read[kept](video_id).astype(np.float32)
                values = values[:, None] if kept == "appearance" else values
                if row == 0:
                    file.create_dataset(name, (len(source.ids), *values.shape), np.float32)
                file[name][row] = values


def recognise(path: Path) -> ImportedFeatures | None:
    """One of the files, or a folder with both."""
    found = {path} if path.is_file() else set(path.glob("*_appearance_feat.h5"))
    if not any(datasets_of(file) & set(DATASETS.values()) for file in found):
        return None
    widths = [2048, 2048]
    for file in [path] if path.is_file() else files(ImportedFeatures(layout="hcrn", path=path)):
        for number, name in enumerate(DATASETS.values()):
            if name in datasets_of(file):
                with open_hdf5(file) as opened:
                    widths[number] = opened[name].shape[-1]
    return ImportedFeatures(layout="hcrn", path=path, widths=tuple(widths))


def _reader(values: h5py.Dataset, rows: dict[str, int], rule: str | None = None) -> Callable[[str], Array]:
    """The vectors of a video, those of a clip as one by the `rule`, if there is one."""
    return lambda name: reduced(values[rows[name]], rule) if rule else values[rows[name]]


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) > 1:
        raise UserError(f"{folder} has several files {pattern}: {', '.join(path.name for path in found)}; keep one")
    return found[0] if found else folder / pattern


LAYOUT = Layout(open_files, files, write, recognise, "https://github.com/thaolmk54/hcrn-videoqa")
