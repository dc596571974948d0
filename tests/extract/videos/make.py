"""Small video files of kinds that are seldom seen, written by PyAV."""

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray


def picture(number: int, height: int = 64, width: int = 96, tint: int = 0) -> NDArray[np.uint8]:
    """A picture that tells its number: a bright bar moves down, a block of noise changes."""
    noise = np.random.default_rng(number).integers(0, 60, (height // 8, width // 8, 3), np.uint8)
    pixels = np.kron(noise, np.ones((8, 8, 1), np.uint8)) + np.uint8(tint)
    row = 3 * number % (height - 8)
    pixels[row : row + 8] = 200
    return pixels


def write(
    path: Path,
    count: int,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    rate: int = 25,
    container: dict[str, str] | None = None,
    shape: str = "1:1",
    colours: tuple[int, int] | None = None,
) -> Path:
    """A video of so many frames; `options` are those of the encoder, `container` those of the file's format.

    `shape` is that of its pixels, width to height; `colours` are FFmpeg's numbers of transfer and primaries.
    """
    muxing = (container or {}) if path.suffix == ".mp4" else {}
    with av.open(str(path), "w", options=muxing) as file:
        stream = file.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        if shape != "1:1":
            stream.codec_context.sample_aspect_ratio = Fraction(shape.replace(":", "/"))
        if colours:
            stream.codec_context.color_trc, stream.codec_context.color_primaries = colours
        for number in range(count):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture(number), format="rgb24")))
        file.mux(stream.encode())
    return path


def write_two_streams(path: Path, counts: tuple[int, int], marks: tuple[int, int] = (1, 0)) -> Path:
    """A first stream, and a second one that is larger and of another colour, with these numbers of frames and marks."""
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("libx264", rate=25) for _ in range(2)]
        for stream, scale, mark in zip(streams, (1, 2), marks, strict=True):
            stream.width, stream.height, stream.pix_fmt = 96 * scale, 64 * scale, "yuv420p"
            stream.disposition = mark
        for number in range(max(counts)):
            for stream, scale, count in zip(streams, (1, 2), counts, strict=True):
                pixels = picture(number, 64 * scale, 96 * scale, tint=(scale - 1) * 120)
                if number < count:
                    container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        for stream in streams:
            container.mux(stream.encode())
    return path


def remux(source: Path, path: Path, keep: Callable[[int], bool]) -> Path:
    """The packets of a file whose number (in the order of decoding) `keep` says yes to."""
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for number, packet in enumerate(old.demux(old.streams.video[0])):
            if packet.dts is not None and keep(number):
                packet.stream = stream
                new.mux(packet)
    return path


def write_timed(path: Path, times: list[float], codec: str = "libx264", start: float = 0.0) -> Path:
    """A video whose frames are shown at these seconds, to the millisecond; it begins at `start`."""
    with av.open(str(path), "w", options={"avoid_negative_ts": "disabled"}) as container:
        stream = container.add_stream(codec, rate=1000)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            frame.pts, frame.time_base = round((start + time) * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def spoil(source: Path, path: Path, which: Callable[[int], bool]) -> Path:
    """A copy whose packets (by their number in the order of decoding) are overwritten where `which` says so."""
    content = bytearray(source.read_bytes())
    with av.open(str(source)) as container:
        for number, packet in enumerate(container.demux(video=0)):
            if packet.pos is not None and packet.size and which(number):
                content[packet.pos : packet.pos + packet.size] = b"\xff" * packet.size
    path.write_bytes(content)
    return path


def set_matrix(source: Path, path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """A copy of an MP4 whose track header has these a, b, c, d in its display matrix."""
    content = bytearray(source.read_bytes())
    place = content.index(b"tkhd") + 4 + 4 + 36  # version 0: the matrix comes after 36 bytes of other fields
    a, b, c, d = matrix
    struct.pack_into(">9i", content, place, a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    return path
