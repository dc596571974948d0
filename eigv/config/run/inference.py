"""How a trained model answers."""

from typing import Literal

from pydantic import Field

from base.settings import Settings
from eigv.config.choices import Environment


class InferenceSettings(Settings):
    """How a trained model answers."""

    answer_from: Literal["video", "causal-scene"] = Field(
        "video",
        description="What the reported answer is read from; both are evaluated. By default causal-scene for the method "
        "igv.",
    )
    environment: Environment = Field(
        "zeroed",
        description="What becomes of the environment's clips where an answer is read from the causal scene: zeros in "
        "their places, or the backbone encodes the causal clips alone. By default dropped for the method igv, which "
        "trains so.",
    )
    faithfulness: int = Field(
        500,
        ge=0,
        description="On how many questions of a split, evenly spread, it is measured whether answers rest on the "
        "rationales (docs/rationales.md); 0 is not at all. Each costs as much as 29 answers.",
    )
    noise_draws: int = Field(
        0,
        ge=0,
        description="How often the causal scenes of a split are drawn with Gumbel noise as well, as in training: "
        "metrics.json then has mean and deviation of the accuracies from them. IGV's official code answers from one "
        "such draw; with preset official, 5 for the method igv.",
    )
