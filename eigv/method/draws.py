"""Every random choice of the method that is not dropout: one seeded generator, which a test can replace.

Sizes: whatever the caller asks for. All draws are made on the CPU, so a seed gives the same draws on every device, and
stay there where others are decided by them: nobody waits for a GPU to know what comes next.
"""

import numpy as np
import torch
from torch import Tensor

from base.tensors import moved


class Draws:
    """Partners, mixing ratios, Gumbel noise and memory bank rows, from one `torch.Generator`."""

    def __init__(self, seed: int, device: torch.device | str = "cpu") -> None:
        """Draws that `seed` decides; numbers are delivered on `device`, rows and places stay on the host."""
        self.generator = torch.Generator().manual_seed(seed)
        self.device = torch.device(device)

    def seed(self, seed: int) -> None:
        """Begins anew, with the draws of another seed."""
        self.generator.manual_seed(seed)

    def permutation(self, n: int) -> Tensor:
        """A uniform permutation of 0..n-1, (n,) int64, on the host."""
        return torch.randperm(n, generator=self.generator)

    def beta(self, alpha: float, n: int) -> Tensor:
        """Independent Beta(alpha, alpha) numbers, (n,) float32."""
        # PyTorch's beta takes no generator and, for a small alpha, divides 0 by 0; NumPy's does neither.
        seed = torch.randint(2**63 - 1, (), generator=self.generator)
        drawn = np.random.default_rng(int(seed)).beta(alpha, alpha, n)
        return moved(torch.from_numpy(drawn).float(), self.device)

    def uniform(self, shape: tuple[int, ...]) -> Tensor:
        """Independent numbers of U(0, 1), `shape` float32."""
        return torch.rand(shape, generator=self.generator).to(self.device)

    def gumbel(self, shape: tuple[int, ...]) -> Tensor:
        """Independent standard Gumbel numbers, `shape` float32: -log(E) with E ~ Exp(1)."""
        exponential = torch.empty(shape).exponential_(generator=self.generator)
        # float32 cannot hold every exponential number: a 0 would become infinite noise
        return moved(-exponential.clamp_min(torch.finfo(torch.float32).tiny).log(), self.device)

    def integers(self, high: int | Tensor, shape: tuple[int, ...]) -> Tensor:
        """Independent uniform integers in [0, high), `shape` int64, on the host, as is a tensor `high`.

        The latter is broadcast to `shape`.
        """
        unit = torch.rand(shape, dtype=torch.float64, generator=self.generator)
        return (unit * high).long()

    def state_dict(self) -> dict[str, Tensor]:
        """The state of the generator, for a checkpoint."""
        return {"generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Goes on from a state that `state_dict` gave."""
        self.generator.set_state(state["generator"])
