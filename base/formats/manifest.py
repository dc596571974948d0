"""`manifest.csv`: every video that the annotations ask for, where it lies, and whether it can be read."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pandas as pd

from base.errors import UserError
from base.writing import write_csv


@dataclass(frozen=True)
class ManifestRow:
    """One video. `status`: ok; short (fewer frames than a clip); cut (the file breaks off); damaged; missing;
    failed.

    All but ok come with a reason. A short, cut or damaged video is used as far as it goes.
    """

    video_id: str
    status: str
    reason: str = ""
    path: str = ""
    bytes: int = 0
    sha256: str = ""
    modified: str = ""
    codec: str = ""
    pixels: str = ""
    width: int = 0
    height: int = 0
    rotation: int = 0
    fps: float = 0.0
    frames: int = 0
    duration: float = 0.0
    backend: str = ""
    backend_reason: str = ""
    stream: int = 0
    start: float = 0.0
    clock: str = ""
    damaged: int = 0
    lost: int = 0
    mirrored: int = 0
    pixel_shape: str = ""
    transfer: str = ""
    interlaced: int = 0


COLUMNS = [field.name for field in fields(ManifestRow)]


def manifest_of(rows: Iterable[ManifestRow]) -> pd.DataFrame:
    """The manifest of some videos, in their order."""
    return pd.DataFrame([asdict(row) for row in rows], columns=COLUMNS)


def write_manifest(path: Path, manifest: pd.DataFrame) -> None:
    """Writes the manifest as CSV."""
    write_csv(path, manifest)


def read_manifest(path: Path) -> pd.DataFrame:
    """Reads a manifest; text columns are never NaN."""
    if not path.is_file():
        raise UserError(f"the manifest {path} does not exist")
    text = {field.name: str for field in fields(ManifestRow) if field.type is str}
    return pd.read_csv(path, dtype=text, keep_default_na=False)


def fingerprints(manifest: pd.DataFrame) -> list[str]:
    """What each video was recognised by: the hash of its content, or its size and time; nothing where it is missing."""
    return [
        str(row.sha256) or (f"{row.bytes!s} bytes, {row.modified!s}" if row.modified else "")
        for row in manifest.itertuples()
    ]
