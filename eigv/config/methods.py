"""The methods of the paper as data: one training step with parts switched on (Table 1 and the ablations)."""

from dataclasses import dataclass
from typing import Literal

from base.errors import UserError, no_such


@dataclass(frozen=True)
class Method:
    """Which parts of EIGV take part in training."""

    mix: Literal["none", "video", "scenes"] = "none"
    """What is mixed with a partner's: nothing, the whole video (mixup), or scene by scene (the intervener)."""
    disrupt_question: bool = False
    """Whether anchors are contrasted with questions of other samples."""
    disrupt_video: bool = False
    """Whether anchors are contrasted with videos whose scenes are replaced from the memory bank."""

    @property
    def grounds(self) -> bool:
        """Whether the grounding indicator is trained, so that the model has a rationale to give."""
        return self.mix == "scenes" or self.disrupt_video

    @property
    def contrasts(self) -> bool:
        """Whether there is a contrastive loss."""
        return self.disrupt_question or self.disrupt_video

    @property
    def unread(self) -> list[str]:
        """The groups of settings that training by this method does not read."""
        read = {
            "grounding": self.grounds,
            "intervener": self.mix != "none",
            "disruptor": self.contrasts,
            "objective": self.contrasts,
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
}


def method(name: str) -> Method:
    """The method called `name`; `UserError` if there is none."""
    if name not in METHODS:
        raise UserError(no_such("method", name, METHODS))
    return METHODS[name]
