"""The conditional relation network of HCRN, and how a question reads what relations have found.

Sizes: B videos or pairs, G groups of objects (clips, or what stands in each of them), n objects of a group, S sizes of
subsets, J subsets of a size, D width, E = D or, gated, 2D; N objects of all groups.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from base.tensors import full, moved
from eigv.backbones.hcrn.subsets import drawn, sizes_of
from eigv.backbones.parts.dropout import Dropout


class Relation(nn.Module):
    """Of each size of subsets one object: the mean over its subsets of h = ELU(L [mean of the subset; condition]).

    Gated, h is multiplied by sigmoid(L' [mean; condition]). L and L' are those of the size. In training subsets are
    drawn anew at each call, for all rows of a batch alike; in evaluation they are those of `subsets`, which are drawn
    once, when the module is made, and saved with its weights: a row's result then depends on nothing else.
    """

    def __init__(self, objects: int, width: int, times: int, *, groups: int = 1, gated: bool = False) -> None:
        """For groups of n objects; `groups` of them have subsets of their own, 1: all have the same."""
        super().__init__()
        self.objects, self.times, self.groups, self.gated = objects, times, groups, gated
        self.always = False  # drawn anew in evaluation, too
        S, parts = len(sizes_of(objects)), 2 if gated else 1
        bound = (6 / (3 * width)) ** 0.5  # Glorot's, of a map from 2D to D
        self.of_mean = nn.Parameter(torch.empty(S, width, parts * width).uniform_(-bound, bound))
        self.of_condition = nn.Parameter(torch.empty(S * parts * width, width).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(S * parts * width))
        self.subsets: Tensor
        self.register_buffer("subsets", drawn(objects, times, groups))

    @property
    def scales(self) -> int:
        """S, how many objects come out of a group."""
        return len(self.of_mean)

    def forward(self, objects: Tensor, condition: Tensor) -> Tensor:
        """Objects (B, G, n, D) under a condition (B, G, D), or (B, 1, D) for all groups: (B, G, S, D)."""
        return self.related(self.seen(objects), self.asked(condition))

    def seen(self, objects: Tensor) -> Tensor:
        """What the maps make of means alone, whatever the condition: (B, G, S * J, E)."""
        subsets = self._subsets(objects.device)
        B, G, S = *objects.shape[:2], self.scales
        weights = subsets.to(objects.dtype) / subsets.sum(dim=-1, keepdim=True).clamp_min(1)
        means = torch.matmul(weights.flatten(1, 2), objects).unflatten(2, (S, -1))  # (B, G, S, J, D)
        by_size = means.permute(2, 0, 1, 3, 4).flatten(1, 3)
        mapped = torch.bmm(by_size, self.of_mean).unflatten(1, (B, G, -1))  # (S, B, G, J, E)
        return mapped.permute(1, 2, 0, 3, 4).flatten(2, 3)

    def asked(self, condition: Tensor) -> Tensor:
        """What the maps make of a condition (..., D), with their biases: (..., S, E)."""
        return F.linear(condition, self.of_condition, self.bias).unflatten(-1, (self.scales, -1))

    def related(self, seen: Tensor, asked: Tensor) -> Tensor:
        """Both together: (B, G, S, D)."""
        both = seen.unflatten(2, (self.scales, -1)) + asked[..., None, :]  # (B, G, S, J, E)
        if self.gated:
            found, gate = both.chunk(2, dim=-1)
            related = F.elu(found) * gate.sigmoid()
        else:
            related = F.elu(both)
        if self.times == 1:
            return related[..., 0, :]
        there = self.subsets[:1].any(dim=-1)  # (1, S, J), as many in each draw
        return (related * (there / there.sum(dim=-1, keepdim=True))[..., None].to(related)).sum(dim=3)

    def _subsets(self, device: torch.device) -> Tensor:
        """(G or 1, S, J, n) bool."""
        if self.training or self.always:
            return moved(drawn(self.objects, self.times, self.groups), device)
        return self.subsets


class Reading(nn.Module):
    """A question weighs objects: with w = Wv o and x = [w; (Wq q) * w], softmax over objects of v ELU(W x)."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.dropout = Dropout(dropout)
        self.objects = nn.Linear(width, width, bias=False)
        self.question = nn.Linear(width, width, bias=False)
        self.both = nn.Linear(2 * width, width)
        self.score = nn.Linear(width, 1)

    def forward(self, question: Tensor, objects: Tensor) -> Tensor:
        """The question (B, D) and objects (B, N, D) to their weighted sum (B, D)."""
        objects = self.dropout(objects)
        own = self.objects(objects)
        of_own, of_asked = self.both.weight.chunk(2, dim=1)
        bent = F.linear(own, of_own, self.both.bias) + F.linear(own * self.question(question)[:, None], of_asked)
        weights = full(self.score(F.elu(bent))).softmax(dim=1).to(objects.dtype)  # (B, N, 1)
        return torch.bmm(weights.transpose(1, 2), objects)[:, 0]
