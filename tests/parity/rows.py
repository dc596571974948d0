"""A compared number: how far it is off in float32 and in float64, and how far its conditioning lets it be.

The recorded numbers were calculated in float32. How much of that rounding a number keeps is measured: the weights are
moved by one float32 step each, up or down, and what becomes of the number is compared with what it was.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

FORWARD, BACKWARD = 1e-5, 1e-4
"""How far a value (absolutely) and a gradient (as a share of the largest) may be off wherever they lie."""
LOOSEST_FORWARD, LOOSEST_BACKWARD = 1e-4, 2e-2
"""The same for the worst conditioned: what is off by more is wrong, whatever a rounding step does."""
STEPS = 4.0
"""Rounding steps of the weights that a recorded number may be away: it was rounded after every operation.

Among 120 made-up steps of HGA (`made_up.py`) no gradient beyond the fixed limit was more than 1.5 away.
"""
STEP = 0.05
"""Share of Adam's first step, which moves every parameter by the learning rate, that an updated one may be off."""
ROUNDING = 8 * torch.finfo(torch.float32).eps
Golden = dict[str, Tensor]


@dataclass(frozen=True)
class Compared:
    """A tensor of ours and the recorded one, as one run gives them."""

    name: str
    ours: Tensor
    theirs: Tensor
    scale: float
    """What differences are relative to."""
    fixed: float
    """How far ours may be off however well it is conditioned."""
    loosest: float
    """How far it may be off however badly."""
    group: str = ""
    """Of several with one, only the farthest is shown."""


@dataclass(frozen=True)
class Row:
    """One line of the table, or a note on what is not compared. Differences are shares of `scale`."""

    name: str
    float32: float = 0.0
    float64: float = 0.0
    moved: float = 0.0
    """How far one float32 step of the weights moves it."""
    scale: float = 1.0
    fine: bool = True
    note: str = ""
    group: str = ""


def forward(name: str, ours: Tensor, theirs: Tensor) -> Compared:
    largest = max(float(theirs.abs().max()), 1e-30)
    rounded = ROUNDING * largest
    return Compared(name, ours.detach(), theirs, largest, max(FORWARD, rounded), max(LOOSEST_FORWARD, 10 * rounded))


def backward(name: str, ours: Tensor, theirs: Tensor, largest: float, group: str = "") -> Compared:
    return Compared(name, ours.detach(), theirs, largest, BACKWARD * largest, LOOSEST_BACKWARD * largest, group)


def exactly(name: str, ours: Tensor, theirs: Tensor, scale: float, limit: float, group: str = "") -> Compared:
    """What no rounding step of the weights excuses."""
    return Compared(name, ours.detach(), theirs, scale, limit, limit, group)


def judged(single: Compared, double: Compared, nudged: list[Compared]) -> Row:
    """The verdict on one tensor, entry by entry: in float32, in float64, and in float64 from weights nearby."""
    if double.ours.shape != double.theirs.shape:
        name = f"{double.name} {tuple(double.ours.shape)} {tuple(double.theirs.shape)}"
        return Row(name, math.inf, math.inf, fine=False, group=double.group)
    moved = torch.stack([(other.ours - double.ours).double().abs() for other in nudged]).amax(dim=0)
    off = [(run.ours.double() - run.theirs.double()).abs() for run in (single, double)]
    allowed = (STEPS * moved).clamp(double.fixed, double.loosest)
    fine = all(bool((difference <= allowed).all()) for difference in off)  # NaN is not
    farthest = (float(values.max()) / double.scale for values in (*off, moved))
    return Row(double.name, *farthest, scale=double.scale, fine=fine, group=double.group)


def one_step_away(golden: Golden, seed: int) -> Golden:
    """The float32 weights, or where there are none the inputs, each moved to the next number up or down."""
    generator = torch.Generator().manual_seed(seed)
    weights = [key for key in golden if "param/" in key] or [key for key in golden if key.startswith("in/")]
    result = {}
    for key in weights:
        if golden[key].is_floating_point():
            up = torch.rand(golden[key].shape, generator=generator) < 0.5
            result[key] = torch.nextafter(golden[key], torch.where(up, torch.inf, -torch.inf))
    return result


def group(golden: Golden, name: str) -> Golden:
    return {key.removeprefix(f"{name}/"): value for key, value in golden.items() if key.startswith(f"{name}/")}


def shown(rows: list[Row]) -> Iterator[Row]:
    """All rows without a group, and of each group those that are too far and the farthest of the others."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if row.group:
            groups.setdefault(row.group, []).append(row)
        else:
            yield row
    for what, members in groups.items():
        for row in members:
            if not row.fine:
                yield Row(f"{what}: {row.name}", row.float32, row.float64, row.moved, row.scale, fine=False)
        worst = max(members, key=lambda row: row.float64)
        name = f"{what}, worst of {len(members)}"
        yield Row(name, worst.float32, worst.float64, worst.moved, worst.scale, worst.fine)
