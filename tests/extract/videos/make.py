"""Small video files of kinds that are seldom seen, written by PyAV."""

from collections.abc import Callable
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
    path: Path, count: int, codec: str = "libx264", options: dict[str, str] | None = None, rate: int = 25
) -> Path:
    """A video of so many frames."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for number in range(count):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(number), format="rgb24")))
        container.mux(stream.encode())
    return path


def write_two_streams(path: Path, count: int) -> Path:
    """A first stream, and a second one that is larger and of another colour."""
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("libx264", rate=25) for _ in range(2)]
        for stream, scale in zip(streams, (1, 2), strict=True):
            stream.width, stream.height, stream.pix_fmt = 96 * scale, 64 * scale, "yuv420p"
        for number in range(count):
            for stream, scale in zip(streams, (1, 2), strict=True):
                pixels = picture(number, 64 * scale, 96 * scale, tint=(scale - 1) * 120)
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
