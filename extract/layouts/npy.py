"""MSPAN's folders: a `.npy` file (K, D) for each video, in a folder for appearance and one for motion."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from base.errors import UserError
from base.formats.video_features import FRAMES, KINDS
from base.ids import check_id
from base.writing import atomic_path
from extract.config import ImportedFeatures
from extract.layouts.contract import (
    Array,
    FeatureSource,
    Layout,
    check_width,
    reduced,
    refuse_repeated,
    translation,
)


def files(settings: ImportedFeatures) -> list[Path]:
    """The two folders."""
    return [settings.path / kind for kind in KINDS]


@contextmanager
def open_folders(settings: ImportedFeatures) -> Iterator[FeatureSource]:
    """Lists both folders; a file is read when its video is."""
    video_id = translation(settings)
    found: dict[str, dict[str, Path]] = {}
    for folder in files(settings):
        paths = sorted(folder.glob("*.npy"))
        names = [video_id(path.stem) for path in paths]
        refuse_repeated(names, folder)
        found[folder.name] = dict(zip(names, paths, strict=True))
    appearance, motion = (found[kind] for kind in KINDS)
    if alone := sorted(set(appearance) ^ set(motion)):
        raise UserError(
            f"{settings.path}: {len(alone)} videos have a file in only one of the two folders: {', '.join(alone[:5])}"
        )
    if not appearance:
        raise UserError(f"{settings.path}: its folders hold no .npy files")

    def read(kind: str, name: str, rule: str | None = settings.reduce) -> Array:
        path = found[kind][name]
        values = _array(path)
        check_width(values.shape[-1], settings.widths[kind == "motion"], str(path))
        return reduced(values, rule) if rule else values

    readers: dict[str, Callable[[str], Array]] = {kind: partial(read, kind) for kind in KINDS}
    first = next(iter(appearance))
    if read("appearance", first, None).ndim == 3:
        readers[FRAMES] = partial(read, "appearance", rule=None)
    yield FeatureSource(settings.path, list(appearance), readers, {"reduce": settings.reduce})


def _array(path: Path) -> Array:
    """The array of a file, (K, D) or (K, F, D)."""
    try:
        values = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise UserError(f"{path} is not an array that can be read ({error})") from None
    if values.ndim not in (2, 3):
        raise UserError(f"{path} has shape {values.shape}, expected (clips, width) or (clips, frames, width)")
    return values


def write(source: FeatureSource, folder: Path, splits: dict[str, list[str]]) -> None:
    """Writes `appearance/{id}.npy` and `motion/{id}.npy`."""
    for kind in KINDS:
        for name in source.ids:
            with atomic_path(folder / kind / f"{check_id(name)}.npy") as temporary:
                np.save(temporary, source.read[kind](name).astype(np.float32), allow_pickle=False)


def recognise(path: Path) -> ImportedFeatures | None:
    """A folder with the two folders; `UserError` where the first file of one cannot be read."""
    settings = ImportedFeatures(layout="npy", path=path)
    if not all(folder.is_dir() for folder in files(settings)):
        return None
    widths = []
    for folder in files(settings):
        first = next(iter(sorted(folder.glob("*.npy"))), None)
        if first is None:
            return None
        widths.append(_array(first).shape[-1])
    return settings.model_copy(update={"widths": tuple(widths)})


LAYOUT = Layout(open_folders, files, write, recognise, "https://github.com/gzcsudo/MSPAN-VideoQA")
