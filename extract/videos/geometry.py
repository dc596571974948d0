"""How the stored picture of a frame becomes the one that a player shows: turned, mirrored, its pixels not square.

A display matrix maps the stored pixel (x, y) to (a x + c y, b x + d y). It stands in the header of MP4 and MOV files
and in the stream of H.264 and H.265, and can turn by quarters and mirror: eight ways in all.
"""

import math
from fractions import Fraction
from typing import NamedTuple, cast

import numpy as np
from av.sidedata.sidedata import SideDataContainer, Type
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

DIRECT = 1.0
"""Degrees that a matrix may be off from quarter turns; what is left is not applied."""


class Orientation(NamedTuple):
    """First the picture is turned, then mirrored."""

    turns: int = 0
    """Quarter turns, counter-clockwise: 0 to 3."""
    mirrored: bool = False
    """Left and right are exchanged after that."""
    askew: float = 0.0
    """Degrees, clockwise, that a player turns the picture further; they are not applied."""

    @property
    def degrees(self) -> int:
        """The turn in degrees, counter-clockwise: 0, 90, 180 or 270."""
        return 90 * self.turns

    def apply(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The picture (H, W, 3) as it is shown."""
        if self == UPRIGHT:
            return picture
        turned = np.rot90(picture, self.turns)
        return np.ascontiguousarray(turned[:, ::-1] if self.mirrored else turned)


UPRIGHT = Orientation()


def orientation(frame: VideoFrame) -> Orientation:
    """How a player turns and mirrors this frame."""
    about = cast("SideDataContainer", frame.side_data)  # PyAV's types say another thing
    if Type.DISPLAYMATRIX not in about:
        return UPRIGHT
    return of_matrix(np.frombuffer(bytes(about[Type.DISPLAYMATRIX]), np.int32, 9))


def of_matrix(matrix: NDArray[np.int32]) -> Orientation:
    """The orientation of a display matrix (9,) as FFmpeg has it: a, b, u, c, d, v, x, y, w."""
    a, b, c, d = (int(matrix[place]) for place in (0, 1, 3, 4))
    mirrored = a * d - b * c < 0
    if mirrored:
        a, c = -a, -c
    if not (a or b):
        return UPRIGHT
    clockwise = math.degrees(math.atan2(b, a)) % 360
    quarters = round(clockwise / 90)
    askew = clockwise - 90 * quarters
    return Orientation(-quarters % 4, mirrored, round(askew, 1) if abs(askew) > DIRECT else 0.0)


def pixel_shape(stream: VideoStream) -> Fraction:
    """Width of a stored pixel by its height; 1 where the file does not say."""
    shape = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
    return Fraction(shape) if shape else Fraction(1)


def shown_shape(recorded: str, degrees: int) -> float:
    """Width by height of a pixel as it is shown: the one that the manifest records, turned as the picture is."""
    if not recorded:
        return 1.0
    shape = Fraction(recorded.replace(":", "/"))
    return float(shape if degrees % 180 == 0 else 1 / shape)
