"""When the sampled frames of a video are shown.

Sizes: K clips, T frames a clip, n frames of the video.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from extract.videos.reader import InOrder
from extract.videos.shown.clock import Clock, Stamps, clock_of


class ClipTimes(NamedTuple):
    """Seconds from the first frame of the video."""

    frames: NDArray[np.float64]
    """(K, T) when each frame of a clip is shown first."""
    ends: NDArray[np.float64]
    """(K,) when the last frame of a clip is replaced by the next, or the video ends."""


def clip_times(row: dict[str, Any], frame_index: NDArray[np.int32]) -> ClipTimes:
    """The times of the frames (K, T) of a video with this row of the manifest.

    Where the rate is not constant the file is decoded once more for its timestamps; `VideoError` where that fails.
    """
    if row.get("clock") == "variable":
        clock = read_clock(Path(row["path"]))
        bounds = np.append(clock.times, clock.duration)  # (n + 1,)
        return ClipTimes(bounds[frame_index], bounds[frame_index[:, -1] + 1])
    rate = float(row["fps"])
    return ClipTimes(frame_index / rate, (frame_index[:, -1] + 1) / rate)


def read_clock(path: Path) -> Clock:
    """The clock of a file, by decoding it once; `VideoError` where that fails."""
    stamps = Stamps()
    with InOrder(path) as stream:
        for frame in stream:
            stamps.note(frame)
        return clock_of(stamps.seconds(), stream.rate, stream.end, stream.lost)
