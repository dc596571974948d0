"""Which frames the clips of imported features are of, as their files know it, told by the frames of the video file.

Sizes: K clips, T frames a clip, F frames a clip that the appearance feature is of.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from base.errors import UserError
from base.formats.video_features import NOT_KNOWN, Sizes, Writer
from extract.layouts import FeatureSource, Timing

SAME_RATE = 0.01
"""Rates that differ by a smaller share than this count the same frames."""


def known_timing(source: FeatureSource, theirs: str, row: Mapping[Any, Any]) -> Timing | None:
    """What the source knows of the video that it calls `theirs`; `row` is its row of the manifest.

    Where the video file is there and the source counts frames at another rate (captions have one a second, say), the
    seconds stay and the frames become those that the video shows then, so that pictures can be taken from it.
    """
    if source.timing is None:
        return None
    timing = source.timing(theirs)
    if not row["frames"]:
        return timing
    fps, frames = float(row["fps"]), int(row["frames"])
    if abs(timing.fps - fps) <= SAME_RATE * fps:
        return timing
    return replace(
        timing,
        fps=fps,
        duration=float(row["duration"]),
        frame_index=_shown(timing.frame_time, fps, frames),
        appearance_index=_shown(timing.appearance_index / timing.fps, fps, frames, timing.appearance_index >= 0),
    )


def _shown(seconds: NDArray[np.float64], fps: float, frames: int, known: Any = True) -> NDArray[np.int32]:
    """Which of the `frames` of a video is shown at each of some times."""
    known &= np.isfinite(seconds)
    # 1 / 25 is no binary fraction: a frame begins a hair before its time
    index = np.floor(np.where(known, seconds, 0) * fps + 1e-6).clip(max=frames - 1)
    return np.where(known, index, NOT_KNOWN).astype(np.int32)


def note_timing(timing: Timing, row: int, name: str, sizes: Sizes, writer: Writer) -> None:
    """Writes the frames and times of a video; `UserError` where they are of other shapes than those of the others."""
    shapes = timing.frame_index.shape, timing.appearance_index.shape, timing.frame_time.shape, timing.clip_end.shape
    whole, seen = (sizes.clips, sizes.frames), (sizes.clips, sizes.seen)
    if shapes != (whole, seen, whole, (sizes.clips,)):
        raise UserError(
            f"{name}: its frames and times have the shapes {shapes}, those of the others {whole}, {seen}, {whole} and "
            f"{(sizes.clips,)}"
        )
    writer.frames(row, timing.frame_index, timing.appearance_index)
    writer.times(row, timing.frame_time, timing.clip_end)


def with_rates(videos: pd.DataFrame, timed: Callable[[str], Timing | None]) -> pd.DataFrame:
    """The rows of the feature file with the rates and durations that are known, else as they are."""
    found = videos.copy()
    for row, name in enumerate(found["video_id"]):
        if (timing := timed(name)) is not None:
            for column, value in (("fps", timing.fps), ("duration", timing.duration)):
                if np.isfinite(value):
                    found.loc[row, column] = value
    return found
