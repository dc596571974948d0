"""Bilinear fusion with block-diagonal low-rank factors (Ben-younes et al., "BLOCK", AAAI 2019).

Sizes: P pairs, C chunks, S = width / C (rounded up) size of a chunk, R rank. Where C does not divide the width, the
last chunk is shorter.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from base.errors import UserError
from base.tensors import full
from eigv.backbones.parts.dropout import Dropout
from eigv.config.run import BlockFusionSettings

_SMALLEST = 1e-12  # below it the signed square root is flat: its derivative at 0 would be infinite


def signed_square_root(x: Tensor) -> Tensor:
    """sign(x) * sqrt(|x|), any shape; the gradient is 0 where |x| < 1e-12 and never more than 5e5."""
    return x.sign() * x.abs().clamp_min(_SMALLEST).sqrt()


class ChunkLinear(nn.Module):
    """One Linear a chunk, all at once: (P, C * S) to (P, C, R, S)."""

    def __init__(self, chunks: int, size: int, rank: int) -> None:
        super().__init__()
        self.rank = rank
        bound = size**-0.5  # as the default of nn.Linear(size, rank * size)
        self.weight = nn.Parameter(torch.empty(chunks, size, rank * size).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(chunks, 1, rank * size).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """(P, C * S) to (P, C, R, S)."""
        chunks, size, _ = self.weight.shape
        by_chunk = x.view(-1, chunks, size).transpose(0, 1)  # (C, P, S)
        mapped = torch.baddbmm(self.bias, by_chunk, self.weight)  # (C, P, R * S)
        return mapped.transpose(0, 1).unflatten(-1, (self.rank, size))


class BlockFusion(nn.Module):
    """Fuses two vectors: z = W [n(m_1), ..., n(m_C)], m_c = sum_r (M0_c x0_c)_r * (M1_c x1_c)_r.

    x0, x1 are linear maps of the inputs into the factor space, cut into C chunks; n is the signed square root
    followed by L2 normalisation; with `normalise: joined`, W n([m_1, ..., m_C]). The two maps can be called alone,
    where many pairs share an input.
    """

    compiles = "joined"

    def __init__(self, first: int, second: int, out: int, settings: BlockFusionSettings, dropout: float = 0.0) -> None:
        super().__init__()
        size = -(-settings.width // settings.chunks)
        if size * (settings.chunks - 1) >= settings.width:
            raise UserError(
                f"block fusion: `fusion.width` ({settings.width}) is too small for {settings.chunks} chunks of {size}; "
                "make `fusion.width` a multiple of `fusion.chunks`"
            )
        self.width = settings.width
        self.normalise = settings.normalise
        self.beyond = size * settings.chunks - settings.width  # places that the last chunk lacks
        self.map_first = nn.Linear(first, settings.width)
        self.map_second = nn.Linear(second, settings.width)
        self.dropout = Dropout(dropout)
        self.merge_first = ChunkLinear(settings.chunks, size, settings.rank)
        self.merge_second = ChunkLinear(settings.chunks, size, settings.rank)
        self.out = nn.Linear(settings.width, out)

    def merge(self, first: Tensor, second: Tensor) -> Tensor:
        """Fuses inputs that are mapped already, (P, width) each, to (P, out)."""
        left = self.merge_first(F.pad(self.dropout(first), (0, self.beyond)))  # (P, C, R, S)
        right = self.merge_second(F.pad(self.dropout(second), (0, self.beyond)))
        return self.out(self.joined(left, right))

    def joined(self, left: Tensor, right: Tensor) -> Tensor:
        """Products of the factors (P, C, R, S), summed over ranks and normalised: (P, width)."""
        merged = (full(left) * full(right)).sum(dim=2)  # (P, C, S)
        if self.beyond:
            kept = merged.flatten(1)[:, : self.width]
            merged = F.pad(kept, (0, self.beyond)).view_as(merged)
        rooted = signed_square_root(merged)
        if self.normalise == "each":
            rooted = F.normalize(rooted, dim=-1)
        joined = rooted.flatten(1)[:, : self.width]
        return F.normalize(joined, dim=-1) if self.normalise == "joined" else joined

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """(P, first), (P, second) to (P, out)."""
        return self.merge(self.map_first(first), self.map_second(second))
