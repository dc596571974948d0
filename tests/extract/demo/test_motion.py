"""The motion network: its recipe learns, and the shipped weights tell actions apart on videos never trained on."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from extract.demo import motion
from extract.demo.scenes import MOTION, generator
from extract.networks.motion import SHIPPED
from extract.networks.resnext3d import RESNEXT3D_TINY, ResNeXt3D


def test_clips_are_normalised_and_say_what_they_show() -> None:
    canvases = motion.small_canvases(generator(MOTION, 0, "canvases", 0), variants=1)
    inputs, shares = motion.clips(24, generator(MOTION, 0, "clips", 0), canvases)
    assert inputs.shape == (24, 3, 16, 56, 56)
    assert inputs.min() >= -2.01 and inputs.max() <= 2.01
    assert shares.shape == (24, 7)
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(24))
    assert (shares.max(dim=1).values < 1).any(), "some clips run through a change of scene"
    again, _ = motion.clips(24, generator(MOTION, 0, "clips", 0), canvases)
    assert torch.equal(inputs, again)


@pytest.mark.slow
def test_the_recipe_learns(tmp_path: Path) -> None:
    out = tmp_path / "weights.safetensors"
    facts = motion.train_motion(out, steps=80, batch=12, held_out_videos=10)
    assert facts["last_loss"] < facts["first_loss"] - 0.15
    # One scene of every held-out video is empty, so always saying "nothing" beats the one in seven of chance.
    _, labels = motion.held_out_clips(seed=0, videos=10)
    always_nothing = np.mean(labels == motion.CLASSES.index("nothing"))
    assert facts["accuracy"] > always_nothing + 0.05 > 1 / 7
    network = ResNeXt3D(RESNEXT3D_TINY)
    network.load_state_dict(load_file(out), strict=True)
    with safe_open(out, "pt") as file:
        assert {key: json.loads(value) for key, value in file.metadata().items()} == facts


def test_the_recipe_is_deterministic(tmp_path: Path) -> None:
    for name in ("first", "second"):
        motion.train_motion(tmp_path / name, steps=2, batch=4, held_out_videos=1)
    first, second = (load_file(tmp_path / name) for name in ("first", "second"))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_shipped_file_is_small_and_says_how_it_was_made() -> None:
    assert SHIPPED.stat().st_size <= 3_000_000
    with safe_open(SHIPPED, "pt") as file:
        facts = {key: json.loads(value) for key, value in file.metadata().items()}
    assert facts["accuracy"] >= 0.9
    assert (facts["frames"], facts["size"], facts["fps"]) == (motion.FRAMES, motion.SIDE, motion.FPS)
    assert (tuple(facts["mean"]), tuple(facts["std"])) == (motion.MEAN, motion.STD)


def test_shipped_features_separate_the_actions_linearly() -> None:
    network = ResNeXt3D(RESNEXT3D_TINY)
    network.load_state_dict(load_file(SHIPPED), strict=True)
    pixels, labels = motion.held_out_clips(seed=12345, videos=16)
    features = motion.features(network, pixels).numpy()
    middle = len(labels) // 2  # clips of a video lie together: both halves have videos of their own
    guesses = _ridge(features[:middle], labels[:middle], features[middle:])
    assert np.mean(guesses == labels[middle:]) > 0.8


@pytest.mark.parametrize("count", [1, 5])
def test_features_do_not_depend_on_how_clips_are_batched(count: int) -> None:
    network = ResNeXt3D(RESNEXT3D_TINY)
    pixels = np.random.default_rng(0).integers(0, 256, (count, 16, 56, 56, 3), dtype=np.uint8)
    alone = torch.cat([motion.features(network, pixels[i : i + 1]) for i in range(count)])
    torch.testing.assert_close(motion.features(network, pixels), alone, rtol=1e-3, atol=1e-4)


def _ridge(features: np.ndarray, labels: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The classes of other features by a linear probe in closed form."""
    mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-6
    inputs, tests = ((np.c_[(x - mean) / deviation, np.ones(len(x))]) for x in (features, others))
    targets = np.eye(len(motion.CLASSES))[labels]
    weights = np.linalg.solve(inputs.T @ inputs + 10 * np.eye(inputs.shape[1]), inputs.T @ targets)
    return (tests @ weights).argmax(axis=1)
