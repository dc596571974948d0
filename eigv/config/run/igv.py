"""Settings of IGV (Li et al., "Invariant Grounding for Video Question Answering", CVPR 2022), as a method.

docs/method.md has its losses, and where its official code departs from them.
"""

from typing import Any, Literal

from pydantic import Field

from base.settings import Settings
from eigv.config.names import Exclude


class IgvSettings(Settings):
    """Answers of the causal scene, of the environment, and of the causal scene among clips of other videos."""

    invariance: float = Field(
        1.0, ge=0, description="Weight of KL(causal scene || causal scene among clips of the memory bank)."
    )
    environment: float = Field(1.0, ge=0, description="Weight of KL(uniform || environment).")
    exclude: Exclude = Field(
        "own-videos",
        description="Clips of the memory bank do not come from the sample's own video, or (IGV's paper) from no video "
        "that shares its answer.",
    )
    gradient: Literal["all", "scenes", "none"] = Field(
        "all",
        description="What teaches the indicator: all answers; or (official code for MSVD-QA) not those among clips of "
        "the memory bank; or (official code for MSRVTT-QA, where the indicator stays as it was drawn) none.",
    )


DEFAULTS: dict[str, Any] = {
    "eigv": {"grounding": {"query": "answer", "never_empty": True}},
    "inference": {"answer_from": "causal-scene", "environment": "dropped"},
}
"""What a run by this method has where nothing is said: every candidate grounds a scene of its own, no scene is empty,
and answers come from the clips of the causal scene alone."""
