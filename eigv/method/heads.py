"""What is read from an answer representation: scores of answers, and the vector that is contrasted.

Sizes: P pairs of a video and a text, R width of an answer representation, C answer classes.
"""

from typing import Any

from torch import Tensor, nn

from eigv.backbones.contract import Backbone


class Heads(nn.Module):
    """The answer head and the contrastive head on one answer representation, as the backbone wants them."""

    def __init__(self, backbone: Backbone[Any, Any], classes: int | None, projection: bool = False) -> None:
        """Open-ended: `classes` answers to choose from; multiple choice: None, a text is scored by one number.

        Without `projection`, answer representations are contrasted as they are.
        """
        super().__init__()
        self.answer = backbone.answer_head(classes or 1)
        self.projection = backbone.projection_head() if projection else nn.Identity()

    def scores(self, representation: Tensor) -> Tensor:
        """Answer representations (P, R) to logits: (P, C), or (P, 1) in multiple choice."""
        return self.answer(representation)

    def project(self, representation: Tensor) -> Tensor:
        """Answer representations (..., R) to the vectors of Eq. 18, one each."""
        return self.projection(representation)
