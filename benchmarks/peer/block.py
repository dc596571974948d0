"""Block fusion, chunk by chunk (Ben-younes et al., 2019)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eigv.config.run import BlockFusionSettings


class Block(nn.Module):
    """Fuses a (P, first) and b (P, second) to (P, out), a chunk after the other."""

    def __init__(self, first: int, second: int, out: int, settings: BlockFusionSettings, dropout: float = 0.0) -> None:
        super().__init__()
        self.size = -(-settings.width // settings.chunks)
        sizes = [len(part) for part in torch.arange(settings.width).split(self.size)]
        self.rank = settings.rank
        self.linear0 = nn.Linear(first, settings.width)
        self.linear1 = nn.Linear(second, settings.width)
        self.merge_linears0 = nn.ModuleList(nn.Linear(size, size * settings.rank) for size in sizes)
        self.merge_linears1 = nn.ModuleList(nn.Linear(size, size * settings.rank) for size in sizes)
        self.linear_out = nn.Linear(settings.width, out)
        self.dropout = dropout

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """(P, out)."""
        x, y = self.linear0(a), self.linear1(b)
        if self.dropout > 0:
            x, y = F.dropout(x, self.dropout, self.training), F.dropout(y, self.dropout, self.training)
        fused = []
        parts = zip(x.split(self.size, 1), y.split(self.size, 1), self.merge_linears0, self.merge_linears1, strict=True)
        for left, right, of_left, of_right in parts:
            product = of_left(left) * of_right(right)
            summed = product.view(len(left), self.rank, -1).sum(1)
            rooted = torch.sqrt(F.relu(summed)) - torch.sqrt(F.relu(-summed))
            fused.append(F.normalize(rooted, dim=1))
        return self.linear_out(torch.cat(fused, 1))
