"""The frame strip of a video: a small picture of the middle of each of its clips."""

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from base.errors import UserError
from base.formats.manifest import read_manifest
from base.formats.statuses import FAILED
from base.formats.video_features import VideoFeatures
from base.jobs.progress import progress
from extract.videos.reader import Frames, PyavReader, VideoError
from extract.videos.sampling import middle_frames
from extract.videos.shown.geometry import shown_shape

Numbers = NDArray[np.int32]
Seconds = NDArray[np.float64]


class Part(NamedTuple):
    """A part of a clip, by its frames."""

    clip: int
    start: float
    """The share of the frames that are before it."""
    end: float


@dataclass(frozen=True)
class Strip:
    """The clips of one video as pictures."""

    video_id: str
    frames: list[Frames]
    """K pictures (H, W, 3)."""
    times: list[float]
    """K seconds: when each of them is shown."""
    frame_times: Seconds | None = None
    """(K, T) when every frame of each clip is shown; None where nobody asks for it."""
    path: Path | None = None
    """The file of the video."""

    def within(self, spans: Sequence[Sequence[float]]) -> list[Part]:
        """The parts of clips whose frames are shown within `spans`, in seconds; a span holds its start and not its end.
        None where frames have no times."""
        if self.frame_times is None:
            return []
        inside = np.zeros(self.frame_times.shape, dtype=bool)
        for start, end in spans:
            inside |= (start <= self.frame_times) & (self.frame_times < end)
        parts = []
        for clip, row in enumerate(inside):
            edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(int), [0]])))
            parts += [Part(clip, a / len(row), b / len(row)) for a, b in edges.reshape(-1, 2).tolist()]
        return parts


def read_strips(
    video_ids: list[str], video: Path, manifest: Path, width: int, processes: int = 1
) -> Iterator[tuple[str, Strip | None]]:
    """The strip of each video, its pictures `width` pixels wide; None for a video that has no features.

    Every file is decoded in order, so that the pictures are the ones that the networks saw.
    """
    store = VideoFeatures.read(video, kinds=())
    rows = {video_id: row for row, video_id in enumerate(store.ids)}
    known = read_manifest(manifest).set_index("video_id")
    places = known["path"]
    shapes = {
        str(row.Index): shown_shape(str(row.pixel_shape), int(str(row.rotation)))
        for row in (known.itertuples() if "pixel_shape" in known else ())  # a manifest from before does not say
    }
    tasks = []
    for video_id in video_ids:
        if video_id not in rows:
            raise UserError(f"{video} has no features of the video {video_id}; it is of other predictions")
        row = rows[video_id]
        usable = store.status[row] != FAILED and video_id in places.index and Path(places[video_id]).is_file()
        path = Path(places[video_id]) if usable else None
        times = store.frame_time[row]
        shape = shapes.get(video_id, 1.0)
        tasks.append((video_id, path, middle_frames(store.frame_index[row]), times, width, shape))
    if processes == 1 or len(tasks) == 1:
        found: Iterator[Strip | None] = itertools.starmap(_read, tasks)
        yield from zip(video_ids, found, strict=True)
        return
    with ProcessPoolExecutor(processes) as pool:
        found = pool.map(_read, *zip(*tasks, strict=True), chunksize=4)
        yield from zip(video_ids, progress(found, total=len(tasks), label="frame strips", unit="video"), strict=True)


def _read(video_id: str, path: Path | None, middles: Numbers, times: Seconds, width: int, shape: float) -> Strip | None:
    if path is None:
        return None
    numbers, position = np.unique(middles, return_inverse=True)
    try:
        frames = list(PyavReader(path).frames(numbers.tolist()))
    except VideoError:
        return None
    height = max(1, round(width * frames[0].shape[0] / (frames[0].shape[1] * shape)))
    small = [np.asarray(Image.fromarray(frame).resize((width, height))) for frame in frames]
    middle = times[:, times.shape[1] // 2]
    return Strip(video_id, [small[i] for i in position], middle.tolist(), times, path)
