"""From the frames of a video to the square pictures that a network sees.

Sizes: S side of a picture in pixels.
"""

import math
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image

from extract.config import FeaturesSettings
from extract.networks import lookup
from extract.videos.reader import Frames, Size

Resample = Literal["decoder", "bilinear", "bicubic"]
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


class Picture(NamedTuple):
    """How a frame becomes a picture."""

    size: int
    """S."""
    short_side: int
    """With `crop`: the shorter side before the centre is cut out."""
    fit: Literal["squash", "crop"]
    resample: Resample
    margin: Literal["even", "floor"] = "even"
    """How half a pixel of the crop's margin is rounded."""

    def of(self, frame: Frames, shape: float = 1.0) -> Frames:
        """A frame (H, W, 3) as a picture (S, S, 3); with `decoder` the decoder has squashed it to a square before.

        `shape` is the width of a pixel by its height: with `crop` the proportions are those that a player shows.
        """
        resample = FILTERS["bilinear" if self.resample == "decoder" else self.resample]
        if self.fit == "squash":
            if frame.shape[:2] == (self.size, self.size):
                return frame
            return np.asarray(Image.fromarray(frame).resize((self.size, self.size), resample))
        height, width = frame.shape[:2]
        shown = width if shape == 1 else width * shape
        scale = self.short_side / min(height, shown)
        # As torchvision and transformers: the longer side is rounded down.
        across = self.short_side if shown <= height else int(shown * scale)
        down = self.short_side if height <= shown else int(height * scale)
        rounded = math.floor if self.margin == "floor" else round
        left, top = rounded((across - self.size) / 2), rounded((down - self.size) / 2)
        resized = np.asarray(Image.fromarray(frame).resize((across, down), resample))
        return resized[top : top + self.size, left : left + self.size]


def pictures_of(features: FeaturesSettings) -> dict[str, Picture]:
    """The pictures of the appearance and the motion network."""
    result = {}
    for kind in ("appearance", "motion"):
        choice = getattr(features, kind)
        entry = lookup(kind, choice.network, features)
        size = choice.size or entry.size
        # A smaller input is cut out of a smaller picture, in the proportion that the weights were trained with.
        short_side = choice.short_side or max(size, round(entry.short_side * size / entry.size))
        fit, resample = choice.fit or entry.fit, choice.resample or entry.resample
        result[kind] = Picture(size, short_side, fit, resample, entry.margin)
    return result


def decoding_passes(pictures: dict[str, Picture]) -> dict[Size | None, list[str]]:
    """How often a video is decoded, to which size, and for which networks.

    All networks whose pictures the decoder scales share one pass, at the largest of their sizes; those whose pictures
    are made of whole frames share another.
    """
    scaled = [kind for kind, picture in pictures.items() if picture.resample == "decoder"]
    whole = [kind for kind in pictures if kind not in scaled]
    side = max((pictures[kind].size for kind in scaled), default=0)
    return ({Size(side, side): scaled} if scaled else {}) | ({None: whole} if whole else {})
