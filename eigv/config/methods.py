"""The methods as data: one training step with parts switched on.

Those of the paper (Table 1 and the ablations), IGV (Li et al., CVPR 2022), and those whose rationales are
true (docs/rationales.md).
"""

from dataclasses import dataclass
from typing import Literal

from base.errors import UserError, no_such


@dataclass(frozen=True)
class Method:
    """Which parts take part in training."""

    mix: Literal["none", "video", "scenes"] = "none"
    """What is mixed with a partner's: nothing, the whole video (mixup), or scene by scene (the intervener)."""
    disrupt_question: bool = False
    """Whether anchors are contrasted with questions of other samples."""
    disrupt_video: bool = False
    """Whether anchors are contrasted with videos whose scenes are replaced from the memory bank."""
    scenes: Literal["indicator", "guide", "gold"] = "indicator"
    """Who says what the causal scene is: the indicator that learns with the model, a trained model with an indicator
    (that of the method `faithful`), or the gold spans of the train split."""
    random_parts: bool = False
    """Whether random parts of the videos are answered too."""
    branches: bool = False
    """Whether the causal scene, the environment, and the causal scene among other clips are answered apart (IGV)."""
    selects: Literal["no", "jointly", "afterwards"] = "no"
    """Whether the indicator learns which clips the model needs: while the model learns, or on the finished one."""

    @property
    def grounds(self) -> bool:
        """Whether the model has an indicator that has learnt, and so a rationale to give."""
        reads_scenes = self.mix == "scenes" or self.disrupt_video
        return self.branches or self.selects != "no" or (reads_scenes and self.scenes != "gold")

    @property
    def contrasts(self) -> bool:
        """Whether there is a contrastive loss."""
        return self.disrupt_question or self.disrupt_video

    @property
    def answers_from(self) -> Literal["video", "causal-scene"]:
        """What answers are trained on, and so what they are read from when an epoch is judged."""
        return "causal-scene" if self.branches else "video"

    @property
    def reads_bank(self) -> bool:
        """Whether it takes clips of other training videos."""
        return self.disrupt_video or self.branches

    @property
    def unread(self) -> list[str]:
        """The groups of settings that training by this method does not read, but for `READ_BY_ALL`."""
        read = {
            "grounding": self.grounds,
            "intervener": self.mix != "none",
            "disruptor": self.contrasts,
            "objective": self.contrasts,
            "parts": self.random_parts or self.scenes == "guide",
            "igv": self.branches,
            "faithful": self.selects != "no" or self.scenes == "guide",
        }
        return [group for group, is_read in read.items() if not is_read]


METHODS: dict[str, Method] = {
    "erm": Method(),
    "mixup": Method(mix="video"),
    "intervener": Method(mix="scenes"),
    "disrupt-q": Method(disrupt_question=True),
    "disrupt-v": Method(disrupt_video=True),
    "disruptor": Method(disrupt_question=True, disrupt_video=True),
    "eigv": Method(mix="scenes", disrupt_question=True, disrupt_video=True),
    "igv": Method(branches=True),
    "parts": Method(random_parts=True),
    "faithful": Method(random_parts=True, selects="afterwards"),
    "faithful-joint": Method(random_parts=True, selects="jointly"),
    "eigv-faithful": Method(mix="scenes", disrupt_question=True, disrupt_video=True, scenes="guide"),
    "eigv-gold": Method(mix="scenes", disrupt_question=True, disrupt_video=True, scenes="gold"),
}

READ_BY_ALL = {"objective": ("answer",)}
"""Of groups in `Method.unread`, the settings that every method reads."""

GUIDE = "faithful"
"""The method whose models guide those of `scenes: guide`."""


def method(name: str) -> Method:
    """The method called `name`; `UserError` if there is none."""
    if name not in METHODS:
        raise UserError(no_such("method", name, METHODS))
    return METHODS[name]


def without_indicator(name: str) -> str | None:
    """What to say of a method whose models give no rationale, or that there is not; None for the others."""
    if name not in METHODS:
        return no_such("method", name, METHODS)
    if METHODS[name].grounds:
        return None
    has = ", ".join(other for other, how in METHODS.items() if how.grounds)
    return f"the method {name} trains no indicator; these do: {has}"
