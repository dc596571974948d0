"""The weights of recorded networks whose files leave them out: each tensor is drawn from its name."""

import json
import math
import zlib
from pathlib import Path

import numpy as np
import torch

from extract.networks.resnext3d import RESNEXT3D_101, ResNeXt3D, hara_key


def legacy_network(keys: Path) -> ResNeXt3D:
    """The 3D ResNeXt-101 that the recorded features were made with.

    `keys` is `resnext101_legacy_keys.json`, which says what kind of tensor each name is.
    """
    kinds = {key: kind for key, _, _, kind in json.loads(keys.read_text())}
    network = ResNeXt3D(RESNEXT3D_101).eval()
    state = network.state_dict()
    for name, tensor in state.items():
        key = hara_key(name)
        if kinds[key] is not None:
            state[name] = torch.from_numpy(draw(key, kinds[key], tuple(tensor.shape)))
    network.load_state_dict(state, strict=True)
    return network


def draw(key: str, kind: str, shape: tuple[int, ...]) -> np.ndarray:
    """The tensor `key` of a kind, float32."""
    noise = np.random.RandomState(zlib.crc32(key.encode()) & 0x7FFFFFFF).standard_normal(shape)
    values = {
        "conv": lambda: noise * math.sqrt(2 / math.prod(shape[1:])),
        "linear": lambda: noise / math.sqrt(shape[1]),
        "bias": lambda: 0.1 * noise,
        "bn_weight": lambda: 1 + 0.1 * noise,
        "bn3_weight": lambda: 0.3 + 0.05 * noise,
        "bn_bias": lambda: 0.1 * noise,
        "bn_mean": lambda: 0.1 * noise,
        "bn_var": lambda: 1 + 0.1 * np.abs(noise),
    }[kind]()
    return values.astype(np.float32)
