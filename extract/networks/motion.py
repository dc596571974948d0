"""Motion networks: all frames of a clip."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from extract.networks.registry import NETWORKS, FeatureNetwork

if TYPE_CHECKING:
    from torch import nn

    from extract.networks.registry import State

SHIPPED = Path(__file__).parents[1] / "demo" / "weights" / "motion-resnext3d-tiny.safetensors"


def _resnext3d_101() -> nn.Module:
    from extract.networks.resnext3d import RESNEXT3D_101, ResNeXt3D

    return ResNeXt3D(RESNEXT3D_101)


def _resnext3d_tiny() -> nn.Module:
    from extract.networks.resnext3d import RESNEXT3D_TINY, ResNeXt3D

    return ResNeXt3D(RESNEXT3D_TINY)


def _load_hara(path: Path) -> State:
    """Hara's checkpoint: a dictionary with `state_dict`, whose names begin with `module.`."""
    import torch

    from extract.networks.resnext3d import hara_key

    # The file of 2017 holds more than tensors; weights_only refuses what could run code.
    loaded = torch.load(path, map_location="cpu", weights_only=True)
    state = loaded.get("state_dict", loaded)
    state = {name.removeprefix("module."): value for name, value in state.items()}
    ours = {}
    for name, value in _resnext3d_101().state_dict().items():
        key = hara_key(name)
        # PyTorch had no num_batches_tracked in 2017; it is not used in evaluation.
        ours[name] = value if key.endswith("num_batches_tracked") and key not in state else state[key]
    return ours


def _load_tiny(path: Path) -> State:
    from safetensors.torch import load_file

    return {name: value.float() if value.is_floating_point() else value for name, value in load_file(path).items()}


NETWORKS["resnext3d-101"] = FeatureNetwork(
    kind="motion",
    build=_resnext3d_101,
    width=2048,
    size=112,
    mean=(114.7748, 107.7354, 99.4750),
    std=(1.0, 1.0, 1.0),
    scale=255.0,
    file="resnext-101-kinetics.pth",
    source="https://github.com/kenshohara/video-classification-3d-cnn-pytorch",
    licence="MIT",
    load=_load_hara,
)
NETWORKS["resnext3d-tiny"] = FeatureNetwork(
    kind="motion",
    build=_resnext3d_tiny,
    width=192,
    size=56,
    mean=(0.5, 0.5, 0.5),
    std=(0.25, 0.25, 0.25),
    scale=1.0,
    file=SHIPPED.name,
    source="made by `eigv-extract train-motion`",
    licence="MIT",
    load=_load_tiny,
    locate=lambda: SHIPPED,
)
