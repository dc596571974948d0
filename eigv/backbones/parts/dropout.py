"""Dropout with cheap masks: four elements share a random number of 64 bits, and a mask takes a byte an element.

PyTorch's own draws a floating-point number an element on a CPU, and keeps a mask as wide as the element.
"""

from typing import Any

import torch
from torch import Tensor, nn

_BITS = 16


class Dropout(nn.Dropout):
    """Drops each element with probability `p`, `times` over (independently), and scales what is kept to match.

    The masks follow from `torch.manual_seed`, whatever the number of threads. An element has 16 random bits, so the
    probability is the multiple of 2^-16 that is nearest to 1 - (1 - p)^times; the scale is that of the multiple.
    """

    def __init__(self, p: float, times: int = 1) -> None:
        super().__init__(p)
        self.times = times

    def forward(self, input: Tensor) -> Tensor:
        """Any shape, to the same."""
        return self._dropped(input, relu=False) if self._level() else input

    def after_relu(self, input: Tensor) -> Tensor:
        """Dropout of ReLU(`input`), for which one mask is kept: neither the input nor what ReLU makes of it."""
        return self._dropped(input, relu=True) if self._level() else input.relu()

    def mask(self, like: Tensor) -> tuple[Tensor | None, float]:
        """Which elements stay, 0 or 1 of uint8 in the shape of `like`, and their scale; None where nothing is dropped.

        For a function that multiplies by both itself.
        """
        if not (level := self._level()):
            return None, 1.0
        return (_random(like) >= level - 2 ** (_BITS - 1)).view(torch.uint8), 1 / (1 - level / 2**_BITS)

    def _level(self) -> int:
        """How many of the 2^16 numbers drop an element."""
        return round((1 - (1 - self.p) ** self.times) * 2**_BITS) if self.training else 0

    def _dropped(self, input: Tensor, relu: bool) -> Tensor:
        result: Tensor = _Dropped.apply(input, self._level(), relu)
        return result


class _Dropped(torch.autograd.Function):
    """Of ReLU or of the input itself."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, level: int, relu: bool) -> Tensor:
        kept = _random(x) >= level - 2 ** (_BITS - 1)
        if relu:
            kept &= x > 0
        ctx.save_for_backward(kept)
        ctx.scale = 1 / (1 - level / 2**_BITS)
        return kept.to(x.dtype).mul_(ctx.scale).mul_(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (kept,), (gradient,) = ctx.saved_tensors, gradients
        return kept.to(gradient.dtype).mul_(ctx.scale).mul_(gradient), None, None


def _random(like: Tensor) -> Tensor:
    """As many random numbers of int16 as `like` has elements, in its shape."""
    size = like.numel()
    drawn = torch.empty(-(-size // 4), dtype=torch.int64, device=like.device).random_(-(2**63), None)
    numbers = drawn.view(torch.int16)
    return (numbers if len(numbers) == size else numbers[:size]).view(like.shape)
