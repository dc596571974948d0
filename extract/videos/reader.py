"""Frames of a video file, by number. Frame i is what decoding from the beginning gives as frame i.

decord's random access is fast and, on some files, silently wrong: it returns frames of other times. So a file is
first read once in order with PyAV (`survey`), which counts its frames and keeps a thumbnail of those that are
wanted; decord is used where all its frames agree with the thumbnails, and PyAV in order everywhere else.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray
from PIL import Image

from extract.config import Sampling
from extract.videos.sampling import clip_frames

Frames = NDArray[np.uint8]

THUMBNAIL = 32
CLOSE = 8.0
"""Largest mean difference, in grey levels of 0..255, between one frame's thumbnails from two decoders: their colour
conversions and scalers differ by 1 to 3."""

ASSUMED_RATE = 25.0
"""Frames a second where a file states none; the manifest says so."""


class VideoError(Exception):
    """A file that can not be decoded; the message is the decoder's reason."""


@dataclass(frozen=True)
class Survey:
    """What reading a file once in order has shown."""

    frames: int
    fps: float
    rate_stated: bool
    """False where the file states no frame rate and `fps` is assumed."""
    duration: float
    """Seconds: the time of the last frame and its length."""
    width: int
    height: int
    rotation: int
    """Degrees that a player turns the picture, counter-clockwise."""
    codec: str
    breaks_off: str
    """Why decoding stopped before the end of the file; empty where it did not."""
    thumbnails: dict[int, Frames]
    """Of the frames that a sampling wants, (32, 32, 3)."""


def survey(path: Path, sampling: Sampling) -> Survey:
    """Decodes a file once, from the beginning to the end; `VideoError` where that fails."""
    small: list[Frames] = []
    last_time = 0.0
    rotation = 0
    shrink = VideoReformatter()  # one for all frames: setting one up costs more than shrinking a frame
    broken: list[str] = []
    with _Container(path) as (container, stream):
        for frame in _decode(container, stream, broken):
            rotation = _rotation(frame)
            small.append(_rotated(_pixels(shrink, frame, THUMBNAIL), rotation))
            last_time = frame.time if frame.time is not None else last_time
        stated = float(stream.average_rate or stream.guessed_rate or 0)
        rate = stated or ASSUMED_RATE
        if not small:
            raise VideoError("no frame could be decoded")
        wanted = np.unique(clip_frames(len(small), sampling))
        return Survey(
            frames=len(small),
            fps=rate,
            rate_stated=bool(stated),
            duration=max(last_time + 1 / rate, len(small) / rate if last_time == 0 else 0.0),
            width=stream.codec_context.width,
            height=stream.codec_context.height,
            rotation=rotation,
            codec=stream.codec_context.name,
            breaks_off="; ".join(broken),
            thumbnails={int(i): small[i] for i in wanted},
        )


def choose_backend(path: Path, seen: Survey) -> tuple[str, str]:
    """`decord` where it gives the right frame for every wanted number, else `pyav`; and the reason in words."""
    numbers = sorted(seen.thumbnails)
    try:
        small = read_decord(path, numbers, THUMBNAIL)
    except VideoError as error:
        return "pyav", f"decord can not read it: {error}"
    expected = np.stack([seen.thumbnails[i] for i in numbers]).astype(np.float32)
    differences = np.abs(small.astype(np.float32) - expected).mean(axis=(1, 2, 3))
    wrong = int((differences > CLOSE).sum())
    if wrong:
        return "pyav", f"decord gives {wrong} of {len(numbers)} frames wrong"
    return "decord", "every sampled frame agrees with reading in order"


def read_frames(path: Path, numbers: list[int], size: int, backend: str) -> Frames:
    """The frames with these ascending numbers, squashed to size x size: (len(numbers), size, size, 3) RGB."""
    return read_decord(path, numbers, size) if backend == "decord" else read_pyav(path, numbers, size)


def read_decord(path: Path, numbers: list[int], size: int) -> Frames:
    """Random access through decord, which scales while it decodes; `VideoError` for what it can not read."""
    import decord

    decord.logging.set_level(decord.logging.ERROR)
    try:
        # One thread costs the least processor time; videos are decoded side by side instead.
        reader = decord.VideoReader(str(path), width=size, height=size, num_threads=1)
        return reader.get_batch(numbers).asnumpy()
    except (decord.DECORDError, RuntimeError, IndexError) as error:
        raise VideoError(_first_line(error)) from None


def read_pyav(path: Path, numbers: list[int], size: int | None) -> Frames:
    """Reads in order from the beginning, turned as a player would; `size` None keeps the file's own size."""
    wanted = set(numbers)
    found: dict[int, Frames] = {}
    shrink = VideoReformatter()
    with _Container(path) as (container, stream):
        for number, frame in enumerate(_decode(container, stream, [])):
            if number in wanted:
                found[number] = _rotated(_pixels(shrink, frame, size), _rotation(frame))
            if len(found) == len(wanted):
                break
    absent = wanted - found.keys()
    if absent:
        raise VideoError(f"it ends before frame {min(absent)}")
    return np.stack([found[number] for number in numbers])


def scaled(frames: Frames, size: int) -> Frames:
    """Frames (n, H, W, 3) squashed to (n, size, size, 3), bilinear with antialiasing."""
    if frames.shape[1:3] == (size, size):
        return frames
    resample = Image.Resampling.BILINEAR
    return np.stack([np.asarray(Image.fromarray(frame).resize((size, size), resample)) for frame in frames])


class _Container:
    """A file opened by PyAV, with its first video stream."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> tuple[av.container.InputContainer, av.video.stream.VideoStream]:
        try:
            self.container = av.open(str(self.path), metadata_errors="ignore")
        except (av.FFmpegError, OSError) as error:
            raise VideoError(_first_line(error)) from None
        if not self.container.streams.video:
            self.container.close()
            raise VideoError("it holds no video stream")
        stream = self.container.streams.video[0]
        stream.thread_type = "AUTO"
        return self.container, stream

    def __exit__(self, *_: object) -> None:
        self.container.close()


def _decode(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream, broken: list[str]
) -> Iterator[VideoFrame]:
    """The frames in order. A file that breaks off after its first ones counts as far as it goes; `broken` says why."""
    number = 0
    try:
        for frame in container.decode(stream):
            yield frame
            number += 1
    except (av.FFmpegError, OSError) as error:
        if number == 0:
            raise VideoError(_first_line(error)) from None
        broken.append(_first_line(error))


def _pixels(shrink: VideoReformatter, frame: VideoFrame, size: int | None) -> Frames:
    """RGB pixels (size, size, 3), or of the frame's own size for None."""
    return np.asarray(shrink.reformat(frame, width=size, height=size, format="rgb24").to_ndarray(), np.uint8)


def _rotation(frame: VideoFrame) -> int:
    return int(frame.rotation or 0) % 360


def _rotated(pixels: Frames, rotation: int) -> Frames:
    return np.ascontiguousarray(np.rot90(pixels, k=rotation // 90)) if rotation else pixels


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200]
