"""What something costs in time, and what the machine could do."""

import resource
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import torch


class Cost(NamedTuple):
    """What something took: seconds by the clock, and seconds of processors, of this process and those it waited for."""

    wall: float
    cpu: float

    def __truediv__(self, count: int) -> "Cost":
        return Cost(self.wall / count, self.cpu / count)

    def on(self, device: str) -> float:
        """The seconds that are compared: on a CPU, those of processors, which others on the machine change little."""
        return self.wall if device == "cuda" else self.cpu


def cost_of(function: Callable[[], Any]) -> Cost:
    """What one call takes."""

    def used() -> float:
        return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))

    _synchronise()
    before, started = used(), time.perf_counter()
    function()
    _synchronise()
    return Cost(time.perf_counter() - started, used() - before)


def matmul_rate(device: str, precision: str, size: int = 4096) -> float:
    """GFLOP/s of a large matrix product in the precision of the networks; the best of five."""
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    a @ b
    costs = [cost_of(lambda: a @ b) for _ in range(5)]
    return 2 * size**3 / min(cost.on(device) for cost in costs) / 1e9


def _synchronise() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
