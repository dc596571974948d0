"""When the frames of a video are shown, in seconds from its first frame, by their presentation timestamps."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

ASSUMED_RATE = 25.0
"""Frames a second where a file states none and has no timestamps; the manifest says so."""

EVEN = 0.002
"""Seconds that a frame of a constant rate may be off: containers that count milliseconds round to them."""


@dataclass(frozen=True)
class Clock:
    """The times of all frames of a video."""

    times: NDArray[np.float64]
    """(n,) seconds from the first frame, never falling."""
    fps: float
    """Average frames a second: the rate that the file states, or frames / duration where the two do not agree."""
    duration: float
    """Seconds from the first frame to the end of the last."""
    start: float
    """Seconds at which the first frame stands in the file; players count from there."""
    remarks: tuple[str, ...]
    """What was assumed, in words."""

    @property
    def even(self) -> bool:
        """True where frame number / fps is the time of each frame."""
        return bool((np.abs(self.times - np.arange(len(self.times)) / self.fps) <= EVEN).all())


class Stamps:
    """The timestamps of the frames of a file, gathered while they are decoded.

    An AVI has none of presentation, and what decoders make up for it goes back and forth: there the times of decoding,
    which ascend, are those of the frames in their order. The choice is the one that FFmpeg makes.
    """

    def __init__(self) -> None:
        self._shown: list[float | None] = []
        self._decoded: list[float | None] = []

    def note(self, frame: VideoFrame) -> None:
        """The next frame."""
        base = float(frame.time_base or 0)
        self._shown.append(None if frame.pts is None else frame.pts * base)
        self._decoded.append(None if frame.dts is None else frame.dts * base)

    def seconds(self) -> list[float | None]:
        """The time of each frame as the file has it; None where it has none."""
        falls = [_falls(stamps) for stamps in (self._shown, self._decoded)]
        return self._shown if falls[0] <= falls[1] else self._decoded


def _falls(stamps: list[float | None]) -> float:
    known = [stamp for stamp in stamps if stamp is not None]
    return sum(after <= before for before, after in pairwise(known)) if known else float("inf")


def clock_of(stamps: Sequence[float | None], stated: float, end: float | None = None, lost: int = 0) -> Clock:
    """The clock of a video from the timestamps of its frames in seconds and the rate that its file states (or 0).

    `end` is where the file says that it ends, in the same seconds; `lost` frames are known to be absent. A frame
    without a timestamp follows the one before it at the usual distance, as does one whose timestamp goes back. Without
    any timestamps frames follow each other evenly.
    """
    count = len(stamps)
    known = [stamp for stamp in stamps if stamp is not None]
    steps = np.diff(np.array(known, np.float64))
    usual = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
    if not usual:
        rate = stated or ASSUMED_RATE
        remarks = [] if stated else [f"the file states no frame rate: {rate:g} a second are assumed"]
        if count > 1:
            remarks.append("the file has no timestamps: its frames are taken to follow each other evenly")
        return Clock(np.arange(count) / rate, rate, count / rate, known[0] if known else 0.0, tuple(remarks))
    times, jumps = _ascending(stamps, usual)
    last = 1 / stated if stated and 0.5 <= usual * stated <= 2 else usual
    sane = bool(stated) and abs(stated * (times[-1] + last) - (count + lost)) <= max(1.0, 0.02 * count)
    if not sane and end is not None and 0 < end - known[0] - times[-1] < last:
        last = end - known[0] - times[-1]
    duration = float(times[-1] + last)
    fps = stated if sane else (count + lost) / duration
    remarks = []
    if not stated:
        remarks.append(f"the file states no frame rate: its timestamps give {fps:.4g} a second")
    elif not sane:
        remarks.append(f"the file states {stated:.4g} frames a second and its timestamps give {fps:.4g}")
    if jumps:
        remarks.append(f"its timestamps go back {jumps} times: the frames after it follow at the usual distance")
    return Clock(times, fps, duration, known[0], tuple(remarks))


def _ascending(stamps: Sequence[float | None], usual: float) -> tuple[NDArray[np.float64], int]:
    """The times (n,) from the first frame on, and how often a timestamp goes back."""
    times = np.zeros(len(stamps))
    before, jumps = stamps[0], 0
    for number in range(1, len(stamps)):
        stamp = stamps[number]
        step = usual
        if stamp is not None and before is not None:
            step = stamp - before
            if step < 0:
                step, jumps = usual, jumps + 1
        times[number] = times[number - 1] + step
        before = stamp if stamp is not None else (before + usual if before is not None else None)
    return times, jumps
