"""What reaches a network: the pixels' range, the order of channels and of frames, and what is done with its vectors."""

import numpy as np
import pytest
import torch

from extract.config import FeaturesSettings
from extract.features.extractor import Extractor
from extract.networks import NETWORKS
from extract.networks.registry import LoadedNetwork

RGB = (250, 120, 30)
"""A colour whose channels cannot be mistaken for one another."""


class Seen(torch.nn.Module):
    """A network that keeps its inputs; its vectors say which pictures they are of."""

    def __init__(self) -> None:
        super().__init__()
        self.inputs: list[torch.Tensor] = []

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        self.inputs.append(pixels.clone())
        return pixels.flatten(1)[:, :1]


def at_work(kind: str, network: str, **appearance) -> tuple[Extractor, Seen]:
    """An extractor that normalises as for `network`, at a size that a test can fill by hand."""
    entry, seen = NETWORKS[network], Seen()
    loaded = LoadedNetwork(seen, 2, entry.mean, entry.std, entry.scale, {"network": network})
    features = FeaturesSettings(appearance=appearance, sampling={"clips": 3, "frames": 4})
    extractor = Extractor(kind, loaded, features, "cpu")
    seen.inputs.clear()
    return extractor, seen


def pictures(*shape: int) -> torch.Tensor:
    """(*shape, 2, 2, 3): the colour, darker by one from picture to picture; the last pixel is black."""
    count = int(np.prod(shape))
    filled = np.tile(np.array(RGB, np.uint8), (count, 2, 2, 1)) - np.arange(count, dtype=np.uint8)[:, None, None, None]
    filled[:, 1, 1] = 0
    return torch.from_numpy(filled.reshape(*shape, 2, 2, 3))


NORMALISED = {
    # (value of the channel in 0..scale - mean) / std, red, green, blue; by hand from the published preprocessing
    "resnext3d-101": ((250 - 114.7748, 120 - 107.7354, 30 - 99.4750), (-114.7748, -107.7354, -99.4750), 1.0),
    "resnet3d-152": (
        ((250 / 255 - 0.4345) / 0.2768, (120 / 255 - 0.4051) / 0.2713, (30 / 255 - 0.3775) / 0.2737),
        (-0.4345 / 0.2768, -0.4051 / 0.2713, -0.3775 / 0.2737),
        1 / 255 / 0.2768,
    ),
    "resnet152": (
        ((250 / 255 - 0.485) / 0.229, (120 / 255 - 0.456) / 0.224, (30 / 255 - 0.406) / 0.225),
        (-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225),
        1 / 255 / 0.229,
    ),
}


@pytest.mark.parametrize("network", ["resnext3d-101", "resnet3d-152"])
def test_a_motion_network_sees_rgb_frames_in_their_order(network):
    extractor, seen = at_work("motion", network)
    given = pictures(2, 3, 4)
    found = extractor(given)
    inputs = torch.cat(seen.inputs)
    assert inputs.shape == (6, 3, 4, 2, 2)  # clips of both videos, channels, frames, rows, columns
    bright, dark, step = NORMALISED[network]
    torch.testing.assert_close(inputs[0, :, 0, 0, 0], torch.tensor(bright), atol=2e-4, rtol=1e-5)
    torch.testing.assert_close(inputs[0, :, 0, 1, 1], torch.tensor(dark), atol=2e-4, rtol=1e-5)
    red = inputs[:, 0, :, 0, 0].flatten()  # a step darker from frame to frame, from clip to clip
    torch.testing.assert_close(red[:-1] - red[1:], torch.full((23,), step), atol=2e-4, rtol=1e-3)
    assert (inputs[:, :, :, 0, 1] == inputs[:, :, :, 0, 0]).all() and (inputs[:, :, :, 1, 1] != bright[0]).all()
    np.testing.assert_allclose(found[..., 0], red.view(2, 3, 4)[:, :, 0].numpy(), rtol=1e-5)


def test_an_appearance_network_sees_rgb_pictures():
    extractor, seen = at_work("appearance", "resnet152")
    found = extractor(pictures(2, 3, 1))
    inputs = torch.cat(seen.inputs)
    assert inputs.shape == (6, 3, 2, 2)
    bright, dark, step = NORMALISED["resnet152"]
    torch.testing.assert_close(inputs[0, :, 0, 0], torch.tensor(bright), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(inputs[0, :, 1, 1], torch.tensor(dark), atol=1e-5, rtol=1e-5)
    red = inputs[:, 0, 0, 0]
    torch.testing.assert_close(red[:-1] - red[1:], torch.full((5,), step), atol=1e-5, rtol=1e-3)
    np.testing.assert_allclose(found[..., 0], red.view(2, 3).numpy(), rtol=1e-5)


@pytest.mark.parametrize("frames", ["mean", "max"])
def test_vectors_of_a_clip_become_one(frames):
    extractor, seen = at_work("appearance", "resnet152", frames=frames)
    found = extractor(pictures(2, 3, 4))
    red = torch.cat(seen.inputs)[:, 0, 0, 0].view(2, 3, 4)
    expected = red.mean(2) if frames == "mean" else red[:, :, 0]  # each frame is darker than the one before
    np.testing.assert_allclose(found[..., 0], expected.numpy(), rtol=1e-5)


def test_published_networks_are_fed_as_they_were_trained():
    """Hara's and torchvision's own numbers; `resnext3d-101` sees 0 to 255, and no deviation is divided by."""
    fed = {name: (e.size, e.short_side, e.mean, e.std, e.scale) for name, e in NETWORKS.items()}
    imagenet = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 1.0)
    assert fed["resnext3d-101"] == (112, 112, (114.7748, 107.7354, 99.4750), (1.0, 1.0, 1.0), 255.0)
    assert fed["resnet3d-152"] == (112, 112, (0.4345, 0.4051, 0.3775), (0.2768, 0.2713, 0.2737), 1.0)
    assert fed["resnet152"] == (224, 256, *imagenet)
    assert fed["resnet152-v2"] == (224, 232, *imagenet)
    assert fed["resnet101"] == (224, 256, *imagenet)
