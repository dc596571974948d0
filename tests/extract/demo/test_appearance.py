"""The demo's appearance network: its recipe, and what its features hold on videos that the recipe never saw."""

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from extract.config import FeaturesSettings, NetworkSettings
from extract.demo import appearance
from extract.demo.motion import decode
from extract.demo.render import render_video
from extract.demo.scenes import COLOURS, write_script
from extract.demo.settings import DemoSettings
from extract.networks import load_network
from extract.networks.appearance import CALIBRATION

NETWORK = NetworkSettings(network="efficientnet-lite0-extrema", size=appearance.SIDE)


def test_the_recipe_makes_the_shipped_file(tmp_path: Path) -> None:
    for name in ("first", "second"):
        appearance.calibrate(tmp_path / name, videos=4)
    first, second, shipped = (load_file(path) for path in (tmp_path / "first", tmp_path / "second", CALIBRATION))
    for name, values in shipped.items():
        assert torch.equal(first[name], second[name])
        assert values.shape == (464,) and values.isfinite().all()
        # Four videos are few, so their numbers are only near those of a hundred.
        assert torch.corrcoef(torch.stack([first[name], values]))[0, 1] > 0.8
    assert (shipped["deviation"] > 0.1).all()


def test_features_hold_the_colour_of_a_small_actor(tmp_path: Path) -> None:
    settings = DemoSettings(seed=7, processes=1, scenes=(3, 3), empty_scenes=(0, 0))
    network = load_network("appearance", FeaturesSettings(appearance=NETWORK))
    features, labels = [], []
    for index in range(60):
        script = write_script(settings, "train", index)
        render_video(settings, script, index, tmp_path / "video.mp4")
        frames = decode(tmp_path / "video.mp4", appearance.SIDE)
        for scene in script.acted:
            assert scene.actor
            chosen = frames[np.linspace(scene.first + 1, scene.stop - 2, 4).astype(int)]
            with torch.inference_mode():
                features.append(network.module(network.normalise(torch.from_numpy(chosen).movedim(-1, 1))).mean(dim=0))
            labels.append(COLOURS.index(scene.actor.colour))
    x, y = torch.stack(features), torch.nn.functional.one_hot(torch.tensor(labels)).float()
    assert x.mean().abs() < 0.3 and 0.3 < x.std() < 1.5
    train, test = slice(0, 120), slice(120, None)  # scenes of a video lie together: both parts have videos of their own
    weights = torch.linalg.solve(
        x[train].T @ x[train] + 100 * torch.eye(464), x[train].T @ (y[train] - y[train].mean(0))
    )
    guesses = (x[test] @ weights + y[train].mean(0)).argmax(dim=1)
    assert (guesses == y[test].argmax(dim=1)).float().mean() > 0.6  # chance is one in six
