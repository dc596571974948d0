"""NExT-QA's release: `app_mot_{split}.h5` with `ids` (N) and `feat` (N, 16, 4096), appearance before motion."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import h5py
import numpy as np

from base.errors import UserError
from base.formats.video_features import KINDS
from base.writing import atomic_path
from extract.config import ImportedFeatures
from extract.layouts.contract import (
    LAYOUTS,
    Array,
    FeatureSource,
    Layout,
    check_width,
    dataset,
    datasets_of,
    numbers_if_possible,
    open_hdf5,
    read_ids,
    refuse_repeated,
)


def files(settings: ImportedFeatures) -> list[Path]:
    """One file a split; the path may also be a single file."""
    if settings.path.is_file():
        return [settings.path]
    return [settings.path / f"app_mot_{split}.h5" for split in settings.splits]


@contextmanager
def open_release(settings: ImportedFeatures) -> Iterator[FeatureSource]:
    """Opens the files of all splits."""
    width = settings.widths[0]
    places: dict[str, tuple[h5py.Dataset, int]] = {}
    names: list[str] = []
    clips = None
    with ExitStack() as stack:
        for path in files(settings):
            file = stack.enter_context(open_hdf5(path))
            feat = dataset(file, "feat", "(videos, clips, appearance + motion)", (3,))
            check_width(feat.shape[2], sum(settings.widths), f"{path}: 'feat'")
            clips = clips or feat.shape[1]
            if feat.shape[1] != clips:
                raise UserError(f"{path}: 'feat' has {feat.shape[1]} clips a video, the split before it {clips}")
            ids = read_ids(file, settings, len(feat))
            names += ids
            places |= {name: (feat, row) for row, name in enumerate(ids)}
        refuse_repeated(names, f"{settings.path} (all splits together)")

        def read(name: str, part: slice) -> Array:
            feat, row = places[name]
            return feat[row, :, part]

        yield FeatureSource(
            settings.path,
            names,
            {
                "appearance": lambda name: read(name, slice(None, width)),
                "motion": lambda name: read(name, slice(width, None)),
            },
        )


def write(source: FeatureSource, folder: Path, splits: dict[str, list[str]]) -> None:
    """Writes `app_mot_{split}.h5` for each split."""
    if not splits:
        raise UserError("this layout has a file for each split: name the folder of the annotations with --questions")
    for split, ids in splits.items():
        with atomic_path(folder / f"app_mot_{split}.h5") as temporary, h5py.File(temporary, "w") as file:
            file["ids"] = numbers_if_possible(ids)
            for row, name in enumerate(ids):
                both = np.concatenate([source.read[kind](name) for kind in KINDS], axis=1).astype(np.float32)
                if row == 0:
                    file.create_dataset("feat", (len(ids), *both.shape), np.float32)
                file["feat"][row] = both


def recognise(path: Path) -> ImportedFeatures | None:
    """A single file, or a folder with such files. Half of a feature is taken to be appearance."""
    found = sorted(path.glob("app_mot_*.h5")) if path.is_dir() else [path]
    if not found or not {"ids", "feat"} <= datasets_of(found[0]):
        return None
    with open_hdf5(found[0]) as file:
        half = file["feat"].shape[-1] // 2
    splits = tuple(file.stem.removeprefix("app_mot_") for file in found)
    return ImportedFeatures(layout="nextqa", path=path, splits=splits, widths=(half, half))


LAYOUTS["nextqa"] = Layout(open_release, files, write, recognise, "https://github.com/doc-doc/NExT-QA")
