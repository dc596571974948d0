"""The six places of the demo, drawn with Pillow. Each call draws a new variant of a place."""

import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

RGB = tuple[int, int, int]
Painter = Callable[["Canvas"], None]

OVERSAMPLING = 2  # drawn at twice the size and averaged down, which smooths the edges


class Canvas:
    """A picture that is painted in fractions of its width (x) and its height (y, downwards)."""

    def __init__(self, width: int, height: int, rng: np.random.Generator) -> None:
        self.size = (width * OVERSAMPLING, height * OVERSAMPLING)
        self.image = Image.new("RGB", self.size)
        self.draw = ImageDraw.Draw(self.image)
        self.rng = rng

    def uniform(self, low: float, high: float) -> float:
        """A random number."""
        return float(self.rng.uniform(low, high))

    def sky(self, top: RGB, bottom: RGB, until: float = 1.0) -> None:
        """A vertical gradient from the top edge down to `until`."""
        width, height = self.size
        rows = round(height * until)
        ramp = np.linspace(0, 1, rows)[:, None, None]
        colours = np.asarray(top) * (1 - ramp) + np.asarray(bottom) * ramp
        pixels = np.broadcast_to(colours, (rows, width, 3)).astype(np.uint8)
        self.image.paste(Image.fromarray(np.ascontiguousarray(pixels)), (0, 0))

    def ridge(self, colour: RGB, level: float, roughness: float, waves: float = 2.0) -> None:
        """Fills everything below a wavy line around `level`; `waves` is how many of its waves fit the width."""
        phases = self.rng.uniform(0, 2 * math.pi, 2)
        line = []
        for x in np.linspace(0, 1, 41):
            y = level + roughness * (
                math.sin(2 * math.pi * waves * x + phases[0]) + 0.4 * math.sin(5 * math.pi * waves * x + phases[1])
            )
            line.append((float(x), y))
        self.polygon([*line, (1.0, 1.0), (0.0, 1.0)], colour)

    def polygon(self, points: list[tuple[float, float]], colour: RGB) -> None:
        """A filled polygon."""
        width, height = self.size
        self.draw.polygon([(x * width, y * height) for x, y in points], fill=colour)

    def box(self, x0: float, y0: float, x1: float, y1: float, colour: RGB) -> None:
        """A filled rectangle."""
        self.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], colour)

    def disc(self, x: float, y: float, radius: float, colour: RGB) -> None:
        """A filled circle; the radius is in heights."""
        width, height = self.size
        r = radius * height
        self.draw.ellipse((x * width - r, y * height - r, x * width + r, y * height + r), fill=colour)

    def stroke(self, points: list[tuple[float, float]], colour: RGB, pixels: int = 2) -> None:
        """A line through points."""
        width, height = self.size
        self.draw.line([(x * width, y * height) for x, y in points], fill=colour, width=pixels, joint="curve")

    def pixels(self) -> np.ndarray:
        """The picture at its final size: float32 (H, W, 3), 0 to 255."""
        return np.asarray(self.image.reduce(OVERSAMPLING), dtype=np.float32)


def paint(place: str, width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """A new variant of a place: float32 (height, width, 3), 0 to 255."""
    canvas = Canvas(width, height, rng)
    PAINTERS[place](canvas)
    return canvas.pixels()


def _ocean(canvas: Canvas) -> None:
    horizon = canvas.uniform(0.22, 0.32)
    canvas.sky((28, 96, 140), (14, 52, 96))
    canvas.sky((168, 210, 228), (206, 228, 232), until=horizon)
    for y in np.arange(horizon + 0.05, 1.0, 0.075):
        depth = (float(y) - horizon) / (1 - horizon)
        foam = (92 - int(30 * depth), 160 - int(50 * depth), 190 - int(50 * depth))
        phase, length = canvas.uniform(0, 6.28), 5 - 2.5 * depth
        xs = np.linspace(0, 1, 49)
        wave = [(float(x), float(y) + 0.012 * math.sin(2 * math.pi * length * x + phase)) for x in xs]
        canvas.stroke(wave, foam, 2 + round(2 * depth))
    sail = canvas.uniform(0.15, 0.85)
    canvas.polygon([(sail, horizon - 0.1), (sail, horizon), (sail + 0.05, horizon)], (244, 240, 228))


def _meadow(canvas: Canvas) -> None:
    horizon = canvas.uniform(0.28, 0.38)
    canvas.sky((140, 196, 232), (208, 230, 240))
    for _ in range(3):
        x, y = canvas.uniform(0, 1), canvas.uniform(0.05, 0.18)
        for step in (-0.05, 0.0, 0.05):
            canvas.disc(x + step, y, 0.045 - 0.3 * abs(step), (244, 248, 250))
    canvas.ridge((122, 168, 96), horizon, 0.03, 1.3)
    canvas.ridge((100, 150, 74), horizon + 0.14, 0.03, 0.9)
    canvas.ridge((84, 134, 60), horizon + 0.36, 0.03, 0.7)
    for _ in range(70):
        x, y = canvas.uniform(0, 1), canvas.uniform(horizon + 0.16, 1)
        canvas.stroke([(x, y), (x + canvas.uniform(-0.008, 0.008), y - 0.03)], (66, 112, 48), 2)
    for _ in range(16):
        canvas.disc(canvas.uniform(0, 1), canvas.uniform(horizon + 0.2, 1), 0.009, (236, 226, 176))


def _desert(canvas: Canvas) -> None:
    horizon = canvas.uniform(0.34, 0.44)
    canvas.sky((238, 196, 136), (248, 226, 180))
    canvas.disc(canvas.uniform(0.15, 0.85), canvas.uniform(0.12, 0.2), 0.07, (255, 246, 214))
    canvas.ridge((216, 168, 104), horizon, 0.05, 1.0)
    canvas.ridge((202, 148, 84), horizon + 0.17, 0.04, 0.8)
    canvas.ridge((184, 128, 70), horizon + 0.36, 0.04, 0.6)
    for _ in range(2):
        x, y = canvas.uniform(0.05, 0.95), canvas.uniform(horizon + 0.14, horizon + 0.34)
        green = (92, 116, 72)
        canvas.stroke([(x, y), (x, y - 0.16)], green, 7)
        canvas.stroke([(x, y - 0.05), (x + 0.03, y - 0.05), (x + 0.03, y - 0.11)], green, 5)
        canvas.stroke([(x, y - 0.08), (x - 0.03, y - 0.08), (x - 0.03, y - 0.13)], green, 5)


def _city(canvas: Canvas) -> None:
    canvas.sky((178, 176, 190), (222, 202, 190))
    x = -0.03
    while x < 1:
        width, top = canvas.uniform(0.09, 0.16), canvas.uniform(0.16, 0.5)
        shade = round(canvas.uniform(84, 124))
        canvas.box(x, top, x + width, 0.86, (shade, shade, shade + 10))
        for row in np.arange(top + 0.04, 0.82, 0.07):
            for column in np.arange(x + 0.018, x + width - 0.025, 0.034):
                lit = canvas.uniform(0, 1) < 0.4
                pane = (226, 208, 150) if lit else (shade - 26, shade - 22, shade - 10)
                canvas.box(float(column), float(row), float(column) + 0.016, float(row) + 0.035, pane)
        x += width + canvas.uniform(0.0, 0.015)
    canvas.box(0, 0.86, 1, 1, (74, 74, 80))
    for column in np.arange(canvas.uniform(0, 0.1), 1, 0.14):
        canvas.box(float(column), 0.925, float(column) + 0.07, 0.94, (206, 200, 176))


def _snow(canvas: Canvas) -> None:
    horizon = canvas.uniform(0.34, 0.44)
    canvas.sky((186, 200, 216), (226, 232, 240))
    canvas.ridge((206, 216, 230), horizon - 0.06, 0.06, 1.4)
    canvas.ridge((232, 238, 246), horizon + 0.08, 0.03, 0.9)
    for _ in range(6):
        x, y, size = canvas.uniform(0, 1), canvas.uniform(horizon + 0.1, horizon + 0.26), canvas.uniform(0.12, 0.2)
        for tier in range(3):
            top, half = y - size + tier * size / 4, (0.35 + 0.25 * tier) * size / 2
            canvas.polygon([(x, top), (x - half, top + size / 2), (x + half, top + size / 2)], (78, 112, 104))
        canvas.polygon([(x, y - size), (x - 0.016, y - 0.8 * size), (x + 0.016, y - 0.8 * size)], (240, 244, 248))
    canvas.ridge((246, 248, 252), horizon + 0.3, 0.03, 0.7)
    for _ in range(60):
        canvas.disc(canvas.uniform(0, 1), canvas.uniform(0, 1), canvas.uniform(0.004, 0.009), (255, 255, 255))


def _night(canvas: Canvas) -> None:
    horizon = canvas.uniform(0.62, 0.7)
    canvas.sky((12, 14, 40), (44, 42, 86))
    for _ in range(60):
        glow = round(canvas.uniform(130, 235))
        canvas.disc(canvas.uniform(0, 1), canvas.uniform(0, horizon), canvas.uniform(0.003, 0.007), (glow, glow, glow))
    x, y = canvas.uniform(0.15, 0.85), canvas.uniform(0.14, 0.22)
    canvas.disc(x, y, 0.075, (236, 232, 204))
    canvas.disc(x + 0.03, y - 0.015, 0.065, (18, 20, 48))
    canvas.ridge((26, 28, 58), horizon, 0.05, 1.6)
    canvas.ridge((14, 16, 36), horizon + 0.16, 0.03, 1.0)


PAINTERS: dict[str, Painter] = {
    "ocean": _ocean,
    "meadow": _meadow,
    "desert": _desert,
    "city": _city,
    "snow": _snow,
    "night": _night,
}
