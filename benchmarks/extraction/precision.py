"""What is lost and won by extracting in half precision."""

import numpy as np
import pandas as pd
from PIL import Image

from base.formats.video_features import KINDS
from benchmarks.extraction.costs import cost_of
from extract.config import FeaturesSettings
from extract.features.extractor import Extractor
from extract.networks import load_network
from extract.videos.pictures import pictures_of

RANDOM = {"appearance": {"weights": "random"}, "motion": {"weights": "random"}}
TRAINED = {"appearance": {"network": "efficientnet-lite0"}, "motion": {"network": "resnext3d-tiny"}}


def precision(device: str) -> str:
    """Relative error of the features against fp32, and the time, for each network and precision."""
    rows = []
    worst: dict[str, float] = {}
    for weights, base in (("trained", TRAINED), ("random", RANDOM)):
        for kind in KINDS:
            pictures, expected, before = None, None, 0.0
            # On a CPU without fp16 arithmetic the large networks would take hours in it.
            for precision in ("fp32", "bf16", "fp16") if device == "cuda" or weights == "trained" else ("fp32", "bf16"):
                features = FeaturesSettings(**base, precision=precision)
                extractor = Extractor(kind, load_network(kind, features), features, device)
                pictures = _textured(kind, features) if pictures is None else pictures
                inputs = extractor.upload(pictures)
                found = extractor(inputs)
                seconds = cost_of(lambda: extractor(inputs)).on(device)  # noqa: B023
                if expected is None:
                    expected, before = found, seconds
                error = float(np.linalg.norm(found - expected) / np.linalg.norm(expected))
                network = getattr(features, kind).network
                worst[precision] = max(worst.get(precision, 0.0), error)
                rows.append(
                    {
                        "network": f"{network}, {weights} weights",
                        "precision": precision,
                        "relative error": f"{error:.1e}",
                        "time": f"{seconds / before:.2f}",
                    }
                )
    safe = [precision for precision, error in worst.items() if error < 1e-2]
    return (
        "Error of the features against fp32 (norm of the difference over the norm), and time as a multiple of fp32's, "
        f"on 16 clips of moving texture:\n\n{pd.DataFrame(rows).to_markdown(index=False)}\n\n"
        f"Below 1e-2 for every network measured: {', '.join(safe)}. The default is fp32: on a CPU nothing quicker is "
        "below 1e-2 for all of them. Measure with your weights before you set another (`features.precision`)."
    )


def _textured(kind: str, features: FeaturesSettings) -> np.ndarray:
    """Pictures (1, K, F or T, S, S, 3) of blurred noise that drifts, a different one in each clip."""
    side, rng = pictures_of(features)[kind].size, np.random.default_rng(0)
    seen = features.sampling.frames if kind == "motion" else 1
    clips = []
    for _ in range(features.sampling.clips):
        small = rng.integers(0, 255, (side // 8 + 1, side // 8 + 1, 3), np.uint8)
        texture = np.asarray(Image.fromarray(small).resize((2 * side, 2 * side), Image.Resampling.BICUBIC))
        clips.append(np.stack([texture[2 * t : 2 * t + side, t : t + side] for t in range(seen)]))
    return np.stack(clips)[None]
