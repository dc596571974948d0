"""The 3D ResNeXt against Hara's legacy network: keys, shapes and features."""

import json

import numpy as np
import pytest
import torch

from extract.networks.resnext3d import RESNEXT3D_101, RESNEXT3D_TINY, ResNeXt3D, hara_key
from tests.drawn_weights import legacy_network
from tests.places import SHARED

GOLDEN = SHARED / "golden"
KEYS = GOLDEN / "resnext101_legacy_keys.json"
FEATURES = GOLDEN / "resnext101_legacy.npz"
needs_golden = pytest.mark.skipif(not FEATURES.exists(), reason=f"reference numbers are not there: {GOLDEN}")
HARA_MEAN = torch.tensor([114.7748, 107.7354, 99.4750]).view(3, 1, 1, 1)


def test_tiny_makes_one_feature_a_clip() -> None:
    network = ResNeXt3D(RESNEXT3D_TINY).eval()
    features = network(torch.rand(2, 3, 16, 56, 56))
    assert features.shape == (2, RESNEXT3D_TINY.width)
    assert features.isfinite().all()


def test_a_fresh_network_listens_to_every_block() -> None:
    last_norms = [
        parameter for name, parameter in ResNeXt3D(RESNEXT3D_TINY).named_parameters() if name.endswith("norm_c.weight")
    ]
    assert len(last_norms) == sum(RESNEXT3D_TINY.depths)
    assert all((weight == 1).all() for weight in last_norms)


def test_a_feature_does_not_depend_on_the_other_clips() -> None:
    network = ResNeXt3D(RESNEXT3D_TINY).eval()
    clips = torch.rand(3, 3, 16, 56, 56)
    torch.testing.assert_close(network(clips)[1:2], network(clips[1:2]), rtol=1e-4, atol=1e-5)


def test_layout_of_the_101_layers() -> None:
    with torch.device("meta"):
        network = ResNeXt3D(RESNEXT3D_101)
    assert sum(parameter.numel() for parameter in network.parameters()) == 48_340_816 - 2048 * 400 - 400
    assert network(torch.rand(1, 3, 16, 112, 112, device="meta")).shape == (1, 2048)


def test_a_foreign_name_has_no_key() -> None:
    with pytest.raises(KeyError):
        hara_key("head.weight")


@needs_golden
def test_names_map_one_to_one_to_the_legacy_keys() -> None:
    legacy = {key: tuple(shape) for key, shape, *_ in json.loads(KEYS.read_text()) if not key.startswith("fc.")}
    with torch.device("meta"):
        ours = ResNeXt3D(RESNEXT3D_101).state_dict()
    mapped = {hara_key(name): tuple(tensor.shape) for name, tensor in ours.items()}
    assert len(mapped) == len(ours) == 624
    assert mapped == legacy


@needs_golden
@pytest.mark.slow
def test_features_are_those_of_the_legacy_network() -> None:
    network = legacy_network(KEYS)
    with np.load(FEATURES) as golden, torch.inference_mode():
        small = network(torch.from_numpy(golden["in/x32"]))
        _assert_close(small, golden["out/x32_feat"])
        pixels = torch.from_numpy(golden["in/u112"]).float()
        _assert_close(network(pixels), golden["out/u112_feat_raw_pixels"])
        _assert_close(network(pixels - HARA_MEAN), golden["out/u112_feat_mean_subtracted"])


def _assert_close(features: torch.Tensor, expected: np.ndarray) -> None:
    assert np.linalg.norm(features.numpy() - expected) <= 1e-4 * np.linalg.norm(expected)
