"""Frames of a video file, by number. Frame i is what decoding from the beginning gives as frame i.

Two readers offer the same: `DecordReader`, fast random access that on some files silently returns frames of other
times, and `PyavReader`, which decodes in order and is right by definition. `extract.videos.survey` decides, file by
file, whether decord may be used.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, Colorspace, VideoReformatter
from numpy.typing import NDArray

from extract.videos.geometry import orientation, pixel_shape
from extract.videos.stream import shown
from extract.videos.tones import TRANSFERS, to_sdr

Frames = NDArray[np.uint8]

CHUNK = 16
"""Frames asked of decord at once. The same wherever it is used: what it returns depends on what was asked before."""

DECORD_PREFIX = re.compile(r"\[\d\d:\d\d:\d\d\] \S+:\d+: |\[/[^\]]*\] ")
"""What decord puts before a message: the time and the line of its source; and the file, which the manifest has."""

HIDDEN_FRAMES = ("vp8", "vp9", "av1", "libdav1d")
"""Codecs whose packets need not hold a frame that is shown."""

UNSPECIFIED = 2
"""FFmpeg's number of a colour space that the file does not name."""


class VideoError(Exception):
    """A file that cannot be decoded; the message is the decoder's reason."""


class Size(NamedTuple):
    """Size of a picture as a player shows it, in pixels."""

    width: int
    height: int


class Reader(Protocol):
    """Access to the frames of one file."""

    @property
    def count(self) -> int:
        """Number of frames, as this decoder counts them."""

    @property
    def fps(self) -> float:
        """Average frames a second; 0 where the file states none."""

    def frames(self, numbers: list[int]) -> Iterator[Frames]:
        """RGB pictures (H, W, 3) with these ascending numbers, one after the other, as a player shows them."""


def open_reader(path: Path, backend: str, size: Size | None = None) -> Reader:
    """The reader of a backend, `decord` or `pyav`. Pictures are squashed to `size`, or as large as in the file."""
    return DecordReader(path, size) if backend == "decord" else PyavReader(path, size)


class DecordReader:
    """Random access through decord, which scales while it decodes."""

    def __init__(self, path: Path, size: Size | None = None) -> None:
        import decord

        decord.logging.set_level(decord.logging.ERROR)
        self._errors = (decord.DECORDError, RuntimeError, IndexError)
        width, height = size or (-1, -1)
        if not path.is_file():
            raise VideoError("no such file")  # decord's own words do not say so
        try:
            # One thread costs the least processor time; videos are decoded side by side instead.
            self._reader = decord.VideoReader(str(path), width=width, height=height, num_threads=1)
        except self._errors as error:
            raise VideoError(first_line(error)) from None

    @property
    def count(self) -> int:
        """Number of frames that decord counts; some of them may not exist."""
        return len(self._reader)

    @property
    def fps(self) -> float:
        """Average frames a second."""
        return float(self._reader.get_avg_fps())

    def frames(self, numbers: list[int]) -> Iterator[Frames]:
        """RGB pictures; whether they are the right ones is not known here."""
        for start in range(0, len(numbers), CHUNK):
            try:
                chunk = self._reader.get_batch(numbers[start : start + CHUNK]).asnumpy()
            except self._errors as error:
                raise VideoError(first_line(error)) from None
            yield from chunk


class PyavReader:
    """Decodes from the beginning. Opens the file anew for each pass over it."""

    def __init__(self, path: Path, size: Size | None = None) -> None:
        self._path = path
        self._size = size

    @property
    def count(self) -> int:
        """Number of frames; found by decoding all of them."""
        with InOrder(self._path) as stream:
            return sum(1 for _ in stream)

    @property
    def fps(self) -> float:
        """Average frames a second; 0 where the file states none."""
        with InOrder(self._path) as stream:
            return stream.rate

    def frames(self, numbers: list[int]) -> Iterator[Frames]:
        """RGB pictures; `VideoError` where the file ends before the last of them."""
        wanted = iter(numbers)
        number = next(wanted, None)
        shrink = Shrink(self._size)
        with InOrder(self._path) as stream:
            for position, frame in enumerate(stream):
                if number is None:
                    return
                if position == number:
                    yield shrink(frame)
                    number = next(wanted, None)
        if number is not None:
            raise VideoError(f"it ends before frame {number}")


def read_pyav(path: Path, numbers: list[int], size: Size | None) -> Frames:
    """The frames with these ascending numbers, decoded in order: (len(numbers), H, W, 3)."""
    return np.stack(list(PyavReader(path, size).frames(numbers)))


class InOrder:
    """The frames of a file's video stream from the first to the last. Use it in a `with` block.

    The stream is the one that a player shows. Packets before the first picture that cannot be decoded (a file that
    begins between two key frames) are passed over, those after it are counted; decoding goes on with the next one.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._container = av.open(str(path), metadata_errors="ignore")
        except (av.FFmpegError, OSError) as error:
            raise VideoError(first_line(error)) from None
        stream, self.others = shown(path, self._container.streams.video)
        if stream is None:
            self._container.close()
            raise VideoError("it holds no video stream")
        self._stream = stream
        # In one thread, so that a damaged file gives the same frames every time.
        self._stream.thread_count = 1
        self.context = self._stream.codec_context
        self.pixel_shape = pixel_shape(self._stream)
        """Width of a stored pixel by its height."""
        self.index = self._stream.index
        """Which of the file's streams it is."""
        self.passed_over = 0
        """Packets before the first picture that could not be decoded."""
        self.breaks_off = ""
        """Why there are no frames to the end of the file; empty where there are."""
        self.damaged = 0
        """Frames that the decoder marks as damaged."""
        self.lost = 0
        """Frames between the first and the last that could not be decoded."""

    def __enter__(self) -> "InOrder":
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    @property
    def rate(self) -> float:
        """Average frames a second; 0 where the file states none."""
        return float(self._stream.average_rate or self._stream.guessed_rate or 0)

    @property
    def end(self) -> float | None:
        """Seconds at which the file says that it ends; None where it does not."""
        if self._container.duration is None:
            return None
        return ((self._container.start_time or 0) + self._container.duration) / av.time_base

    @property
    def promised_end(self) -> float:
        """Seconds, on the clock of its timestamps, at which the header says that the stream ends; 0 without a word."""
        told = self._stream.metadata.get("DURATION", "")  # Matroska: 00:00:12.345000000, the end in spite of its name
        if re.fullmatch(r"\d+:\d+:[\d.]+", told):
            hours, minutes, seconds = told.split(":")
            return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        if not self._stream.duration:
            return 0.0
        return float(((self._stream.start_time or 0) + self._stream.duration) * (self._stream.time_base or 0))

    def __iter__(self) -> Iterator[VideoFrame]:
        packets, frames, errors, last_error = 0, 0, 0, ""
        self._last_is_partial = False
        errors_since_a_frame = 0
        demuxed = self._container.demux(self._stream)
        while True:
            try:
                packet = next(demuxed, None)
            except (av.FFmpegError, OSError) as error:
                self.breaks_off = last_error = first_line(error)
                break
            if packet is None:
                break
            if packet.size:
                packets += 1
                self._last_is_partial = packet.is_corrupt
            try:
                decoded = packet.decode()
            except (av.FFmpegError, OSError) as error:
                last_error = last_error or first_line(error)
                errors_since_a_frame += 1
                if frames:
                    errors += 1
                else:
                    self.passed_over += 1
                continue
            for frame in decoded:
                errors_since_a_frame = 0
                frames += 1
                self.damaged += frame.is_corrupt
                yield frame
        if not frames:
            raise VideoError(last_error or "no frame could be decoded")
        self._count_lost(packets, frames, errors, errors_since_a_frame, last_error)

    def _count_lost(self, packets: int, frames: int, errors: int, at_the_end: int, last_error: str) -> None:
        """Sets `lost` and `breaks_off` at the end of the file, where `at_the_end` errors followed the last frame."""
        if (at_the_end and packets < self._stream.frames) or self._last_is_partial:
            self.breaks_off = self.breaks_off or last_error or "its last packet is not whole"
            errors -= at_the_end
            packets -= at_the_end
        absent = 0 if self.context.name in HIDDEN_FRAMES else packets - self.passed_over - frames
        # A packet that cannot be decoded takes those with it that build on it.
        self.lost = max(errors, absent) if errors else 0


class Shrink:
    """Decoded frames to RGB pictures of one size as a player shows them: turned, mirrored, HDR as ordinary light."""

    def __init__(self, size: Size | None) -> None:
        self._size = size
        self._reformatter = VideoReformatter()  # one for all frames: setting one up costs more than using it

    def __call__(self, frame: VideoFrame) -> Frames:
        """The picture (H, W, 3)."""
        way = orientation(frame)
        width, height = (self._size if way.turns % 2 == 0 else self._size[::-1]) if self._size else (None, None)
        transfer = TRANSFERS.get(frame.color_trc)
        if transfer is None:
            picture = self._reformatter.reformat(frame, width=width, height=height, format="rgb24").to_ndarray()
            return way.apply(np.asarray(picture, np.uint8))
        space = frame.colorspace if frame.colorspace != UNSPECIFIED else Colorspace.BT2020
        deep = self._reformatter.reformat(frame, width, height, "rgb48le", src_colorspace=space).to_ndarray()
        return way.apply(to_sdr(np.asarray(deep, np.uint16), transfer, frame.color_primaries != ColorPrimaries.BT709))


def first_line(error: Exception) -> str:
    """What a decoder says, in one line: without times, source files and paths, the same every time."""
    text = (error.strerror if isinstance(error, OSError | av.FFmpegError) else None) or str(error)
    lines = [DECORD_PREFIX.sub("", line).strip() for line in text.splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200]
