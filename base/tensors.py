"""Tensors on their way to a device, which nobody waits for, and where half precision ends."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def moved(tensor: Tensor, device: torch.device | str) -> Tensor:
    """`tensor`, which is on the host or on `device`, on `device`: a GPU is not waited for, nor are its results.

    A copy from pinned memory is done while the host goes on; torch keeps the memory until it is.
    """
    device = torch.device(device)
    if device.type == "cuda" and tensor.device.type == "cpu" and not tensor.is_pinned():
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=device.type != "cpu")


def full(x: Tensor) -> Tensor:
    """`x` in float32 where it is in half precision, else as it is.

    Under `training.precision: bf16` for what is normed, drawn on, scored or lost.
    """
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


def no_autocast(x: Tensor) -> AbstractContextManager[object]:
    """Products in the block have the precision of their operands, on the device of `x`, whatever is set around it."""
    kind = x.device.type
    return torch.autocast(kind, enabled=False) if torch.amp.is_autocast_available(kind) else nullcontext()


def common_dtype(*tensors: Tensor) -> tuple[Tensor, ...]:
    """The tensors in the number type of matrix products: that of autocast where it is on, else as they are."""
    device = tensors[0].device.type
    if not torch.amp.is_autocast_available(device) or not torch.is_autocast_enabled(device):
        return tensors
    return tuple(tensor.to(torch.get_autocast_dtype(device)) for tensor in tensors)
