"""The manifest: every video that the annotations ask for, where it lies, and whether it can be read."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from base.errors import UserError
from base.formats.manifest import ManifestRow, manifest_of
from base.formats.statuses import CUT, DAMAGED, FAILED, MISSING, OK
from base.ids import check_ids
from base.jobs.journal import journal
from base.jobs.progress import progress
from base.provenance import versions
from base.reading import sha256
from extract.config import SamplingSettings, VideoCollection
from extract.videos.judgement import judge
from extract.videos.listing import modified
from extract.videos.places import Places, some
from extract.videos.reader import VideoError, first_line
from extract.videos.survey import survey
from extract.videos.workers import Limits, Outcome, run_apart


def probe(
    video_ids: list[str],
    collection: VideoCollection,
    sampling: SamplingSettings,
    processes: int,
    notes: Path,
    stage: int = 0,
) -> pd.DataFrame:
    """Probes every video in parallel and applies the collection's policy.

    Returns the manifest, one row a video, in the order of the ids. Finished videos are noted in the file `notes`,
    from which a killed probe of the same `stage` (workflow/stages.yaml) goes on. Raises `UserError` that lists every
    missing and every unreadable video at once where the policy for them is `error`.
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
        "stage": stage,
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


def probe_file(video_id: str, path: Path, sampling: SamplingSettings, limits: Limits) -> ManifestRow:
    """Probes one file, in a process of its own; `UserError` that names it where it cannot be read."""
    ((_, row),) = _examine([_Job(video_id, path, sampling, "sha256")], 1, limits)
    if row.status == FAILED:
        raise UserError(f"the video {path} cannot be read: {row.reason}")
    return row


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
    status, reason = judge(seen, job.sampling)
    return replace(
        row,
        status=status,
        reason=reason,
        codec=seen.codec,
        pixels=seen.pixels,
        width=seen.width,
        height=seen.height,
        rotation=seen.look.orientation.degrees,
        fps=round(seen.clock.fps, 6),
        frames=seen.frames,
        duration=round(seen.clock.duration, 6),
        backend=seen.backend,
        backend_reason=seen.backend_reason,
        stream=seen.stream,
        start=round(seen.clock.start, 6),
        clock="even" if seen.clock.even else "variable",
        damaged=seen.damaged,
        lost=seen.lost,
        mirrored=int(seen.look.orientation.mirrored),
        pixel_shape=f"{seen.pixel_shape.numerator}:{seen.pixel_shape.denominator}",
        transfer=seen.look.transfer,
        interlaced=seen.look.interlaced,
    )


def _apply_policy(manifest: pd.DataFrame, collection: VideoCollection, places: Places) -> None:
    problems = []
    for statuses, policy, key in (
        ((MISSING,), collection.missing, "missing"),
        ((FAILED,), collection.unreadable, "unreadable"),
        ((DAMAGED, CUT), collection.damaged, "damaged"),
    ):
        rows = manifest[manifest["status"].isin(statuses)]
        if len(rows) and policy == "error":
            problems.append(f"{len(rows)} of {len(manifest)} videos are {key} (`{key}: skip` leaves them out):")
            lines = [
                f"{row.video_id!s}: {row.reason!s} ({str(row.path) or places.tried(str(row.video_id))})"
                for row in rows.itertuples()
            ]
            problems.append(f"  {some(lines)}")
    if problems:
        raise UserError("\n".join(problems))
