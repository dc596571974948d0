"""From a script to pictures, and from pictures to H.264.

Sizes in this file
    T  frames
    H  height in pixels
    W  width in pixels
"""

import math
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from base.writing import atomic_path
from extract.demo.actors import act, draw
from extract.demo.backgrounds import paint
from extract.demo.scenes import PIXELS, Scene, Script, generator
from extract.demo.settings import DemoSettings

CAMERA = 0.08  # the camera strays this far from its middle, in heights of a frame
GRAIN_SHIFTS = 32  # the noise of a video is one field of noise, moved about by up to this many pixels


X264: dict[str, object] = {
    "preset": "superfast",
    "crf": "26",
    "flags": "+bitexact",
    # x264's vector code rounds by how the memory happens to be aligned, and its look-ahead threads by their timing.
    "x264-params": "cpu-independent=1:threads=1:lookahead-threads=1:sliced-threads=0:sync-lookahead=0:mbtree=0",
}


def render_video(settings: DemoSettings, script: Script, index: int, path: Path) -> None:
    """Writes video `index` of a split as H.264 in MP4, atomically; the same settings give the same bytes."""
    rng = generator(PIXELS, settings.seed, script.split, index)
    with atomic_path(path) as temporary:
        encode(frames(settings, script, rng), settings.fps, settings.width, settings.height, temporary)


def frames(settings: DemoSettings, script: Script, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """The frames of a video, uint8 (H, W, 3)."""
    grain = Grain(settings.height, settings.width, settings.noise, rng)
    aspect = settings.width / settings.height
    for scene in script.scenes:
        canvas = backdrop(scene.background, settings.width, settings.height, rng)
        for frame in draw_scene(scene, canvas, scene.stop - scene.first, settings.fps, aspect, rng):
            yield grain.add(frame)


def backdrop(place: str, width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """A place for frames of W x H pixels, wider than the frame by what the camera strays: float32."""
    margin = backdrop_margin(height)
    return paint(place, width + 2 * margin, height + 2 * margin, rng)


def backdrop_margin(height: int) -> int:
    """The pixels by which a backdrop is larger than its frame, on every side."""
    return math.ceil(CAMERA * height) + 1


def draw_scene(
    scene: Scene, canvas: np.ndarray, count: int, fps: float, aspect: float, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """`count` frames of a scene before `canvas`, float32 (H, W, 3) from 0 to 255, without noise.

    The size of a frame follows from the canvas (see `backdrop`); `aspect` is the width of the picture over its height,
    whatever the shape of a pixel.
    """
    times = np.arange(count) / fps
    radius = float(rng.uniform(0.12, 0.17))
    poses = act(scene.action, times, radius, aspect, rng) if scene.action else None
    view = _Camera(canvas, rng)
    for number, time in enumerate(times):
        frame = view.at(float(time))
        if scene.actor and poses and poses.visible[number]:
            size = radius * float(poses.scale[number])
            place = float(poses.x[number]), float(poses.y[number])
            draw(frame, scene.actor.shape, scene.actor.colour, *place, size, aspect)
        yield frame


class _Camera:
    """A view of a canvas that strays slowly, in fractions of a pixel."""

    def __init__(self, canvas: np.ndarray, rng: np.random.Generator) -> None:
        self._canvas = canvas
        # canvas height = H + 2 * margin(H)
        height = next(h for h in range(canvas.shape[0], 0, -1) if h + 2 * backdrop_margin(h) <= canvas.shape[0])
        self._margin = (canvas.shape[0] - height) // 2
        self._periods = rng.uniform(5, 9, 2)
        self._phases = rng.uniform(0, 2 * math.pi, 2)

    def at(self, time: float) -> np.ndarray:
        """The view at a time in seconds: float32 (H, W, 3)."""
        offset = self._margin + (self._margin - 1) * np.sin(2 * math.pi * time / self._periods + self._phases)
        (top, down), (left, right) = ((int(value), np.float32(value - int(value))) for value in offset)
        height = self._canvas.shape[0] - 2 * self._margin
        width = self._canvas.shape[1] - 2 * self._margin
        region = self._canvas[top : top + height + 1, left : left + width + 1]
        rows = region[:-1] + down * (region[1:] - region[:-1])
        return rows[:, :-1] + right * (rows[:, 1:] - rows[:, :-1])


class Grain:
    """Pixel noise that changes with every frame."""

    def __init__(self, height: int, width: int, deviation: float, rng: np.random.Generator) -> None:
        size = (height + GRAIN_SHIFTS, width + GRAIN_SHIFTS, 1)
        self._field = (255 * deviation * rng.standard_normal(size, dtype=np.float32)).astype(np.float32)
        self._rng = rng

    def add(self, frame: np.ndarray) -> np.ndarray:
        """A frame, float32 from 0 to 255, with noise: uint8 of the same shape."""
        top, left = self._rng.integers(0, GRAIN_SHIFTS, 2)
        noisy = frame + self._field[top : top + frame.shape[0], left : left + frame.shape[1]]
        return np.clip(noisy, 0, 255).astype(np.uint8)


def encode(pictures: Iterator[np.ndarray], fps: int, width: int, height: int, path: Path) -> None:
    """Writes frames, uint8 (H, W, 3), as H.264 in MP4.

    One thread and no encoder's name in the file: the bytes depend on the frames and on the x264 release alone.
    """
    with av.open(str(path), "w", format="mp4", options={"fflags": "+bitexact", "movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.thread_count = 1
        stream.options = X264
        for picture in pictures:
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
