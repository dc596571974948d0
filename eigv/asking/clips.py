"""The clips of a video as a browser shows them: a small picture and a small film of each.

The file is read in a process of its own, which may hang or crash; no torch is imported for it. Sizes: K clips, T frames
a clip.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from base.errors import UserError
from base.formats.manifest import read_manifest
from base.formats.video_features import VideoFeatures
from base.writing import atomic_path
from extract.demo.render import encode
from extract.videos.reader import Frames, PyavReader
from extract.videos.shown.geometry import shown_shape
from extract.videos.workers import Limits, run_apart

WIDTH = 480
"""Of pictures and films, in pixels."""


class Clip(NamedTuple):
    """One clip of a video."""

    picture: Path
    """Its middle frame, JPEG."""
    film: Path
    """Its frames, H.264 in MP4."""
    start: float
    """The second at which its first frame is shown."""


class Job(NamedTuple):
    """A video to show."""

    path: Path
    shape: float
    """Width by height of a pixel."""
    frames: NDArray[np.int32]
    """(K, T)"""
    fps: int
    out: Path


def show_clips(features: Path, manifest: Path, out: Path, limits: Limits) -> list[Clip]:
    """Writes the K clips of the one video of a `video.h5` into the folder `out`, where they are not there yet.

    A film runs at the video's rate. `UserError` where the video cannot be decoded within the limits.
    """
    store = VideoFeatures.read(features, ())
    (row,) = read_manifest(manifest).to_dict("records")
    starts = store.frame_time[0][:, 0].tolist()
    clips = [Clip(*_files(out, number), start) for number, start in enumerate(starts)]
    if not all(clip.film.is_file() for clip in clips):
        out.mkdir(parents=True, exist_ok=True)
        fps = max(1, round(float(store.fps[0])))
        job = Job(Path(row["path"]), pixel_shape(manifest), store.frame_index[0], fps, out)
        (outcome,) = run_apart(write_clips, [job], 1, limits)
        if outcome.error:
            raise UserError(f"the video {job.path} cannot be read: {outcome.error}")
    return clips


def write_clips(job: Job) -> None:
    """Writes the pictures and films of one video, each in one step: at its time limit the process is killed."""
    numbers = np.unique(job.frames)
    shown = shown_frames(job.path, job.shape, numbers.tolist(), WIDTH)
    small = dict(zip(numbers.tolist(), shown, strict=True))
    height, width = next(iter(small.values())).shape[:2]
    for number, frames in enumerate(job.frames.tolist()):
        picture, film = _files(job.out, number)
        with atomic_path(picture) as temporary:
            Image.fromarray(small[frames[len(frames) // 2]]).save(temporary, "JPEG", quality=85)
        write_film((small[frame] for frame in frames), job.fps, width, height, film)


def write_film(frames: Iterator[Frames], fps: int, width: int, height: int, out: Path) -> None:
    """Writes frames, uint8 (H, W, 3), as H.264 in MP4, which appears whole or not at all."""
    with atomic_path(out) as temporary:
        temporary.touch()  # FFmpeg does not name a file that may not be written
        encode(frames, fps, width, height, temporary)


def _files(folder: Path, clip: int) -> tuple[Path, Path]:
    return folder / f"{clip}.jpg", folder / f"{clip}.mp4"


def pixel_shape(manifest: Path) -> float:
    """Width by height of a pixel of the one video of a manifest."""
    (row,) = read_manifest(manifest).to_dict("records")
    return shown_shape(str(row.get("pixel_shape", "")), int(row["rotation"]))


def shown_frames(path: Path, shape: float, numbers: list[int], widest: float = math.inf) -> Iterator[Frames]:
    """Frames as a player shows them, `widest` pixels wide at most; both sides are even, as H.264 wants it.

    `shape` is the width by height of a pixel.
    """
    for frame in PyavReader(path).frames(numbers):
        shown = frame.shape[1] * shape
        width = 2 * max(1, round(min(widest, shown) / 2))
        height = 2 * max(1, round(width * frame.shape[0] / shown / 2))
        yield np.asarray(Image.fromarray(frame).resize((width, height)))
