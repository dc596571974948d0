"""The recipe of the demo's appearance network: what its features are standardised by.

The weights are ImageNet's, from a package; only a mean and a deviation of each of the D features are made here, from
frames of rendered videos that the data set does not have.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from base.progress import progress
from base.writing import atomic_path
from extract.demo.motion import decode
from extract.demo.render import render_video
from extract.demo.scenes import write_script
from extract.demo.settings import DemoSettings
from extract.networks.appearance import CALIBRATION, LITE0_MEAN, LITE0_STD, locate_lite0, stages_of_lite0
from extract.networks.efficientnet_lite import EfficientNetLite0Extrema

SPLIT = "appearance-calibration"  # no split of the data set, so its random numbers are others
SIDE, FRAMES = 112, 16


def calibrate(out: Path = CALIBRATION, seed: int = 0, videos: int = 100) -> dict[str, Any]:
    """Writes `mean` (D,) and `deviation` (D,) of the features of `videos` unbiased videos to `out`; returns the recipe.

    The same seed gives the same numbers.
    """
    settings = DemoSettings(seed=seed, bias=0, processes=1)
    network = EfficientNetLite0Extrema().eval()
    network.load_state_dict(stages_of_lite0(locate_lite0()), strict=False)  # all but what is made here
    with tempfile.TemporaryDirectory() as folder:
        features = torch.cat(
            [
                _features(network, settings, index, Path(folder))
                for index in progress(range(videos), total=videos, label="appearance", unit="video")
            ]
        )
    facts = {"recipe": "extract.demo.appearance, version 1", "seed": seed, "videos": videos, "size": SIDE}
    state = {"mean": features.mean(dim=0), "deviation": features.std(dim=0)}
    with atomic_path(Path(out)) as temporary:
        save_file(state, temporary, metadata={key: json.dumps(value) for key, value in facts.items()})
        temporary.chmod(0o644)
    return facts


@torch.inference_mode()
def _features(network: EfficientNetLite0Extrema, settings: DemoSettings, index: int, folder: Path) -> Tensor:
    """The features (FRAMES, D) of frames evenly spread over one video, not yet standardised."""
    script = write_script(settings, SPLIT, index)
    path = folder / f"{script.video}.mp4"
    render_video(settings, script, index, path)
    frames = decode(path, SIDE)
    chosen = frames[np.linspace(0, len(frames) - 1, FRAMES).round().astype(int)]  # (FRAMES, S, S, 3)
    mean, deviation = torch.tensor(LITE0_MEAN), torch.tensor(LITE0_STD)
    return network.extrema(((torch.from_numpy(chosen) / 255 - mean) / deviation).movedim(-1, 1))
