"""Peak memory of extraction: it grows neither with the length of a video nor with the number of videos."""

import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import h5py
import numpy as np
import pandas as pd

from base.formats.store import create, write_strings
from base.formats.video_features import KINDS
from extract.config import FeaturesSettings
from extract.features.merge import merge
from extract.features.shards import SHARD
from extract.videos.decode import KIND, Job, decode_one
from extract.videos.pictures import pictures_of
from extract.videos.survey import survey


def memory(folder: Path, features: FeaturesSettings) -> str:
    """Peak memory of what could grow: decoding with the length of a video, the merge with the number of videos."""
    rows = []
    for seconds in (10, 120):
        path = long_video(folder / f"{seconds}.mp4", 25 * seconds)
        rows.append((f"decoding a video of {seconds} s", _peak(decode_long, (path, features))))
        rows.append((f"probing a video of {seconds} s", _peak(probe_long, (path, features))))
    for count in (100, 1000):
        rows.append((f"merging {count} videos", _peak(merge_many, (folder / str(count), count))))
    table = pd.DataFrame([{"": what, "peak MB": f"{peak:.0f}"} for what, peak in rows])
    return f"Peak memory of one process, resident:\n\n{table.to_markdown(index=False)}"


def long_video(path: Path, frames: int) -> Path:
    """A video of moving noise, 640 x 360, 25 frames a second."""
    noise = np.random.default_rng(0).integers(0, 255, (360, 2000, 3), np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for number in range(frames):
            start = 2 * number % 1300
            picture = np.ascontiguousarray(noise[:, start : start + 640])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def _peak(function: Callable[..., None], arguments: tuple[Any, ...]) -> float:
    """Megabytes that a fresh process has at most while it runs the function."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (function, arguments)) / 1024


def _measured(function: Callable[..., None], arguments: tuple[Any, ...]) -> int:
    """Kilobytes that the process had at most; getrusage would give those of its parent where these were more."""
    function(*arguments)
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def decode_long(path: Path, features: FeaturesSettings) -> None:
    """Decodes what the networks see of it."""
    with av.open(str(path)) as container:
        frames = container.streams.video[0].frames
    row = {"path": str(path), "frames": frames, "status": "ok", "backend": "decord", "fps": 25.0}
    decode_one(Job(row, features, pictures_of(features)))


def probe_long(path: Path, features: FeaturesSettings) -> None:
    """Looks at every frame of it."""
    survey(path, features.sampling)


def merge_many(folder: Path, count: int) -> None:
    """A shard of so many videos with full-size features, merged."""
    folder.mkdir()
    ids = [str(number) for number in range(count)]
    frames, features = folder / "frames.h5", {kind: folder / f"{kind}.h5" for kind in KINDS}
    with create(frames, KIND, {}) as file:
        for name in ("ids", "status", "decoder"):
            write_strings(file, name, ids if name == "ids" else ["ok"] * count)
        file["appearance_index"] = np.zeros((count, 16, 1), np.int32)
        file["frame_index"] = np.zeros((count, 16, 16), np.int32)
        file["frame_time"], file["clip_end"] = np.zeros((count, 16, 16)), np.zeros((count, 16))
        file["fps"] = file["duration"] = np.ones(count)
    for path in features.values():
        with create(path, SHARD, {}) as file:
            write_strings(file, "ids", ids)
            values: h5py.Dataset = file.create_dataset("features", (count, 16, 2048), np.float32)
            for row in range(count):
                values[row] = row % 7
    manifest = pd.DataFrame({"video_id": ids, "sha256": "x", "bytes": 0, "modified": ""})
    merge([(frames, features)], FeaturesSettings(), manifest, folder / "video.h5")
