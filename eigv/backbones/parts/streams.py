"""Appearance and motion, two streams of clip features that are read side by side.

Sizes: S = 2 streams, n rows.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eigv.backbones.contract import ClipWidths


class StreamLinear(nn.Module):
    """One Linear a stream, both at once: (S, n, in) to (S, n, out)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = inputs**-0.5  # as the default of nn.Linear
        self.weight = nn.Parameter(torch.empty(2, outputs, inputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(2, outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """(S, n, in) to (S, n, out)."""
        return torch.baddbmm(self.bias[:, None], x, self.weight.transpose(1, 2))


def stream_widths(widths: ClipWidths) -> tuple[int, int]:
    """The widths of both streams: of one kind of features both read the same."""
    return widths.appearance or widths.motion, widths.motion or widths.appearance


def map_streams(video: Tensor, widths: ClipWidths, maps: Sequence[Tensor]) -> Tensor:
    """Clip features (..., K, Dv) under a map (E, in) a stream: (..., K, 2E), stream after stream."""
    appearance, motion = video[..., : widths.appearance], video[..., widths.appearance :]
    appearance, motion = (appearance if widths.appearance else motion, motion if widths.motion else appearance)
    return torch.cat([F.linear(appearance, maps[0]), F.linear(motion, maps[1])], dim=-1)
