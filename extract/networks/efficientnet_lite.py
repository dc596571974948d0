"""EfficientNet-Lite0, whose ImageNet weights come with a package."""

from torch import Tensor, nn

from extract.errors import UserError


class EfficientNetLite0(nn.Module):
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
