"""The frame strip of a video: a small picture of the middle of each of its clips."""

import itertools
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from base.errors import UserError
from base.formats.manifest import read_manifest
from base.formats.statuses import FAILED
from base.formats.video_features import VideoFeatures
from base.progress import progress
from extract.videos.reader import Frames, VideoError, read_pyav
from extract.videos.sampling import middle_frames


@dataclass(frozen=True)
class Strip:
    """The clips of one video as pictures."""

    video_id: str
    frames: list[Frames]
    """K pictures (H, W, 3)."""
    times: list[float]
    """K middles of the clips in seconds."""


def read_strips(
    video_ids: list[str], video: Path, manifest: Path, width: int, processes: int = 1
) -> Iterator[tuple[str, Strip | None]]:
    """The strip of each video, its pictures `width` pixels wide; None for a video that has no features.

    Every file is decoded in order, so that the pictures are the ones that the networks saw.
    """
    store = VideoFeatures.read(video)
    rows = {video_id: row for row, video_id in enumerate(store.ids)}
    places = read_manifest(manifest).set_index("video_id")["path"]
    tasks = []
    for video_id in video_ids:
        if video_id not in rows:
            raise UserError(f"{video} has no features of the video {video_id}; it is of other predictions")
        row = rows[video_id]
        usable = store.status[row] != FAILED and video_id in places.index and Path(places[video_id]).is_file()
        path = Path(places[video_id]) if usable else None
        tasks.append((video_id, path, middle_frames(store.frame_index[row]), float(store.fps[row]), width))
    if processes == 1 or len(tasks) == 1:
        found: Iterator[Strip | None] = itertools.starmap(_read, tasks)
        yield from zip(video_ids, found, strict=True)
        return
    with ProcessPoolExecutor(processes) as pool:
        found = pool.map(_read, *zip(*tasks, strict=True), chunksize=4)
        yield from zip(video_ids, progress(found, total=len(tasks), label="frame strips", unit="video"), strict=True)


def _read(video_id: str, path: Path | None, middles: np.ndarray, fps: float, width: int) -> Strip | None:
    if path is None:
        return None
    numbers, position = np.unique(middles, return_inverse=True)
    try:
        frames = read_pyav(path, numbers.tolist(), None)
    except VideoError:
        return None
    height = max(1, round(width * frames.shape[1] / frames.shape[2]))
    small = [np.asarray(Image.fromarray(frame).resize((width, height))) for frame in frames]
    return Strip(video_id, [small[i] for i in position], [float(number / fps) for number in middles])
