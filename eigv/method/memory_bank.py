"""The memory bank: clips of other training videos, to disrupt scenes with (section 4.3).

Sizes: V training videos, K clips a video, Dv width of the clip features, B batch, E excluded videos a sample.
"""

import math

import torch
from torch import Tensor

from base.errors import UserError
from base.tensors import moved
from eigv.method.draws import Draws


class MemoryBank:
    """All clips of the training videos. It looks at a tensor that the data set holds and never copies it."""

    def __init__(self, features: Tensor, rows: Tensor | None = None) -> None:
        """The bank over clip features (N, K, Dv), of any number type, on any device.

        `rows` (V,) are the training videos among the N, on the host; all of them if None.
        """
        self.features = features
        self.rows = torch.arange(len(features)) if rows is None else rows
        if len(self.rows) < 3:
            raise UserError(
                f"the memory bank needs three or more training videos, there are {len(self.rows)}: "
                "a sample and its partner take their substitutes from a third"
            )

    def draw(self, excluded: Tensor, shape: tuple[int, ...], draws: Draws) -> Tensor:
        """Clips (B, *shape, Dv) for every sample, uniform over all clips of all videos but `excluded` (B, E).

        `excluded` holds numbers of training videos, 0 to V - 1, on the host; one may be in it twice, -1 is none. The
        draws are independent, with replacement. The clips are where the features are, or on their way to the device
        of `draws`.
        """
        _, clips, width = self.features.shape
        index = draw_others(excluded, len(self.rows), clips, shape, draws).flatten()  # (B * ...,)
        flat = moved(self.rows[index // clips] * clips + index % clips, self.features.device)
        found = self.features.flatten(0, 1).index_select(0, flat)
        return moved(found, draws.device).view(len(excluded), *shape, width)


def draw_others(excluded: Tensor, videos: int, clips: int, shape: tuple[int, ...], draws: Draws) -> Tensor:
    """Clip numbers (B, *shape) in [0, videos * clips), uniform over those of videos not in `excluded` (B, E).

    A number is drawn below the count of the clips that are left, then its video is moved up past every excluded one:
    the work does not grow with the bank. A negative number in `excluded` excludes nothing.
    """
    size, columns = excluded.shape
    nothing = 2 * videos  # sorts behind every video, however far that is moved up
    ordered = excluded.where(excluded >= 0, nothing).sort(dim=1).values
    again = torch.zeros_like(ordered, dtype=torch.bool)
    again[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    ordered = ordered.masked_fill(again, nothing).sort(dim=1).values
    left = videos - (ordered < nothing).sum(dim=1)  # (B,)

    index = draws.integers((left * clips)[:, None], (size, math.prod(shape)))
    video, clip = index // clips, index % clips
    # The j-th excluded video (from 0) is passed by every number from it on, which lost j places before it already.
    passed = torch.searchsorted(ordered - torch.arange(columns, device=ordered.device), video, right=True)
    return ((video + passed) * clips + clip).view(size, *shape)
