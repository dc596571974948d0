"""What a step dispatches, and the arithmetic in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

Counter = TypeVar("Counter", bound=TorchDispatchMode)


class Operations(TorchDispatchMode):
    """Counts what is dispatched, forward and backward."""

    count = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += 1
        return function(*args, **(kwargs or {}))


class Arithmetic(TorchDispatchMode):
    """Counts the operations of matrix products, forward and backward. A product and a sum are two."""

    # `FlopCounterMode` itself also follows modules, and cannot follow one that is called without gradients in a step
    count = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        if (formula := flop_registry.get(function._overloadpacket)) is not None:
            self.count += formula(*args, **(kwargs or {}), out_val=result)
        return result


@contextmanager
def counting(counter: Counter) -> Iterator[Counter]:
    """Counts with `counter`: arithmetic without oneDNN's recurrent layers, each one operation that hides its parts."""
    with torch.backends.mkldnn.flags(enabled=not isinstance(counter, Arithmetic)), counter:
        yield counter
