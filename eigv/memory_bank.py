"""The memory bank: clips of other training videos, to disrupt scenes with (section 4.3).

Sizes: V training videos, K clips a video, Dv width of the clip features, B batch, E excluded videos a sample.
"""

import math

import torch
from torch import Tensor

from eigv.randomness import Draws
from extract.errors import UserError


class MemoryBank:
    """All clips of the training videos. It looks at a tensor that the data set holds and never copies it."""

    def __init__(self, features: Tensor) -> None:
        """The bank over clip features (V, K, Dv), of any number type, on any device."""
        if features.shape[0] < 3:
            raise UserError(
                f"the memory bank needs three or more training videos, there are {features.shape[0]}: "
                "a sample and its partner take their substitutes from a third"
            )
        self.features = features

    def draw(self, excluded: Tensor, shape: tuple[int, ...], draws: Draws) -> Tensor:
        """Clips (B, *shape, Dv) for every sample, uniform over all clips of all videos but `excluded` (B, E).

        `excluded` holds rows of the bank; a row may be in it twice. The draws are independent, with replacement.
        """
        videos, clips, width = self.features.shape
        index = draw_others(excluded.to(draws.device), videos, clips, shape, draws)  # (B, *shape)
        flat = index.flatten().to(self.features.device)
        return self.features[flat // clips, flat % clips].view(*index.shape, width)


def draw_others(excluded: Tensor, videos: int, clips: int, shape: tuple[int, ...], draws: Draws) -> Tensor:
    """Clip numbers (B, *shape) in [0, videos * clips), uniform over those of videos not in `excluded` (B, E).

    A number is drawn below the count of the clips that are left, then moved up past every excluded video: the work
    does not grow with the bank.
    """
    size = excluded.shape[0]
    ordered = excluded.sort(dim=1).values
    again = torch.zeros_like(ordered, dtype=torch.bool)
    again[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    left = (videos - (~again).sum(dim=1)) * clips  # (B,)

    index = draws.integers(left[:, None], (size, math.prod(shape)))
    for row, repeated in zip(ordered.unbind(1), again.unbind(1), strict=True):
        passed = (index >= row[:, None] * clips) & ~repeated[:, None]
        index = index + passed * clips
    return index.view(size, *shape)
