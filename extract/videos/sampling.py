"""Which frames of a video are looked at.

Sizes: n frames of the video, K clips, T consecutive frames a clip.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from extract.config import SamplingSettings

Number = TypeVar("Number", bound=np.generic)


def clip_frames(n: int, sampling: SamplingSettings) -> NDArray[np.int32]:
    """The frame numbers (K, T) of K clips of T consecutive frames, spread evenly over n frames.

    The video is cut into K equal parts and each clip is centred on the middle of its part, moved inside the video
    where it would reach over an end. A video with fewer than T frames repeats its last frame. The paper says K = 16
    and does not say where the clips lie.
    """
    if n < 1:
        raise ValueError(f"a video of {n} frames has no clips")
    if sampling.positions == "hcrn":
        return np.array(
            [_hcrn_clip(n, n * k // (sampling.clips + 1), sampling.frames) for k in range(1, sampling.clips + 1)]
        )
    parts = np.arange(sampling.clips, dtype=np.int64)
    middles: NDArray[np.int64] = ((2 * parts + 1) * n) // (2 * sampling.clips)
    if sampling.positions == "spread":
        middles = spread_frames(n, sampling.clips).astype(np.int64)
    starts = np.clip(middles - sampling.frames // 2, 0, max(n - sampling.frames, 0))
    frames = starts[:, None] + np.arange(sampling.frames)
    return np.minimum(frames, n - 1).astype(np.int32)


def _hcrn_clip(n: int, centre: int, frames: int) -> NDArray[np.int32]:
    """The clip of HCRN's code around a centre: (T,).

    Centres are the inner ones of K + 2 evenly spread points. A clip that reaches over an end is cut there, one frame
    early at the end of the video, and filled up with copies of the first, then of the last frame.
    """
    start, stop = max(centre - frames // 2, 0), centre + frames // 2
    if stop > n:
        stop = n - 1
    absent = frames - (stop - start)
    first = [0] * absent if start == 0 else []
    last = [n - 1] * absent if stop == n - 1 else []
    return np.array([*first, *range(start, stop), *last][:frames], np.int32)


def spread_frames(n: int, count: int) -> NDArray[np.int32]:
    """The frames that MSPAN's code looks at: `count` from the first to the last, evenly, rounded down.

    A video with fewer frames has all of them once, and its first and its last repeated to fill up.
    """
    if n < count:
        return np.clip(np.arange(count) - (count - n) // 2, 0, n - 1).astype(np.int32)
    return np.linspace(0, n - 1, count, dtype=np.int32)


def appearance_frames(n: int, sampling: SamplingSettings, every: bool) -> NDArray[np.int32]:
    """The frames (K, F) that the appearance network sees: `every` frame of a clip, or (F = 1) its middle one.

    With `spread` positions the one frame is the position itself, which near the ends is not its clip's middle.
    """
    if every:
        return clip_frames(n, sampling)
    if sampling.positions == "spread":
        return spread_frames(n, sampling.clips)[:, None]
    return middle_frames(clip_frames(n, sampling))[:, None]


def sampled_frames(n: int, sampling: SamplingSettings) -> NDArray[np.int64]:
    """All frames that are looked at, ascending, each once."""
    both = (clip_frames(n, sampling), appearance_frames(n, sampling, every=False))
    return np.unique(np.concatenate([numbers.ravel() for numbers in both])).astype(np.int64)


def middle_frames(frames: NDArray[Number]) -> NDArray[Number]:
    """The frame (K, ...) in the middle of each clip (K, T, ...): its number, or its features."""
    return frames[:, frames.shape[1] // 2]
