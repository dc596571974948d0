"""The 3D ResNeXt that makes the motion features: Hara et al. (CVPR 2018) in pytorchvideo's blocks.

Sizes in this file
    N  clips in a batch
    T  frames of a clip
    H  height in pixels
    W  width in pixels
    D  width of a feature

pytorchvideo's `create_resnet` cannot express this network (its inner width is a quarter of the outer one, and it
puts the temporal stride on the first convolution of a block), so the stem and the stages are put together here.
"""

import re
import warnings
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

with warnings.catch_warnings():  # of a loss in pytorchvideo's requirements that nothing here calls
    warnings.filterwarnings("ignore", message=".*torch.jit.script", category=FutureWarning)
    from pytorchvideo.models.resnet import create_bottleneck_block, create_res_stage
    from pytorchvideo.models.stem import create_res_basic_stem

Size3 = tuple[int, int, int]


@dataclass(frozen=True)
class ResNeXt3DConfig:
    """The layout of a 3D ResNeXt; triples are (time, height, width)."""

    depths: tuple[int, ...]  # blocks of each stage
    inner_widths: tuple[int, ...]  # channels of the grouped 3x3x3 convolution of each stage
    outer_widths: tuple[int, ...]  # channels that leave each stage; the last is the width D of a feature
    groups: int
    stem_width: int
    stem_kernel: Size3
    stem_stride: Size3
    pool_kernel: Size3
    pool_stride: Size3

    @property
    def width(self) -> int:
        """D, the width of a feature."""
        return self.outer_widths[-1]


# Hara's ResNeXt-101 as of the Kinetics checkpoint `resnext-101-kinetics.pth`: 47.5 M parameters without the classifier.
RESNEXT3D_101 = ResNeXt3DConfig(
    depths=(3, 4, 23, 3),
    inner_widths=(128, 256, 512, 1024),
    outer_widths=(256, 512, 1024, 2048),
    groups=32,
    stem_width=64,
    stem_kernel=(7, 7, 7),
    stem_stride=(1, 2, 2),
    pool_kernel=(3, 3, 3),
    pool_stride=(2, 2, 2),
)

# The 3D ResNet-152 of MSPAN's and IGV's motion features: the same blocks with one group. 117 M parameters.
RESNET3D_152 = replace(RESNEXT3D_101, depths=(3, 8, 36, 3), inner_widths=(64, 128, 256, 512), groups=1)

# The demo's motion network, small enough to be shipped and to train on a CPU: clips of 16 frames at 56 px. It pools
# over space alone, because the demo's fastest motion (shaking) lives in consecutive frames.
RESNEXT3D_TINY = ResNeXt3DConfig(
    depths=(1, 2, 2, 1),
    inner_widths=(32, 64, 96, 128),
    outer_widths=(32, 64, 128, 192),
    groups=4,
    stem_width=16,
    stem_kernel=(3, 5, 5),
    stem_stride=(1, 2, 2),
    pool_kernel=(1, 3, 3),
    pool_stride=(1, 2, 2),
)


class ResNeXt3D(nn.Module):
    """Clips (N, 3, T, H, W), normalised, to features (N, D): the average over the last map.

    Every block is 1x1x1, grouped 3x3x3 (with the stage's stride: 1 in the first stage, 2 in the others), 1x1x1, and a
    shortcut that is projected where the size changes.
    """

    def __init__(self, config: ResNeXt3DConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = create_res_basic_stem(
            in_channels=3,
            out_channels=config.stem_width,
            conv_kernel_size=config.stem_kernel,
            conv_stride=config.stem_stride,
            conv_padding=_same(config.stem_kernel),
            pool_kernel_size=config.pool_kernel,
            pool_stride=config.pool_stride,
            pool_padding=_same(config.pool_kernel),
        )
        self.stages = nn.ModuleList()
        width_in = config.stem_width
        stages = zip(config.depths, config.inner_widths, config.outer_widths, strict=True)
        for index, (depth, inner, outer) in enumerate(stages):
            stride = 1 if index == 0 else 2
            self.stages.append(
                create_res_stage(
                    depth=depth,
                    dim_in=width_in,
                    dim_inner=inner,
                    dim_out=outer,
                    bottleneck=create_bottleneck_block,
                    conv_a_kernel_size=(1, 1, 1),
                    conv_a_stride=(1, 1, 1),
                    conv_a_padding=(0, 0, 0),
                    conv_b_kernel_size=(3, 3, 3),
                    conv_b_stride=(stride, stride, stride),
                    conv_b_padding=(1, 1, 1),
                    conv_b_num_groups=config.groups,
                )
            )
            width_in = outer
        _initialise(self)

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (N, 3, T, H, W) to features (N, D)."""
        maps = self.stem(clips)
        for stage in self.stages:
            maps = stage(maps)
        return maps.mean(dim=(2, 3, 4))


def hara_key(name: str) -> str:
    """The key of one of our parameters or buffers in Hara's legacy state dict (without the prefix `module.`).

    `stages.0.res_blocks.2.branch2.conv_b.weight` is `layer1.2.conv2.weight`. A name that is not of this network raises
    `KeyError`.
    """
    stem = re.fullmatch(r"stem\.(conv|norm)\.(\w+)", name)
    if stem:
        return f"{_LEGACY_LAYER[stem[1]]}1.{stem[2]}"
    block = re.fullmatch(r"stages\.(\d+)\.res_blocks\.(\d+)\.(.+)\.(\w+)", name)
    if not block:
        raise KeyError(name)
    stage, index, layer, tensor = int(block[1]), block[2], block[3], block[4]
    return f"layer{stage + 1}.{index}.{_LEGACY_BLOCK[layer]}.{tensor}"


_LEGACY_LAYER = {"conv": "conv", "norm": "bn"}
_LEGACY_BLOCK = {
    "branch1_conv": "downsample.0",
    "branch1_norm": "downsample.1",
    "branch2.conv_a": "conv1",
    "branch2.norm_a": "bn1",
    "branch2.conv_b": "conv2",
    "branch2.norm_b": "bn2",
    "branch2.conv_c": "conv3",
    "branch2.norm_c": "bn3",
}


def _same(kernel: Size3) -> Size3:
    """The padding that keeps the size at stride 1."""
    time, height, width = kernel
    return time // 2, height // 2, width // 2


@torch.no_grad()
def _initialise(network: nn.Module) -> None:
    """He's normal initialisation, BatchNorm at 1 and 0.

    Also the last BatchNorm of a block begins at 1, as in the reference; pytorchvideo's own `init_net_weights` would
    put it at zero, and a network without weights would then see nothing but its shortcuts.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv3d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.BatchNorm3d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
