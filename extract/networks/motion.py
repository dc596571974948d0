"""Motion networks: all frames of a clip."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from extract.networks.entry import NETWORKS, FeatureNetwork
from extract.networks.local import read_state, renamed

if TYPE_CHECKING:
    from torch import nn

    from extract.networks.entry import State

SHIPPED = Path(__file__).parent / "weights" / "motion-resnext3d-tiny.safetensors"


def _resnet3d(layout: str) -> nn.Module:
    from extract.networks import resnext3d

    return resnext3d.ResNeXt3D(getattr(resnext3d, layout))


def _load_hara(layout: str, path: Path) -> State:
    """Hara's checkpoints: a dictionary with `state_dict`, whose names begin with `module.`."""
    from extract.networks.resnext3d import hara_key

    state = renamed(read_state(path), ((r"^module\.", ""), (r"^fc\.", None)))
    ours = {}
    for name, value in _resnet3d(layout).state_dict().items():
        key = hara_key(name)
        # PyTorch had no num_batches_tracked in 2017; it is not used in evaluation.
        absent = key.endswith("num_batches_tracked") and key not in state
        ours[name] = value if absent else state.pop(key)
    unknown = [key for key in state if not key.endswith("num_batches_tracked")]
    if unknown:
        raise KeyError(f"it holds tensors that the network has no place for: {', '.join(unknown[:5])}")
    return ours


def _load_tiny(path: Path) -> State:
    return {name: value.float() if value.is_floating_point() else value for name, value in read_state(path).items()}


NETWORKS["resnext3d-101"] = FeatureNetwork(
    kind="motion",
    build=lambda: _resnet3d("RESNEXT3D_101"),
    size=112,
    short_side=112,
    mean=(114.7748, 107.7354, 99.4750),
    std=(1.0, 1.0, 1.0),
    scale=255.0,
    file="resnext-101-kinetics.pth",
    source="https://github.com/kenshohara/video-classification-3d-cnn-pytorch",
    licence="MIT",
    load=lambda path: _load_hara("RESNEXT3D_101", path),
)
NETWORKS["resnet3d-152"] = FeatureNetwork(
    kind="motion",
    build=lambda: _resnet3d("RESNET3D_152"),
    size=112,
    short_side=112,
    mean=(0.4345, 0.4051, 0.3775),
    std=(0.2768, 0.2713, 0.2737),
    scale=1.0,
    file="r3d152_K_200ep.pth",
    source="https://github.com/kenshohara/3D-ResNets-PyTorch (Kinetics-700)",
    licence="MIT",
    load=lambda path: _load_hara("RESNET3D_152", path),
)
NETWORKS["resnext3d-tiny"] = FeatureNetwork(
    kind="motion",
    build=lambda: _resnet3d("RESNEXT3D_TINY"),
    size=56,
    short_side=56,
    mean=(0.5, 0.5, 0.5),
    std=(0.25, 0.25, 0.25),
    scale=1.0,
    file=SHIPPED.name,
    source="made by `eigv-extract train-motion`",
    licence="MIT",
    load=_load_tiny,
    locate=lambda: SHIPPED,
)
