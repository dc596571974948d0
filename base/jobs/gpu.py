"""A GPU for each process: jobs that run side by side on a machine share out its GPUs among them.

A claim is a lock on a file in the folder for temporary files, which the kernel drops with the process that holds it:
a crashed job leaves nothing behind that would have to be cleaned up.
"""

import fcntl
import itertools
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import quote

from base.errors import UserError
from base.locks import NO_FLOCK

WAIT = 1.0
"""Seconds between two looks at GPUs that are all taken."""
SCHEDULERS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID")
"""Variables by which a cluster's scheduler names the job. GPUs are counted anew in every job."""
DRIVER = Path("/proc/driver/nvidia/gpus")
"""NVIDIA's driver has a folder here for each GPU."""

log = logging.getLogger(__name__)


def installed_gpus() -> int:
    """How many NVIDIA GPUs this process may use, by their driver and CUDA_VISIBLE_DEVICES; does not import torch."""
    installed = len(list(DRIVER.iterdir())) if DRIVER.is_dir() else 0
    named = named_gpus()
    return len(named) if installed and named is not None else installed


def visible_gpus() -> list[str]:
    """The GPUs that this process may use: those of CUDA_VISIBLE_DEVICES if it is set, else all of the machine."""
    named = named_gpus()
    if named is None:
        import torch

        return [str(number) for number in range(torch.cuda.device_count())]
    return named


def named_gpus() -> list[str] | None:
    """Those of CUDA_VISIBLE_DEVICES, up to the first -1, as CUDA reads it; None where it is not set."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return None
    names = [name.strip() for name in visible.split(",")]
    return [name for name in itertools.takewhile(lambda name: name != "-1", names) if name]


@contextmanager
def one_gpu(device: str, jobs_per_gpu: int = 1) -> Iterator[str]:
    """The device to work on: for `cuda` a GPU that is claimed for this process, waiting until there is one.

    Anything else, `cuda:1` as well, is returned as it is. Raises `UserError` where `cuda` is asked for and no GPU is
    to be seen.

    Args:
        device: as torch names it.
        jobs_per_gpu: 1 claims a GPU for this process alone; k lets k processes that say so share one.
    """
    if device != "cuda":
        yield device
        return
    names = visible_gpus()
    if not names:
        raise UserError("no GPU can be seen (nvidia-smi lists them, CUDA_VISIBLE_DEVICES hides them); or --device cpu")
    with claim(names, jobs_per_gpu) as number:
        yield f"cuda:{number}"


@contextmanager
def claim(names: list[str], jobs_per_gpu: int = 1) -> Iterator[int]:
    """Holds one of the named GPUs against other processes, waiting until there is one; its place among the names.

    Outside a scheduler's job a name means the same GPU to every process of the machine; within one, where schedulers
    may count from 0, to those of the job.
    """
    job = next((os.environ[name] for name in SCHEDULERS if name in os.environ), "machine")
    folder = Path(tempfile.gettempdir()) / f"eigv-gpus-{os.getuid()}" / job
    folder.mkdir(parents=True, exist_ok=True)
    began = None
    while True:
        for slot in range(jobs_per_gpu):  # outside, so that jobs spread over the GPUs before they share one
            for number, name in enumerate(names):
                with ExitStack() as held:
                    if _take(folder, name, slot, jobs_per_gpu, held):
                        if began:
                            log.info(
                                "waited %.0f s for a GPU, which the job's benchmark counts", time.monotonic() - began
                            )
                        yield number
                        return
        if not began:
            log.info("all GPUs (%s) are taken by other jobs of this machine: waiting for one", ", ".join(names))
            began = time.monotonic()
        time.sleep(WAIT)


def _take(folder: Path, name: str, slot: int, jobs_per_gpu: int, held: ExitStack) -> bool:
    """Takes a GPU's lock for itself, or together with others and then one of their slots."""
    path = folder / quote(name, safe="")  # MIG-GPU-<uuid>/1/0 is a name as well
    if jobs_per_gpu == 1:
        return _lock(held.enter_context(path.open("w")), fcntl.LOCK_EX)
    return _lock(held.enter_context(path.open("w")), fcntl.LOCK_SH) and _lock(
        held.enter_context(path.with_name(f"{path.name}.{slot}").open("w")), fcntl.LOCK_EX
    )


def _lock(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_FLOCK:
            raise
        raise UserError(
            f"{Path(file.name).parent}: the file system has no locks (flock: {error.strerror}), by which jobs share "
            "out GPUs; set TMPDIR to a folder on the machine's own disk, or name the GPU (`device: cuda:0`)"
        ) from None
    return True
