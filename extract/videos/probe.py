"""The manifest: every video that the annotations ask for, where it lies, and whether it can be read."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from base.errors import UserError
from base.formats.manifest import ManifestRow, manifest_of
from base.formats.statuses import CUT, FAILED, MISSING, OK, SHORT
from base.ids import check_ids
from base.jobs.journal import journal
from base.jobs.progress import progress
from base.provenance import commit, versions
from base.reading import sha256
from extract.config import SamplingSettings, VideoCollection
from extract.videos.listing import modified
from extract.videos.places import Places, some
from extract.videos.reader import VideoError, first_line
from extract.videos.survey import Survey, survey
from extract.videos.workers import Limits, Outcome, run_apart


def probe(
    video_ids: list[str], collection: VideoCollection, sampling: SamplingSettings, processes: int, notes: Path
) -> pd.DataFrame:
    """Probes every video in parallel and applies the collection's policy.

    Returns the manifest, one row a video, in the order of the ids. Finished videos are noted in the file `notes`,
    from which a killed probe goes on. Raises `UserError` that lists every missing and every unreadable video at once
    where the policy for them is `error`.
    """
    check_ids(video_ids)
    places = Places(collection)
    found_at = places.find_all(video_ids)
    jobs = [_Job(video_id, path, sampling, collection.fingerprint) for video_id, path in found_at.items()]
    key = {
        "fingerprint": collection.fingerprint,
        "limits": [collection.time_limit, collection.memory_limit],
        "sampling": sampling.model_dump(),
        "versions": versions(("av", "decord")),
        "commit": commit(),
    }
    with journal(notes, key) as past:
        rows = {entry["row"]["video_id"]: entry for entry in past.entries}
        open_jobs = [job for job in jobs if job.path and rows.get(job.video_id, {}).get("state") != _state(job.path)]
        found = _examine(open_jobs, processes, Limits.of(collection))
        for job, row in progress(found, total=len(open_jobs), label="probe", unit="video"):
            entry = {"state": _state(job.path), "row": asdict(row)}
            rows[job.video_id] = entry
            past.note(entry)
        manifest = manifest_of(
            ManifestRow(**rows[job.video_id]["row"])
            if job.path
            else ManifestRow(job.video_id, MISSING, places.why_missing(job.video_id))
            for job in jobs
        )
        _apply_policy(manifest, collection, places)
    return manifest


def leave_out(manifest: pd.DataFrame, collection: VideoCollection) -> pd.Series:
    """Which rows the policy leaves out: no features are made for them and their questions are not used."""
    missing = (manifest["status"] == MISSING) & (collection.missing == "skip")
    failed = (manifest["status"] == FAILED) & (collection.unreadable == "skip")
    return missing | failed


class _Job(NamedTuple):
    video_id: str
    path: Path | None
    sampling: SamplingSettings
    fingerprint: str
    try_decord: bool = True


def _state(path: Path | None) -> list[int]:
    assert path is not None
    about = path.stat()
    return [about.st_size, about.st_mtime_ns]


def _examine(jobs: list[_Job], processes: int, limits: Limits) -> Iterator[tuple[_Job, ManifestRow]]:
    for job, outcome in zip(jobs, run_apart(examine, jobs, processes, limits), strict=True):
        reason = ""
        if outcome.died:
            # Which of the two decoders it was is not known: once more, without decord.
            reason = f"with decord, {outcome.error}"
            (outcome,) = run_apart(examine, [job._replace(try_decord=False)], 1, limits)
        yield job, _row(job, outcome, reason)


def _row(job: _Job, outcome: Outcome, decord_died: str) -> ManifestRow:
    if outcome.error:
        return ManifestRow(job.video_id, FAILED, reason=outcome.error, path=str(job.path))
    row: ManifestRow = outcome.value
    return replace(row, backend_reason=decord_died) if decord_died and row.status != FAILED else row


def examine(job: _Job) -> ManifestRow:
    """The manifest row of one file."""
    path = job.path
    assert path is not None
    try:
        if not path.is_file():
            return ManifestRow(job.video_id, FAILED, "it is not a file", str(path))
        about = path.stat()
        by_content = job.fingerprint == "sha256"
        row = ManifestRow(
            job.video_id,
            OK,
            path=str(path),
            bytes=about.st_size,
            sha256=sha256(path) if by_content else "",
            modified=modified(path),
        )
    except OSError as error:
        return ManifestRow(job.video_id, FAILED, first_line(error), str(path))
    try:
        seen = survey(path, job.sampling, try_decord=job.try_decord)
    except VideoError as error:
        return replace(row, status=FAILED, reason=str(error))
    status, reason = _judge(seen, job.sampling)
    return replace(
        row,
        status=status,
        reason=reason,
        codec=seen.codec,
        pixels=seen.pixels,
        width=seen.width,
        height=seen.height,
        rotation=seen.rotation,
        fps=round(seen.fps, 6),
        frames=seen.frames,
        duration=round(seen.duration, 6),
        backend=seen.backend,
        backend_reason=seen.backend_reason,
    )


def _judge(seen: Survey, sampling: SamplingSettings) -> tuple[str, str]:
    """The status of a file that can be decoded, and what is to be said of it."""
    status, reasons = OK, []
    if not seen.rate_stated:
        reasons.append(f"the file states no frame rate: {seen.fps:g} a second are assumed")
    if seen.other_streams:
        reasons.append(f"the first of {seen.other_streams + 1} video streams is used")
    if seen.passed_over:
        status = CUT
        reasons.append(f"the file begins with {seen.passed_over} packets that cannot be decoded")
    if seen.breaks_off:
        status = CUT
        reasons.append(f"the file breaks off after {seen.frames} frames: {seen.breaks_off}")
    if seen.frames < sampling.frames:
        status = SHORT
        reasons.append(f"{seen.frames} frames, a clip has {sampling.frames}: the last one is repeated")
    return status, "; ".join(reasons)


def _apply_policy(manifest: pd.DataFrame, collection: VideoCollection, places: Places) -> None:
    problems = []
    for status, policy, key in (
        (MISSING, collection.missing, "missing"),
        (FAILED, collection.unreadable, "unreadable"),
    ):
        rows = manifest[manifest["status"] == status]
        if len(rows) and policy == "error":
            problems.append(f"{len(rows)} of {len(manifest)} videos are {key} (`{key}: skip` leaves them out):")
            lines = [
                f"{row.video_id!s}: {row.reason!s} ({str(row.path) or places.tried(str(row.video_id))})"
                for row in rows.itertuples()
            ]
            problems.append(f"  {some(lines)}")
    if problems:
        raise UserError("\n".join(problems))
