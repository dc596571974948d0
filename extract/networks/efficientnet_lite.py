"""EfficientNet-Lite0, whose ImageNet weights come with a package."""

from typing import Any

import torch
from torch import Tensor, nn

from base.errors import UserError


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 up to its last average pooling: frames (N, 3, H, W) to (N, 1280)."""

    def __init__(self) -> None:
        super().__init__()
        self.network = _build()

    def forward(self, frames: Tensor) -> Tensor:
        """Frames (N, 3, H, W), normalised, to features (N, 1280)."""
        return self.network.extract_features(frames).mean(dim=(2, 3))


class EfficientNetLite0Extrema(nn.Module):
    """The greatest and the least value of every channel of three middle stages, standardised: (N, 464).

    An average over the frame drowns what is small in it: a linear probe reads the colour of the demo's actor from 77 %
    of the last stage's averages and from 94 % of these. `mean` and `deviation` are of frames like the demo's
    (`extract/demo/appearance.py`).
    """

    STAGES = (4, 7, 10)  # the last block of each, of 40, 80 and 112 channels
    WIDTH = 2 * (40 + 80 + 112)
    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        whole = _build()
        self.stem = nn.Sequential(whole._conv_stem, whole._bn0, whole._swish)
        self.blocks = nn.ModuleList(whole._blocks[: self.STAGES[-1] + 1])
        self.register_buffer("mean", torch.zeros(self.WIDTH))
        self.register_buffer("deviation", torch.ones(self.WIDTH))

    def extrema(self, frames: Tensor) -> Tensor:
        """Frames (N, 3, H, W), normalised, to features (N, 464) as they come."""
        found = []
        x = self.stem(frames)
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in self.STAGES:
                found += [x.amax(dim=(2, 3)), x.amin(dim=(2, 3))]
        return torch.cat(found, dim=1)

    def forward(self, frames: Tensor) -> Tensor:
        """Frames (N, 3, H, W), normalised, to features (N, 464)."""
        return (self.extrema(frames) - self.mean) / self.deviation


def _build() -> Any:  # its layers are not typed
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError:
        raise UserError("efficientnet-lite0 needs the packages of the demo: pip install '.[demo]'") from None
    return EfficientNet.from_name("efficientnet-lite0")
