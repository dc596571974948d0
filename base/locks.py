"""One process at a time."""

import contextlib
import errno
import logging
from collections.abc import Iterator
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

log = logging.getLogger(__name__)

LOOK_AGAIN = 0.2
"""Seconds between two looks at a lock that another process holds."""
NO_FLOCK = (errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP)
"""What `flock` fails with on a file system that has no locks (Lustre without `-o flock`, some NFS)."""


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Holds a lock file while the block runs; waits, and says so, while another process holds it.

    The kernel drops the lock with its process, so a killed job never leaves one behind. The block may remove the file,
    or its folder, when the work is done: who waits then locks a new one.

    On a file system without `flock` the file `<path>.held` is the lock, which names its process: one that a kill has
    left is taken over on the machine of that process; on another, who waits is told what to remove.
    """
    with _locked(path, wait=True):
        yield


@contextlib.contextmanager
def exclusive_if_free(path: Path) -> Iterator[bool]:
    """As `exclusive`, but where another process holds the lock, the block runs at once without it: False."""
    with _locked(path, wait=False) as held:
        yield held


def held_file(path: Path) -> Path:
    """The file that is the lock in place of `path` on a file system without `flock`."""
    return path.with_name(f"{path.name}.held")


@contextlib.contextmanager
def _locked(path: Path, *, wait: bool) -> Iterator[bool]:
    lock: BaseFileLock = FileLock(path, poll_interval=LOOK_AGAIN, fallback_to_soft=False)
    try:
        _acquire(lock, path, wait=wait)
    except OSError as error:
        if error.errno not in NO_FLOCK:
            raise
        held = held_file(path)
        log.warning("%s: no locks here (flock: %s); the file %s is one", path.parent, error.strerror, held.name)
        lock = SoftFileLock(held, poll_interval=LOOK_AGAIN)
        _acquire(lock, held, wait=wait)
    try:
        yield lock.is_locked
    finally:
        lock.release()


def _acquire(lock: BaseFileLock, path: Path, *, wait: bool) -> None:
    patience = 0.0
    while not lock.is_locked:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=patience)
        except FileNotFoundError:  # who was before us has just removed the folder
            continue
        except Timeout:
            if not wait:
                return
            log.warning("another process is at work in %s: waiting until it ends%s", path.parent, _owner(lock, path))
            patience = -1


def _owner(lock: BaseFileLock, path: Path) -> str:
    """Which process a lock that is a mere file names, and what to do when it is no more."""
    if not isinstance(lock, SoftFileLock):
        return ""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        pid, host, *_ = [*path.read_text(encoding="utf-8").split("\n"), "?", "?"]
        return f" (process {pid} on {host}; if that was killed, remove {path})"
    return ""
