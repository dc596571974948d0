"""Which objects a relation looks at together: subsets of each size, drawn at random.

Sizes: n objects, S sizes of subsets, J subsets of a size, G groups of objects with draws of their own.
"""

import random
from itertools import combinations
from math import comb

import torch
from torch import Tensor


def sizes_of(objects: int) -> list[int]:
    """The sizes of the subsets of n objects, from the largest: n - 1 to 2; of two objects, both."""
    return list(range(objects - 1, 1, -1)) if objects > 2 else [2]


def drawn(objects: int, times: int, groups: int = 1) -> Tensor:
    """Subsets (G, S, J, n) bool: of each size `times` different ones, or all where there are fewer (the rest is empty).

    The draws follow from `torch.manual_seed`; they are made on the host.
    """
    source = random.Random(int(torch.randint(2**62, ())))
    sizes = sizes_of(objects)
    found = torch.zeros(groups, len(sizes), times, objects, dtype=torch.bool)
    places = [
        (group, scale, number, member)
        for group in range(groups)
        for scale, size in enumerate(sizes)
        for number, subset in enumerate(_subsets(objects, size, times, source))
        for member in subset
    ]
    found[torch.tensor(places).unbind(1)] = True
    return found


def _subsets(objects: int, size: int, times: int, source: random.Random) -> list[tuple[int, ...]]:
    if times >= comb(objects, size):
        return list(combinations(range(objects), size))
    found: dict[tuple[int, ...], None] = {}
    while len(found) < times:
        found[tuple(sorted(source.sample(range(objects), size)))] = None
    return list(found)
