"""Shards of a collection, and the decoded frames of a shard.

Sizes: N videos of the shard, K clips, T frames a clip, F frames a clip that the appearance network sees (1 or T),
S side of a picture in pixels.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from base.errors import UserError
from base.formats.statuses import CUT, DAMAGED, FAILED, OK, SHORT, ZEROS
from base.formats.store import create_by_rows, fixed_strings, read_strings, write_strings
from base.jobs.progress import progress
from base.provenance import commit, versions
from base.writing import write_csv
from extract.config import FeaturesSettings, VideoCollection
from extract.videos.judgement import leave_out, policy
from extract.videos.pictures import Picture, decoding_passes, pictures_of
from extract.videos.reader import Frames, open_reader
from extract.videos.sampling import appearance_frames, clip_frames
from extract.videos.shown.geometry import shown_shape
from extract.videos.times import clip_times
from extract.videos.workers import Limits, run_apart

KIND = "decoded frames"


def write_shards(manifest: pd.DataFrame, collection: VideoCollection, paths: list[Path]) -> None:
    """Deals the videos that are used out to the shards, in turn, so that each has long and short ones."""
    used = manifest[~leave_out(manifest, collection)]
    for number, path in enumerate(paths):
        write_csv(path, used.iloc[number :: len(paths)])


def decode_shard(
    shard: pd.DataFrame,
    collection: VideoCollection,
    features: FeaturesSettings,
    out: Path,
    processes: int,
    stage: int = 0,
) -> None:
    """Decodes the sampled frames of a shard's videos into `out`.

    A killed call is completed by the next one, if that is of the same `stage` (workflow/stages.yaml).

    Datasets: `appearance` (N, K, F, S, S, 3) and `motion` (N, K, T, S, S, 3), uint8 RGB, and which frames these are,
    `appearance_index` (N, K, F) and `frame_index` (N, K, T); the seconds at which they are shown, `frame_time`
    (N, K, T), and at which each clip ends, `clip_end` (N, K); `ids`, `status`, `reason`, `decoder`, `fps`, `duration`.
    A video that cannot be decoded follows the collection's policy: `UserError`, status `failed`, or status `zeros`.
    """
    pictures = pictures_of(features)
    sampling, every = features.sampling, features.appearance.frames != "middle"
    videos = [{str(name): value for name, value in row.items()} for row in shard.to_dict("records")]
    jobs = [Job(row, features, pictures, policy(row["status"], collection)) for row in videos]

    def build(file: h5py.File) -> None:
        n, k, t = len(shard), sampling.clips, sampling.frames
        for kind, seen in {"appearance": t if every else 1, "motion": t}.items():
            side = pictures[kind].size
            # Contiguous and never filled: a row is written once, at its place.
            file.create_dataset(kind, (n, k, seen, side, side, 3), np.uint8)
        file.create_dataset("appearance_index", (n, k, t if every else 1), np.int32)
        file.create_dataset("frame_index", (n, k, t), np.int32)
        file.create_dataset("frame_time", (n, k, t), np.float64, fillvalue=np.nan)
        file.create_dataset("clip_end", (n, k), np.float64, fillvalue=np.nan)
        write_strings(file, "ids", shard["video_id"].tolist())
        for name, length in {"status": 8, "decoder": 8, "reason": 200}.items():
            file.create_dataset(name, (n,), fixed_strings(length))
        file["fps"] = shard["fps"].to_numpy(np.float64)
        file["duration"] = shard["duration"].to_numpy(np.float64)

    about = _about(shard, collection, features)
    with create_by_rows(out, KIND, about, build, len(jobs), varying=("commit",), stage=stage) as rows:
        todo = rows.open
        outcomes = run_apart(decode_one, [jobs[row] for row in todo], processes, Limits.of(collection))
        for row, outcome in zip(todo, progress(outcomes, total=len(todo), label="decode", unit="video"), strict=True):
            if outcome.died and jobs[row].row["backend"] == "decord":
                # decord took its process with it; in order every file can be read that was probed.
                in_order = jobs[row]._replace(row=jobs[row].row | {"backend": "pyav"})
                (outcome,) = run_apart(decode_one, [in_order], 1, Limits.of(collection))
            rows.finish(row, outcome.value or {"status": FAILED, "reason": outcome.error.encode()[:200]})
        _apply_policy(rows.file, jobs, collection)


class Job(NamedTuple):
    """One video to decode: its row of the manifest, and what is wanted of it."""

    row: dict[str, Any]
    features: FeaturesSettings
    pictures: dict[str, Picture]
    policy: str = "use"
    """What the collection does with a video of this status."""


def decode_one(job: Job) -> dict[str, Any]:
    """The datasets' values for one video; those of a video that was found unusable are its status alone."""
    row, features, pictures = job.row, job.features, job.pictures
    if row["status"] not in (OK, CUT, DAMAGED, SHORT) or job.policy != "use":
        return {"status": FAILED, "reason": str(row["reason"]).encode()[:200]}
    count, sampling = int(row["frames"]), features.sampling
    index = {
        "appearance": appearance_frames(count, sampling, features.appearance.frames != "middle"),
        "motion": clip_frames(count, sampling),
    }
    # All that is sampled, in every pass: decord was found right for these numbers, asked in this order.
    numbers = np.unique(np.concatenate([index["appearance"].ravel(), index["motion"].ravel()])).tolist()
    values: dict[str, Any] = {}
    shape = shown_shape(str(row.get("pixel_shape", "")), int(row.get("rotation", 0)))
    for size, kinds in decoding_passes(pictures).items():
        reader = open_reader(Path(row["path"]), row["backend"], size)
        wanted = {kind: set(index[kind].ravel().tolist()) for kind in kinds}
        made: dict[str, dict[int, Frames]] = {kind: {} for kind in kinds}
        for number, frame in zip(numbers, reader.frames(numbers), strict=True):
            for kind in kinds:
                if number in wanted[kind]:
                    made[kind][number] = pictures[kind].of(frame, shape)
        values |= {kind: _gather(made[kind], index[kind]) for kind in kinds}
    times = clip_times(row, index["motion"])
    return values | {
        "frame_time": times.frames,
        "clip_end": times.ends,
        "appearance_index": index["appearance"],
        "frame_index": index["motion"],
        "status": row["status"],
        "decoder": row["backend"],
    }


def _gather(pictures: dict[int, Frames], index: NDArray[np.int32]) -> Frames:
    """Pictures by number to (K, F, S, S, 3)."""
    return np.stack([np.stack([pictures[int(number)] for number in clip]) for clip in index])


def _apply_policy(file: h5py.File, jobs: list[Job], collection: VideoCollection) -> None:
    errors = []
    reasons = read_strings(file, "reason")
    for number, (job, status) in enumerate(zip(jobs, read_strings(file, "status"), strict=True)):
        # One that could be decoded when it was probed, and now cannot, is unreadable.
        wanted = job.policy if job.policy != "use" else collection.unreadable
        if status == FAILED and wanted == "zeros":
            file["status"][number] = ZEROS
        elif status == FAILED and wanted == "error":
            errors.append((number, f"  {job.row['video_id']}: {reasons[number]} ({job.row['path']})"))
    if errors:
        for number, _ in errors:
            file["done"][number] = 0  # tried again the next time
        raise UserError(
            f"{len(errors)} of {len(jobs)} videos cannot be decoded:\n" + "\n".join(text for _, text in errors)
        )


def _about(shard: pd.DataFrame, collection: VideoCollection, features: FeaturesSettings) -> dict[str, Any]:
    """Everything that the pictures depend on; where it differs, a half done file is begun anew."""
    wanted = features.model_dump(mode="json", include={"sampling", "appearance", "motion"})
    return {
        "wanted": json.dumps(wanted, sort_keys=True),
        "videos": hashlib.sha256(shard.to_csv(index=False).encode()).hexdigest(),
        "policy": [collection.missing, collection.unreadable, collection.damaged],
        "commit": commit(),
        "versions": versions(("av", "decord", "pillow", "numpy")),
    }
