"""One GPU for one process: jobs that run side by side on a machine share out its GPUs among them."""

import fcntl
import getpass
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

WAIT = 1.0
"""Seconds between two looks at GPUs that are all taken."""


def installed_gpus() -> int:
    """How many NVIDIA GPUs this machine has, as its driver says; does not import torch."""
    driver = Path("/proc/driver/nvidia/gpus")
    return len(list(driver.iterdir())) if driver.is_dir() else 0


@contextmanager
def one_gpu(device: str) -> Iterator[str]:
    """The device to work on: for `cuda` a GPU that no other such process holds, waiting until there is one.

    Anything else, `cuda:1` as well, is returned as it is. The kernel drops a killed process's claim with it.
    """
    if device != "cuda":
        yield device
        return
    import torch

    names = [str(torch.cuda.get_device_properties(n).uuid) for n in range(torch.cuda.device_count())]
    with claim_first(names) as number:
        yield f"cuda:{number}"


@contextmanager
def claim_first(names: list[str]) -> Iterator[int]:
    """Holds the first of the named things that nobody else holds; its number."""
    folder = Path(tempfile.gettempdir()) / f"eigv-gpus-{getpass.getuser()}"
    folder.mkdir(exist_ok=True)
    with ExitStack() as files:
        locks = [files.enter_context((folder / name).open("w")) for name in names]
        while True:
            for number, lock in enumerate(locks):
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                yield number
                return
            time.sleep(WAIT)
