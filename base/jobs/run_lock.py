"""Snakemake's lock on a folder, which outlives a Snakemake that is killed: here it is told whether its owner lives.

Snakemake lists in `.snakemake/locks` which files it makes, refuses to start where somebody else's list has one of them,
and removes its list when it ends; SIGKILL and a power failure leave it there. So every Snakemake at work also holds
`.snakemake/run.lock`, shared with others: a lock of the kernel's, which goes with its process, however that ends. Who
gets it for itself alone knows that nobody is at work, and that every list is left over.

Jobs do not hold it: some may outlive a Snakemake that was killed alone. What goes on then meets them at locks of their
own (the state of a training, a shard, the notes of a probe) and waits there until they end; the rest takes seconds, and
puts the same bytes in place in one step. Jobs on a cluster may run, or wait in the queue, for days: there nothing is
removed, and the user looks first (docs/cluster.md).
"""

import contextlib
import fcntl
import shutil
from pathlib import Path
from typing import IO


def enter(folder: Path, *, cleared: bool) -> IO[str] | None:
    """Says that this process is at work, until the file that is returned is closed, or the process ends.

    Any number may be: who makes the same files is for Snakemake to find out.

    Args:
        folder: `.snakemake`, where Snakemake keeps its state.
        cleared: whether what Snakemake's own lock holds is removed if nobody else is at work.

    Returns:
        The file; None where there can be no such lock (some network file systems): all stays as Snakemake left it.
    """
    with contextlib.suppress(OSError), contextlib.ExitStack() as opened:
        folder.mkdir(exist_ok=True)
        file = opened.enter_context((folder / "run.lock").open("a"))  # not inherited by jobs
        if cleared and _nobody_else(file):
            shutil.rmtree(folder / "locks", ignore_errors=True)
        fcntl.flock(file, fcntl.LOCK_SH)
        opened.pop_all()
        return file
    return None


def _nobody_else(file: IO[str]) -> bool:
    """Whether the lock could be taken for this process alone; it is then."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
