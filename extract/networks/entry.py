"""An entry of the registry of feature networks.

Weights are data: where they come from, and what input they were trained on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from extract.config import RGB

if TYPE_CHECKING:
    from torch import Tensor, nn

    State = dict[str, Tensor]


@dataclass(frozen=True)
class FeatureNetwork:
    """A network that makes one kind of feature, and its published weights.

    Appearance networks map frames (N, 3, H, W) to (N, D), motion networks clips (N, 3, T, H, W) to (N, D).
    """

    kind: Literal["appearance", "motion"]
    build: Callable[[], nn.Module]
    """The network without its classifier, with whatever weights; loading is separate."""
    size: int
    """Side of its input in pixels."""
    short_side: int
    """Shorter side of the frame that its training cut the input out of."""
    mean: RGB
    std: RGB
    """Of RGB values in 0..`scale`."""
    scale: float
    file: str
    """Name of the file of published weights, or how to find it in a package."""
    source: str
    licence: str
    load: Callable[[Path], State]
    """Reads the file into the names of `build()`."""
    locate: Callable[[], Path] | None = None
    """Finds weights that a package carries; None: the file is looked for in the weights folder."""
    sha256: str | None = None
    """Of the published file; may be only how it begins."""
    fit: Literal["squash", "crop"] = "squash"
    """What becomes of a frame that is no square, where the configuration does not say it."""
    resample: Literal["decoder", "bilinear", "bicubic"] = "decoder"
    """What resizes, where the configuration does not say it."""
    margin: Literal["even", "floor"] = "even"
    """How half a pixel of a crop's margin is rounded: to even as torchvision, or down as transformers."""
    frames: int | None = None
    """T, the only length of clips that it takes; None: any."""
    one_size: bool = False
    """It takes no other `size`."""
    beside: tuple[Path, ...] = ()
    """Files that belong to the weights: without them the network cannot be built."""


NETWORKS: dict[str, FeatureNetwork] = {}
