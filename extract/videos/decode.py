"""Shards of a collection, and the decoded frames of a shard.

Sizes: N videos of the shard, K clips, T frames a clip, S side of a frame in pixels.
"""

import concurrent.futures
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from extract.config import Features, VideoCollection
from extract.errors import UserError
from extract.files import write_csv
from extract.networks import input_size
from extract.progress import progress
from extract.stores import CUT, FAILED, OK, SHORT, ZEROS, create, write_strings
from extract.videos.probe import MISSING, leave_out
from extract.videos.reader import Frames, VideoError, read_frames, scaled
from extract.videos.sampling import clip_frames, middle_frames

KIND = "decoded frames"


def write_shards(manifest: pd.DataFrame, collection: VideoCollection, paths: list[Path]) -> None:
    """Deals the videos that are used out to the shards, in turn, so that each has long and short ones."""
    used = manifest[~leave_out(manifest, collection)]
    for number, path in enumerate(paths):
        write_csv(path, used.iloc[number :: len(paths)])


def decode_shard(
    shard: pd.DataFrame, collection: VideoCollection, features: Features, out: Path, processes: int
) -> None:
    """Decodes the sampled frames of a shard's videos into `out`.

    Datasets: `appearance` (N, K, S, S, 3) the middle frame of each clip, `motion` (N, K, T, S, S, 3), both uint8 RGB;
    `ids`, `status`, `frame_index` (N, K, T), `fps`, `duration`. A video that can not be decoded follows the
    collection's policy: `UserError`, status `failed`, or status `zeros`.
    """
    sizes = {kind: input_size(kind, getattr(features, kind)) for kind in ("appearance", "motion")}
    k, t, n = features.sampling.clips, features.sampling.frames, len(shard)
    shapes = {
        "appearance": (k, sizes["appearance"], sizes["appearance"], 3),
        "motion": (k, t, sizes["motion"], sizes["motion"], 3),
    }
    jobs = [(row, features, sizes) for row in shard.to_dict("records")]
    statuses: list[str] = []
    errors: list[str] = []
    with create(out, KIND, {}) as file:
        pixels = {
            kind: file.create_dataset(kind, (n, *shape), np.uint8, chunks=(1, *shape) if n else None)
            for kind, shape in shapes.items()
        }
        index = np.zeros((n, k, t), np.int32)
        with concurrent.futures.ProcessPoolExecutor(processes) as pool:
            decoded = progress(pool.map(_decode_one, jobs), total=n, label="decode", unit="video")
            for number, (result, reason) in enumerate(decoded):
                row = jobs[number][0]
                if result is not None:
                    index[number], pixels["appearance"][number], pixels["motion"][number] = result
                    statuses.append(row["status"])
                    continue
                policy = collection.missing if row["status"] == MISSING else collection.unreadable
                if policy == "error":
                    errors.append(f"  {row['video_id']}: {reason} ({row['path']})")
                statuses.append(ZEROS if policy == "zeros" else FAILED)
        if errors:
            raise UserError(f"{len(errors)} of {n} videos can not be decoded:\n" + "\n".join(errors))
        write_strings(file, "ids", shard["video_id"].tolist())
        write_strings(file, "status", statuses)
        file["frame_index"] = index
        file["fps"] = shard["fps"].to_numpy(np.float64)
        file["duration"] = shard["duration"].to_numpy(np.float64)


Decoded = tuple[NDArray[np.int32], Frames, Frames]


def _decode_one(job: tuple[dict, Features, dict[str, int]]) -> tuple[Decoded | None, str]:
    row, features, sizes = job
    if row["status"] not in (OK, CUT, SHORT):
        return None, row["reason"]
    index = clip_frames(int(row["frames"]), features.sampling)
    numbers = np.unique(index)
    try:
        # Decoded once, at the larger of the two sizes.
        frames = read_frames(Path(row["path"]), numbers.tolist(), max(sizes.values()), row["backend"])
    except VideoError as error:
        return None, str(error)
    position = np.searchsorted(numbers, index)
    appearance = scaled(frames[np.searchsorted(numbers, middle_frames(index))], sizes["appearance"])
    motion = scaled(frames, sizes["motion"])[position]
    return (index, appearance, motion), ""
