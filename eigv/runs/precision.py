"""The numbers that a run calculates in: `training.precision`, on the device at work."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from base.errors import UserError
from base.jobs.device import calculates_bf16, device_name

log = logging.getLogger(__name__)

Numbers = Literal["float32", "tf32", "bf16"]
"""What a device calculates in: what `auto` becomes."""

AMPERE = (8, 0)
"""The least compute capability of a GPU that has TF32."""


def to_train_in(asked: str, device: str) -> Numbers:
    """The numbers to train in on `device` where the settings ask for `asked`; what `auto` becomes is said.

    `UserError` where the device has not what is asked for.
    """
    numbers: Numbers = "tf32" if asked == "tf32" else "bf16" if asked == "bf16" else "float32"
    why_not = _why_not_quick_bf16(device)
    if asked == "auto":
        numbers = "float32" if why_not else "bf16"
        log.info("precision: %s (auto: %s)", numbers, why_not or f"{device_name(device)} has matrix units for bf16")
    elif problem := _problem(numbers, device):
        raise UserError(f"training.precision: {numbers}: {problem}; `auto` takes what the device has")
    elif numbers == "bf16" and why_not:
        log.warning("precision: bf16 may be slower than float32 here: %s", why_not)
    return numbers


def to_answer_in(trained_in: str, device: str) -> Numbers:
    """The numbers in which a model answers on `device`: those that it was trained in, else float32.

    A model is of use on every machine: that one lacks its numbers is said and is no error. `trained_in` is empty for
    models that are older than the choice.
    """
    numbers: Numbers = "tf32" if trained_in == "tf32" else "bf16" if trained_in == "bf16" else "float32"
    if problem := _problem(numbers, device):
        log.warning("a model that was trained in %s answers in float32: %s", numbers, problem)
        return "float32"
    return numbers


def prepare(model: nn.Module, numbers: Numbers, device: str) -> None:
    """Sets what holds outside `calculating` too: what a GPU makes of products in float32, and recurrent layers.

    The former is of the process: it holds until the next call.
    """
    # cuDNN, which has the recurrent layers, would take the 10-bit mantissas of TF32 unasked.
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = numbers != "float32"
    if numbers == "bf16" and torch.device(device).type == "cuda":
        # Autocast hands cuDNN's recurrent layers float16, whose small gradients are 0.
        for layer in model.modules():
            if isinstance(layer, nn.RNNBase):
                layer.forward = _in_float32(layer.forward)


def calculating(numbers: Numbers, device: str) -> AbstractContextManager[object]:
    """In the block products are made in `numbers`. For the forward pass: the backward pass follows it.

    Weights stay in float32, and so does what takes `full` of `base.tensors`.
    """
    return torch.autocast(torch.device(device).type, torch.bfloat16, enabled=numbers == "bf16")


def _problem(numbers: Numbers, device: str) -> str | None:
    """Why `device` does not calculate in `numbers`; None where it does."""
    on_gpu = torch.device(device).type == "cuda"
    if numbers == "bf16" and on_gpu and not calculates_bf16():
        return f"{device_name(device)} only emulates bf16"
    if numbers == "bf16" and not on_gpu and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return "this processor has no instructions for bf16"
    if numbers == "tf32" and not on_gpu:
        return "TF32 is a format of GPUs, and this is a processor"
    if numbers == "tf32" and torch.cuda.get_device_capability(device) < AMPERE:
        return f"{device_name(device)} has no TF32"
    return None


def _why_not_quick_bf16(device: str) -> str | None:
    """Why bf16 is not quicker than float32 on `device`; None where it is."""
    if problem := _problem("bf16", device):
        return problem
    if torch.device(device).type == "cpu" and not torch.cpu._is_amx_tile_supported():
        return "this processor has no matrix units for it (AMX)"
    return None


def _in_float32(forward: Callable[..., Any]) -> Callable[..., Any]:
    """A recurrent layer's `forward`, with inputs in float32 and without autocast."""

    def inner(given: Tensor | PackedSequence, *rest: Any) -> Any:
        with torch.autocast("cuda", enabled=False):
            return forward(given.float(), *rest)

    return inner
