"""One process at a time."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

log = logging.getLogger(__name__)

LOOK_AGAIN = 0.2
"""Seconds between two looks at a lock that another process holds."""


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Holds a lock file while the block runs; waits, and says so, while another process holds it.

    The kernel drops the lock with its process, so a killed job never leaves one behind. The block may remove the file,
    or its folder, when the work is done: who waits then locks a new one.
    """
    # On a file system without `flock`, a file that merely is there would be taken for a lock; a kill would leave it.
    lock = FileLock(path, poll_interval=LOOK_AGAIN, fallback_to_soft=False)
    _acquire(lock, path)
    try:
        yield
    finally:
        lock.release()


def _acquire(lock: FileLock, path: Path) -> None:
    patience = 0.0
    while not lock.is_locked:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=patience)
        except FileNotFoundError:  # who was before us has just removed the folder
            continue
        except Timeout:
            log.warning("another process is at work in %s: waiting until it ends", path.parent)
            patience = -1
