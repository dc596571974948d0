"""The actors of the demo: their shapes, their colours and how each action moves them.

Lengths are in heights of a frame: y runs from 0 (top) to 1, x from 0 to `aspect`. Times are in seconds.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Grid = np.ndarray

PAINT: dict[str, tuple[int, int, int]] = {
    "red": (222, 36, 42),
    "yellow": (252, 214, 32),
    "green": (24, 160, 60),
    "blue": (36, 84, 232),
    "purple": (158, 42, 196),
    "white": (250, 250, 250),
}
INK = (24, 24, 28)
LINE = 0.016  # a dark line around the shape, and a light rim around that, keep it apart from every background
RIM = 0.018
LARGEST = 1.4  # a pulsing actor grows to this size
SHAKE = 0.06
REACH = 0.1  # distances from the outline are tabled up to here, in this many steps to either side
STEPS = 512


@dataclass(frozen=True)
class Poses:
    """Where an actor is at each of T times; arrays of (T,)."""

    x: np.ndarray
    y: np.ndarray
    scale: np.ndarray
    visible: np.ndarray


def act(action: str, times: np.ndarray, radius: float, aspect: float, rng: np.random.Generator) -> Poses:
    """One performance of an action at `times` (T,) by an actor of a radius: place, tempo and phase are random."""
    count = len(times)
    x, y, scale, visible = np.zeros(count), np.zeros(count), np.ones(count), np.ones(count, dtype=bool)
    phase, direction = float(rng.uniform(0, 1)), float(rng.choice((-1, 1)))
    reach_x = reach_y = 0.0
    if action == "slide":
        reach_x = float(rng.uniform(0.24, 0.36))
        x = reach_x * np.sin(2 * math.pi * (times / rng.uniform(1.0, 1.6) + phase))
    elif action == "bounce":
        reach_y = float(rng.uniform(0.14, 0.2))
        y = reach_y * (1 - 2 * np.abs(np.sin(math.pi * (times / rng.uniform(0.7, 1.1) + phase))))
    elif action == "orbit":
        reach_x = reach_y = float(rng.uniform(0.15, 0.21))
        angle = 2 * math.pi * direction * (times / rng.uniform(0.9, 1.5) + phase)
        x, y = reach_x * np.cos(angle), reach_y * np.sin(angle)
    elif action == "pulse":
        scale = 1 + (LARGEST - 1) * np.sin(2 * math.pi * (times / rng.uniform(0.7, 1.1) + phase))
    elif action == "shake":
        reach_x = reach_y = SHAKE
        x, y = rng.uniform(-SHAKE, SHAKE, (2, count))
    elif action == "blink":
        visible = (times / rng.uniform(0.5, 0.9) + phase) % 1 < 0.6
    else:
        raise KeyError(action)
    # The actor also wanders a little, so that a place that changes is not by itself an action.
    wander = rng.uniform(-0.03, 0.03, (2, 1)) * np.sin(2 * math.pi * (times / 4 + rng.uniform(0, 1)))
    # A frame that is too small for a performance gets it in its middle.
    margin = min(0.45, radius * LARGEST + RIM + LINE)
    room_x = max(0.0, aspect / 2 - margin - reach_x - 0.03)
    room_y = max(0.0, 0.5 - margin - reach_y - 0.03)
    centre_x = aspect / 2 + float(rng.uniform(-room_x, room_x))
    centre_y = 0.5 + float(rng.uniform(-room_y, room_y))
    return Poses(centre_x + x + wander[0], centre_y + y + wander[1], scale, visible)


def draw(frame: np.ndarray, shape: str, colour: str, x: float, y: float, radius: float, aspect: float) -> None:
    """Draws an actor into a frame, float32 (H, W, 3) from 0 to 255, in place. Pixels need not be square."""
    height, width = frame.shape[:2]
    extent = 1.15 * radius + LINE + RIM + 0.02
    left, right = (max(0, math.floor((x - extent) / aspect * width)), math.ceil((x + extent) / aspect * width))
    top, bottom = (max(0, math.floor((y - extent) * height)), math.ceil((y + extent) * height))
    patch = frame[top:bottom, left:right]
    if patch.size == 0:
        return
    rows, columns = patch.shape[:2]
    across = ((np.arange(left, left + columns, dtype=np.float32) + 0.5) / width * aspect - x)[None, :]
    down = ((np.arange(top, top + rows, dtype=np.float32) + 0.5) / height - y)[:, None]
    distance = OUTLINES[shape](across, down, radius)
    table = _paint_by_distance(colour, (aspect / width + 1 / height) / 2)
    index = (distance * np.float32(STEPS / REACH)).astype(np.int32)
    np.clip(index + STEPS, 0, 2 * STEPS, out=index)
    layer = table[index]
    patch *= layer[:, :, 3:]
    patch += layer[:, :, :3]


@functools.lru_cache(maxsize=64)
def _paint_by_distance(colour: str, pixel: float) -> np.ndarray:
    """What is added, and by what the frame is multiplied first, at each distance from an outline: (2 STEPS + 1, 4).

    One look-up does the work of three layers (rim, line, filling) and of smoothing their edges over one pixel.
    """
    distance = np.linspace(-REACH, REACH, 2 * STEPS + 1)
    added, kept = np.zeros((len(distance), 3)), np.ones((len(distance), 1))
    for grow, paint in ((LINE + RIM, PAINT["white"]), (LINE, INK), (0.0, PAINT[colour])):
        cover = np.clip((grow - distance) / pixel + 0.5, 0, 1)[:, None]
        added += cover * (np.asarray(paint) - added)
        kept *= 1 - cover
    return np.concatenate([added, kept], axis=1).astype(np.float32)


def _circle(x: Grid, y: Grid, r: float) -> Grid:
    return np.sqrt(x * x + y * y) - r


def _square(x: Grid, y: Grid, r: float) -> Grid:
    return np.maximum(np.abs(x), np.abs(y)) - 0.88 * r


def _triangle(x: Grid, y: Grid, r: float) -> Grid:
    y = y - 0.15 * r
    return np.maximum(y, 0.866 * np.abs(x) - 0.5 * y) - 0.58 * r


def _star(x: Grid, y: Grid, r: float) -> Grid:
    # Folded into half of one of the five points: the edge runs from the tip (outer, 0) to the valley.
    outer, inner, half = 1.2 * r, 0.52 * r, math.pi / 5
    length, angle = np.sqrt(x * x + y * y), np.arctan2(x, -y)
    folded = np.abs((angle + half) % (2 * half) - half)
    edge_x, edge_y = outer - inner * math.cos(half), inner * math.sin(half)
    norm = math.hypot(edge_x, edge_y)
    return ((length * np.cos(folded) - outer) * edge_y + length * np.sin(folded) * edge_x) / norm


def _cross(x: Grid, y: Grid, r: float) -> Grid:
    x, y = np.abs(x), np.abs(y)
    long, short = 1.05 * r, 0.36 * r
    return np.minimum(np.maximum(x - long, y - short), np.maximum(x - short, y - long))


# Signed distance to the outline, negative inside, for a centre at 0 and a radius.
OUTLINES: dict[str, Callable[[Grid, Grid, float], Grid]] = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "star": _star,
    "cross": _cross,
}
