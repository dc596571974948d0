"""What a video file holds, found by decoding it once, and whether decord gives its frames rightly.

decord is asked for the sampled frames first. Then the file is decoded in order, and each of decord's pictures is
compared with every frame that passes: it is right where no other frame is more like it than the one that was asked
for. That takes little memory however long the video is, and finds a picture that is one frame off.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from extract.config import SamplingSettings
from extract.videos.clock import Clock, Stamps, clock_of
from extract.videos.look import Look
from extract.videos.reader import DecordReader, Frames, InOrder, Shrink, Size, VideoError
from extract.videos.sampling import sampled_frames

THUMBNAIL = Size(32, 32)
CLOSE = 6.0
"""Largest difference (root of the mean square), in grey levels of 0..255, between one frame's thumbnails from the two
decoders. Measured: up to 1.2 for 8-bit files, 3.3 for a 10-bit one, 5.1 for one of 36 x 8 pixels."""

AT_ONCE = 32
"""Frames that are compared at once."""


@dataclass(frozen=True)
class Survey:
    """What decoding a file once in order has shown."""

    frames: int
    clock: Clock
    look: Look
    width: int
    height: int
    """Of the stored picture."""
    pixel_shape: Fraction
    """Width of a stored pixel by its height."""
    codec: str
    pixels: str
    """FFmpeg's name of the pixel format."""
    stream: int
    """The number of the stream in the file."""
    passed_over: int
    """Packets before the first picture that could not be decoded."""
    breaks_off: str
    """Why there are no frames to the end of the file; empty where there are."""
    damaged: int
    """Frames that the decoder marks as damaged."""
    lost: int
    """Frames that could not be decoded."""
    remarks: tuple[str, ...]
    """What was assumed or is not as usual, in words."""
    backend: str
    """`decord` where every sampled frame is the right one, else `pyav`."""
    backend_reason: str


def survey(path: Path, sampling: SamplingSettings, *, try_decord: bool = True) -> Survey:
    """Decodes a file once, from the beginning to the end; `VideoError` where that fails."""
    witness = _ask_decord(path, sampling) if try_decord else "not asked"
    count = 0
    stamps, look = Stamps(), Look()
    shrink = Shrink(THUMBNAIL)
    with InOrder(path) as stream:
        for frame in stream:
            if isinstance(witness, _Witness):
                witness.compare(count, shrink(frame))
            elif count == 0:
                shrink(frame)  # a frame that cannot be made a picture of is found here
            look.note(frame)
            stamps.note(frame)
            count += 1
        clock = clock_of(stamps.seconds(), stream.rate, stream.end, stream.lost)
        absent = stream.promised_end - clock.start - clock.duration
        if not stream.breaks_off and absent > max(0.5, 0.05 * clock.duration):
            stream.breaks_off = f"by its header it lasts {absent:.4g} seconds longer"
        reason = witness.objection(count) if isinstance(witness, _Witness) else witness
        if stream.damaged or stream.lost:
            reason = "the file is damaged"  # what decord gives of it depends on where it has been before
        reason = look.objection or reason
        others = [f"of {stream.others + 1} video streams the one that players show is used"] if stream.others else []
        return Survey(
            frames=count,
            clock=clock,
            look=look,
            width=stream.context.width,
            height=stream.context.height,
            pixel_shape=stream.pixel_shape,
            codec=stream.context.name,
            pixels=stream.context.pix_fmt or "",
            stream=stream.index,
            passed_over=stream.passed_over,
            breaks_off=stream.breaks_off,
            damaged=stream.damaged,
            lost=stream.lost,
            remarks=(*others, *clock.remarks, *look.remarks, *_shape_remark(stream.pixel_shape)),
            backend="pyav" if reason else "decord",
            backend_reason=reason or "every sampled frame is that of reading in order",
        )


def _shape_remark(shape: Fraction) -> list[str]:
    return [] if shape == 1 else [f"its pixels are {shape.numerator}:{shape.denominator} and not square"]


class _Witness:
    """decord's pictures of the sampled frames, and which frame of the file each is most like."""

    def __init__(self, count: int, numbers: NDArray[np.int64], pictures: list[Frames]) -> None:
        self._count = count
        self._numbers = numbers
        # Sums of squares of grey levels are whole numbers, which float64 holds exactly.
        self._pictures = np.stack(pictures).reshape(len(numbers), -1).astype(np.float64)
        self._lengths = np.square(self._pictures).sum(axis=1)
        self._row = {int(number): row for row, number in enumerate(numbers)}
        self._passing: list[tuple[int, Frames]] = []
        self._own = np.full(len(numbers), np.inf)
        self._nearest = np.full(len(numbers), np.inf)

    def compare(self, number: int, picture: Frames) -> None:
        """Compares all pictures with one frame (32, 32, 3) of the file."""
        self._passing.append((number, picture))
        if len(self._passing) == AT_ONCE:
            self._compare_passing()

    def _compare_passing(self) -> None:
        if not self._passing:
            return
        frames = np.stack([picture for _, picture in self._passing]).reshape(len(self._passing), -1).astype(np.float64)
        squares = np.square(frames).sum(axis=1)
        distances = self._lengths[:, None] + squares - 2 * self._pictures @ frames.T  # (pictures, frames)
        np.minimum(self._nearest, distances.min(axis=1), out=self._nearest)
        for column, (number, _) in enumerate(self._passing):
            if number in self._row:
                row = self._row[number]
                self._own[row] = distances[row, column]
        self._passing.clear()

    def objection(self, count: int) -> str:
        """What speaks against decord for a file of so many frames; empty where nothing does."""
        self._compare_passing()
        if self._count != count:
            return f"decord counts {self._count} frames, there are {count}"
        far = CLOSE**2 * self._pictures.shape[1]
        wrong = int(((self._own > self._nearest) | (self._own > far)).sum())
        return f"decord gives {wrong} of {len(self._numbers)} frames wrong" if wrong else ""


def _ask_decord(path: Path, sampling: SamplingSettings) -> _Witness | str:
    """decord's pictures of the frames that a sampling wants, or why there are none."""
    try:
        reader = DecordReader(path, THUMBNAIL)
        if not reader.count:
            return "decord finds no frame"
        numbers = sampled_frames(reader.count, sampling)
        return _Witness(reader.count, numbers, list(reader.frames(numbers.tolist())))
    except VideoError as error:
        return f"decord cannot read it: {error}"
