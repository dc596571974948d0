"""How many operations a step hands to a GPU, counted without one: on `meta`, whose tensors have shapes and no values.

There the step takes the way that it takes on a GPU, and PyTorch dispatches what it would launch. What cuDNN has as one
operation, a recurrent layer forward and backward, `meta` would do step by step: it is replaced by one that counts.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from eigv.config.methods import METHODS
from eigv.config.run import RunSettings
from eigv.method.batch import Batch
from eigv.method.draws import Draws
from eigv.method.memory_bank import MemoryBank
from eigv.method.model import VideoQA


class Launches(TorchDispatchMode):
    """Counts what is dispatched to the device; views, which launch nothing, cost the processor as much."""

    count = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        outputs = result if isinstance(result, (tuple, list)) else [result]
        self.count += any(isinstance(x, Tensor) and x.is_meta for x in outputs)
        return result


class _OneOperation(torch.autograd.Function):
    """In the place of a recurrent layer: its states, without values."""

    @staticmethod
    def forward(ctx: Any, given: Tensor, state: Tensor, width: int, *weights: Tensor) -> tuple[Tensor, ...]:
        ctx.save_for_backward(given, *weights)
        return given.new_empty(*given.shape[:-1], width), torch.empty_like(state), torch.empty_like(state)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        given, *weights = ctx.saved_tensors
        return torch.empty_like(given), None, None, *(torch.empty_like(weight) for weight in weights)


class AsCudnn(TorchFunctionMode):
    """Recurrent layers are one operation."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(function, "__name__", "") != "lstm":
            return function(*args, **(kwargs or {}))
        packed = isinstance(args[1], Tensor)  # sizes of the steps
        state, weights = (args[2], args[3]) if packed else (args[1], args[2])
        return _OneOperation.apply(args[0], state[0], 2 * state[0].shape[-1], *weights)


def counted(model: nn.Module, settings: RunSettings, batch: Batch, bank: MemoryBank) -> tuple[int, int]:
    """Operations of a training step, forward and backward, and of answering; `model` is moved to `meta` for it."""
    assert isinstance(model, VideoQA)
    model.to("meta")
    batch, bank = batch.to("meta"), MemoryBank(bank.features.to("meta"))
    with AsCudnn(), Launches() as learning:
        step = model.train().training_step(batch, METHODS[settings.method], Draws(0, "meta"), bank, settings.eigv)
        step.total.backward()
    model.eval()
    with AsCudnn(), Launches() as answering:
        model.predict(batch)
    return learning.count, answering.count
