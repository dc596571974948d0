"""What a step of the peer draws, as the official code draws it.

Sizes: B samples, V videos of the bank, K clips, rows whatever is asked for.
"""

import numpy as np
import torch
from torch import Tensor


class PeerDraws:
    """Ratios and partners from the global generators; bank clips by a weight for every clip."""

    def ratio(self, alpha: float) -> float:
        """One number of Beta(alpha, alpha) for the whole batch."""
        return float(np.random.beta(alpha, alpha))

    def permutation(self, n: int) -> Tensor:
        """(n,) int64."""
        return torch.randperm(n)

    def gumbel(self, like: Tensor) -> Tensor:
        """Standard Gumbel noise in the shape of `like`."""
        return -torch.empty_like(like).exponential_().log()

    def clips(self, excluded: Tensor, videos: int, clips: int) -> Tensor:
        """Rows (n, K) of the bank's V * K clips, none of the videos `excluded` (n, 2)."""
        weights = torch.ones(len(excluded), videos)
        weights.scatter_(1, excluded, 0.0)
        weights = weights[:, :, None].expand(-1, -1, clips).reshape(len(excluded), videos * clips)
        return torch.multinomial(weights, clips, replacement=True)
