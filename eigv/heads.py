"""What is read from an answer representation: scores of answers, and the vector that is contrasted.

Sizes: P pairs of a video and a text, D width, C answer classes.
"""

from torch import Tensor, nn


class Heads(nn.Module):
    """The answer head and the contrastive head on one answer representation."""

    def __init__(self, width: int, classes: int | None) -> None:
        """Open-ended: `classes` answers to choose from; multiple choice: None, a text is scored by one number."""
        super().__init__()
        self.answer = nn.Linear(width, classes or 1)
        self.projection = nn.Sequential(nn.ReLU(), nn.Linear(width, width))

    def scores(self, representation: Tensor) -> Tensor:
        """Answer representations (P, D) to logits: (P, C), or (P, 1) in multiple choice."""
        return self.answer(representation)

    def project(self, representation: Tensor) -> Tensor:
        """Answer representations (P, D) to the vectors of Eq. 18, (P, D): W ReLU(z) + b."""
        return self.projection(representation)
