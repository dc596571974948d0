"""The manifest: every video that the annotations ask for, where it lies, and whether it can be read."""

import concurrent.futures
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pandas as pd

from extract.config import Sampling, VideoCollection
from extract.errors import UserError
from extract.files import check_id, read_json, sha256, write_csv
from extract.progress import progress
from extract.stores import CUT, FAILED, OK, SHORT
from extract.videos.reader import VideoError, choose_backend, survey

SUFFIXES = (".mp4", ".avi", ".mkv", ".webm", ".mov")
MISSING = "missing"


@dataclass(frozen=True)
class ManifestRow:
    """One video. `status`: ok; short (fewer frames than a clip); cut (the file breaks off); missing; failed.

    All but ok come with a reason. A short or cut video is used as far as it goes.
    """

    video_id: str
    status: str
    reason: str = ""
    path: str = ""
    sha256: str = ""
    codec: str = ""
    width: int = 0
    height: int = 0
    rotation: int = 0
    fps: float = 0.0
    frames: int = 0
    duration: float = 0.0
    backend: str = ""
    backend_reason: str = ""


def probe(video_ids: list[str], collection: VideoCollection, sampling: Sampling, processes: int) -> pd.DataFrame:
    """Probes every video in parallel and applies the collection's policy.

    Returns the manifest, one row a video, in the order of the ids. Raises `UserError` that lists every missing and
    every unreadable video at once where the policy for them is `error`.
    """
    if not collection.folder.is_dir():
        raise UserError(f"the video folder {collection.folder} does not exist; put the videos there, or set its path")
    places = _Places(collection)
    jobs = [(video_id, places.find(video_id), sampling) for video_id in video_ids]
    with concurrent.futures.ProcessPoolExecutor(processes) as pool:
        rows = list(progress(pool.map(_probe_one, jobs, chunksize=4), total=len(jobs), label="probe", unit="video"))
    manifest = pd.DataFrame([asdict(row) for row in rows], columns=[field.name for field in fields(ManifestRow)])
    _apply_policy(manifest, collection, places)
    return manifest


def write_manifest(path: Path, manifest: pd.DataFrame) -> None:
    """Writes the manifest as CSV."""
    write_csv(path, manifest)


def read_manifest(path: Path) -> pd.DataFrame:
    """Reads a manifest; text columns are never NaN."""
    if not path.is_file():
        raise UserError(f"the manifest {path} does not exist")
    text = {field.name: str for field in fields(ManifestRow) if field.type is str}
    return pd.read_csv(path, dtype=text, keep_default_na=False)


def leave_out(manifest: pd.DataFrame, collection: VideoCollection) -> pd.Series:
    """Which rows the policy leaves out: no features are made for them and their questions are not used."""
    missing = (manifest["status"] == MISSING) & (collection.missing == "skip")
    failed = (manifest["status"] == FAILED) & (collection.unreadable == "skip")
    return missing | failed


class _Places:
    """Where the files of a collection lie."""

    def __init__(self, collection: VideoCollection) -> None:
        self.folder = collection.folder
        self.mapping = read_json(collection.mapping, "the video mapping") if collection.mapping else {}

    def tried(self, video_id: str) -> str:
        """Where a video is looked for, for messages."""
        return f"{self.folder / self.mapping.get(video_id, video_id)}{{{','.join(SUFFIXES)}}}"

    def find(self, video_id: str) -> Path | None:
        check_id(video_id)
        stem = self.mapping.get(video_id, video_id)
        for suffix in SUFFIXES:
            path = self.folder / f"{stem}{suffix}"
            if path.exists():
                return path
        return None


def _probe_one(job: tuple[str, Path | None, Sampling]) -> ManifestRow:
    video_id, path, sampling = job
    if path is None:
        return ManifestRow(video_id, MISSING, reason="no such file")
    try:
        if not path.is_file():
            raise VideoError("it is not a file")
        if not os.access(path, os.R_OK):
            raise VideoError("no permission to read it")
        seen = survey(path, sampling)
        backend, backend_reason = choose_backend(path, seen)
    except VideoError as error:
        return ManifestRow(video_id, FAILED, reason=str(error), path=str(path))
    status, reasons = OK, []
    if not seen.rate_stated:
        reasons.append(f"the file states no frame rate: {seen.fps:g} a second are assumed")
    if seen.breaks_off:
        status = CUT
        reasons.append(f"the file breaks off after {seen.frames} frames: {seen.breaks_off}")
    if seen.frames < sampling.frames:
        status = SHORT
        reasons.append(f"{seen.frames} frames, a clip has {sampling.frames}: the last one is repeated")
    return ManifestRow(
        video_id,
        status,
        reason="; ".join(reasons),
        path=str(path),
        sha256=sha256(path),
        codec=seen.codec,
        width=seen.width,
        height=seen.height,
        rotation=seen.rotation,
        fps=round(seen.fps, 6),
        frames=seen.frames,
        duration=round(seen.duration, 6),
        backend=backend,
        backend_reason=backend_reason,
    )


def _apply_policy(manifest: pd.DataFrame, collection: VideoCollection, places: _Places) -> None:
    problems = []
    for status, policy, key in (
        (MISSING, collection.missing, "missing"),
        (FAILED, collection.unreadable, "unreadable"),
    ):
        rows = manifest[manifest["status"] == status]
        if len(rows) and policy == "error":
            problems.append(f"{len(rows)} of {len(manifest)} videos are {key} (`{key}: skip` leaves them out):")
            for row in rows.head(50).itertuples():
                where = str(row.path) or places.tried(str(row.video_id))
                problems.append(f"  {row.video_id!s}: {row.reason!s} ({where})")
            if len(rows) > 50:
                problems.append(f"  ... and {len(rows) - 50} more")
    if problems:
        raise UserError("\n".join(problems))
