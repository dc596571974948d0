"""A compared number: how far it is off, and how far it may be."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

FORWARD, BACKWARD = 1e-5, 1e-4
STEP = 0.05
"""Share of Adam's first step, which moves every parameter by the learning rate, that an updated one may be off."""
ROUNDING = 8 * torch.finfo(torch.float32).eps
Golden = dict[str, Tensor]


@dataclass(frozen=True)
class Row:
    """One compared number, or a note on what is not compared."""

    name: str
    absolute: float = 0.0
    relative: float = 0.0
    fine: bool = True
    note: str = ""


def forward(name: str, ours: Tensor, theirs: Tensor) -> Row:
    ours, theirs = ours.detach().double(), theirs.double()
    if ours.shape != theirs.shape:
        return Row(f"{name} {tuple(ours.shape)} {tuple(theirs.shape)}", np.inf, np.inf, fine=False)
    difference, largest = float((ours - theirs).abs().max()), float(theirs.abs().max())
    return Row(name, difference, difference / max(largest, 1e-30), difference <= max(FORWARD, ROUNDING * largest))


def backward(name: str, ours: Tensor, theirs: Tensor, largest: float) -> Row:
    difference = float((ours.detach().double() - theirs.double()).abs().max())
    return Row(name, difference, difference / largest, difference <= BACKWARD * largest)


def group(golden: Golden, name: str) -> Golden:
    return {key.removeprefix(f"{name}/"): value for key, value in golden.items() if key.startswith(f"{name}/")}


def worst(what: str, rows: list[Row]) -> Iterator[Row]:
    """All rows that are too far, and the farthest of the others."""
    yield from (Row(f"{what}: {row.name}", row.absolute, row.relative, fine=False) for row in rows if not row.fine)
    row = max(rows, key=lambda row: row.relative)
    yield Row(f"{what}, worst of {len(rows)}", row.absolute, row.relative, row.fine)
