"""What a command calculates on: the device that was asked for or found, tried out, and what it is called in records."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from base.errors import UserError
from base.jobs.gpu import installed_gpus, named_gpus, one_gpu

if TYPE_CHECKING:
    import torch

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
"""With a fixed workspace cuBLAS gives the same bits every time."""

log = logging.getLogger(__name__)


@contextmanager
def working_device(name: str, threads: int, jobs_per_gpu: int = 1, deterministic: bool = False) -> Iterator[str]:
    """The device to work on, as torch names it, held while the block runs.

    `auto` is a GPU where CUDA starts, else the processor; a machine that has a GPU which cannot be used is said in a
    warning. Raises `UserError` where a GPU is asked for by name and cannot be used, or where the name is no device.

    Args:
        name: auto, cpu, cuda (one that nobody else has claimed) or cuda:<number>.
        threads: of the processor.
        jobs_per_gpu: how many processes that say so may share a GPU.
        deterministic: only operations that give the same bits every time; torch raises for those that cannot.
    """
    import torch

    kind, _, number = name.partition(":")
    if name not in ("auto", "cpu", "cuda") and not (kind == "cuda" and number.isdigit()):
        raise UserError(f"{name!r} is no device: auto, cpu, cuda or cuda:<number>")
    torch.set_num_threads(threads)
    if deterministic:
        os.environ.setdefault(WORKSPACE, ":4096:8")  # read when CUDA starts
        torch.use_deterministic_algorithms(True)
    problem = None if name == "cpu" else _why_no_cuda()
    if problem and name == "auto":
        if _gpus_expected():
            log.warning("this machine has a GPU, but %s: working on the processor (`device: cuda` refuses to)", problem)
        name = "cpu"
    elif problem:
        raise UserError(f"device {name}: {problem}; nvidia-smi lists the GPUs, `device: cpu` does without")
    with one_gpu("cuda" if name == "auto" else name, jobs_per_gpu) as claimed:
        if claimed != "cpu":
            _try_out(claimed)
        yield claimed


def device_name(device: "str | torch.device") -> str:
    """What a device is called in records: the model of a GPU, or `cpu`."""
    import torch

    return torch.cuda.get_device_name(device) if torch.device(device).type == "cuda" else "cpu"


def calculates_bf16() -> bool:
    """Whether the current GPU has units for bfloat16; V100 and T4 only emulate it, slower than float32."""
    import torch

    return torch.cuda.is_bf16_supported(including_emulation=False)


def _why_no_cuda() -> str | None:
    """Why no GPU can be used; None where CUDA starts."""
    import torch

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        if torch.cuda.is_available():
            return None
    if torch.version.cuda is None:
        return f"PyTorch {torch.__version__} is built without CUDA"
    reason = str(said[0].message).split("\n")[0] if said else _error_of_start()
    return f"PyTorch {torch.__version__} (CUDA {torch.version.cuda}) cannot start CUDA ({reason})"


def _error_of_start() -> str:
    import torch

    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:
        return str(error).split("\n")[0]
    return "no GPU can be seen"


def _gpus_expected() -> bool:
    """Whether the machine or its scheduler says that there are GPUs, and nobody has hidden them on purpose."""
    named = named_gpus()
    return installed_gpus() > 0 if named is None else bool(named)


def _try_out(device: str) -> None:
    """Makes it the current one; `UserError` where it does not calculate: a GPU that this PyTorch is not built for."""
    import torch

    try:
        torch.cuda.set_device(device)
        torch.ones(2, device=device).sum().item()
    except RuntimeError as error:
        first = str(error).split("\n")[0]
        raise UserError(f"device {device} does not calculate: {first}; `device: cpu` does without") from None
