"""Recipes of clip features: which frames, which networks, which pictures, as the paper and two public codes have it.

`features.preset` names one; what a configuration says itself goes over it. docs/formats.md has them side by side.
"""

from typing import Any

Recipe = dict[str, dict[str, Any]]
"""Values of `sampling`, `appearance` and `motion`."""

_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.224)  # the third is ImageNet's 0.225 mistyped; kept

_PAPER: Recipe = {
    # What the paper says (16 clips, ResNet-152, 3D ResNeXt-101), and where it is silent the plainest choice.
    "sampling": {
        "clips": 16,
        "frames": 16,
        "positions": "middles",  # not in the paper: around the middles of 16 equal parts
    },
    "appearance": {
        "network": "resnet152",  # torchvision, ImageNet weights V1 with their own mean and std
        "frames": "middle",
        "size": None,  # the network's own: 224
        "fit": "squash",  # as the features that the field uses; a crop would lose the sides of a wide picture
        "resample": "decoder",
    },
    "motion": {
        "network": "resnext3d-101",  # Hara's, Kinetics-400, with the mean that it was trained with
        "size": None,  # the network's own: 112
        "fit": "squash",
        "resample": "decoder",
    },
}

_HCRN: Recipe = {
    # HCRN's preprocess/preprocess_features.py, from which NExT-QA's released features come. HCRN's own data sets have 8
    # clips, NExT-QA 16. HCRN keeps 16 appearance vectors a clip; how NExT-QA made one of them is not published: here
    # the middle frame, other rules by `appearance: {frames: mean}`.
    "sampling": {"clips": 16, "frames": 16, "positions": "hcrn"},
    "appearance": {
        "network": "resnet101",
        "frames": "middle",
        "size": 224,
        "fit": "squash",
        "resample": "bicubic",  # PIL, on 8-bit RGB
        "mean": _MEAN,
        "std": _STD,
        "scale": 1.0,
    },
    "motion": {
        "network": "resnext3d-101",
        "size": 112,
        "fit": "squash",
        "resample": "bicubic",
        "mean": (0.0, 0.0, 0.0),  # pixels of 0..255 as they are
        "std": (1.0, 1.0, 1.0),
        "scale": 255.0,
    },
}

_MSPAN: Recipe = {
    # MSPAN's 16 frames from the first to the last, each the appearance frame of a clip. Its mean and std, with HCRN's
    # mistyped third value, and the 3D ResNet-152 that it took. How long its motion windows are and how it resized is
    # not published: 16 frames around each position, moved inside the video, and HCRN's resizing are assumed.
    "sampling": {"clips": 16, "frames": 16, "positions": "spread"},
    "appearance": {
        "network": "resnet152",
        "frames": "middle",
        "size": 224,
        "fit": "squash",
        "resample": "bicubic",
        "mean": _MEAN,
        "std": _STD,
        "scale": 1.0,
    },
    "motion": {
        "network": "resnet3d-152",
        "size": 112,
        "fit": "squash",
        "resample": "bicubic",
        "mean": _MEAN,
        "std": _STD,
        "scale": 1.0,
    },
}

RECIPES: dict[str, Recipe] = {"paper": _PAPER, "hcrn": _HCRN, "mspan": _MSPAN}
