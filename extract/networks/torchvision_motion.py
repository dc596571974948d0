"""The video networks of torchvision, with its weights of Kinetics-400."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extract.config import RGB
from extract.networks.entry import NETWORKS, FeatureNetwork
from extract.networks.local import read_state, renamed

if TYPE_CHECKING:
    from torch import nn

KINETICS: tuple[RGB, RGB] = (0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989)
IMAGENET: tuple[RGB, RGB] = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
GREY: tuple[RGB, RGB] = (0.45, 0.45, 0.45), (0.225, 0.225, 0.225)


def _build(name: str, head: str) -> nn.Module:
    import torchvision
    from torch import nn

    network: nn.Module = getattr(torchvision.models.video, name)(weights=None)
    setattr(network, head, nn.Identity())
    if name == "s3d":
        network.avgpool = nn.AdaptiveAvgPool3d(1)  # the same at 16 frames of 224, and clips may have another shape
    return network


def _of_torchvision(
    name: str,
    file: str,
    head: str,
    size: int,
    short_side: int,
    colours: tuple[RGB, RGB],
    frames: int | None = None,
    weights: str = "KINETICS400_V1",
) -> FeatureNetwork:
    mean, std = colours
    return FeatureNetwork(
        kind="motion",
        build=lambda: _build(name, head),
        size=size,
        short_side=short_side,
        mean=mean,
        std=std,
        scale=1.0,
        file=file,
        source=f"https://download.pytorch.org/models/{file} (torchvision, {weights})",
        licence="BSD-3-Clause",
        load=lambda path: renamed(read_state(path), ((rf"^{head}\.", None),)),
        sha256=file.removesuffix(".pth").rpartition("-")[2],
        frames=frames,
        one_size=frames is not None,
    )


# torchvision resizes frames for the first four to a fixed 128 x 171 or 256 x 256 before it cuts the centre out.
NETWORKS["r3d_18"] = _of_torchvision("r3d_18", "r3d_18-b3b3357e.pth", "fc", 112, 128, KINETICS)
NETWORKS["mc3_18"] = _of_torchvision("mc3_18", "mc3_18-a90a0ba3.pth", "fc", 112, 128, KINETICS)
NETWORKS["r2plus1d_18"] = _of_torchvision("r2plus1d_18", "r2plus1d_18-91a641e6.pth", "fc", 112, 128, KINETICS)
NETWORKS["s3d"] = _of_torchvision("s3d", "s3d-d76dad2f.pth", "classifier", 224, 256, KINETICS)
NETWORKS["mvit_v1_b"] = _of_torchvision("mvit_v1_b", "mvit_v1_b-dbeb1030.pth", "head", 224, 256, GREY, frames=16)
NETWORKS["mvit_v2_s"] = _of_torchvision("mvit_v2_s", "mvit_v2_s-ae3be167.pth", "head", 224, 256, GREY, frames=16)
NETWORKS["swin3d_t"] = _of_torchvision("swin3d_t", "swin3d_t-7615ae03.pth", "head", 224, 256, IMAGENET)
NETWORKS["swin3d_s"] = _of_torchvision("swin3d_s", "swin3d_s-da41c237.pth", "head", 224, 256, IMAGENET)
NETWORKS["swin3d_b"] = _of_torchvision("swin3d_b", "swin3d_b_1k-24f7c7c6.pth", "head", 224, 256, IMAGENET)
NETWORKS["swin3d_b-22k"] = _of_torchvision(
    "swin3d_b", "swin3d_b_22k-7c6ae6fa.pth", "head", 224, 256, IMAGENET, weights="KINETICS400_IMAGENET22K_V1"
)
