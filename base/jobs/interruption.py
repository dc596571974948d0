"""SIGTERM, with which a cluster says that a job's time is over: half a minute later it kills what is still there."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Terminated(SystemExit):
    """The process ends because SIGTERM came, with the exit status that shells give to one that SIGTERM has killed."""

    def __init__(self) -> None:
        super().__init__(128 + signal.SIGTERM)


class _Asked:
    """Whether SIGTERM has come; one for the process, like its signals."""

    now = False


@contextmanager
def postponed() -> Iterator[None]:
    """While the block runs, SIGTERM ends the process at the next `stop_if_asked` only.

    Within another such block, what has come stays asked for after its end.
    """
    before = signal.signal(signal.SIGTERM, _note)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        if before is not _note:
            _Asked.now = False


def _note(number: int, frame: Any) -> None:
    _Asked.now = True


def stop_if_asked() -> None:
    """A place where work may be broken off: raises `Terminated` if SIGTERM has come and was `postponed`."""
    if _Asked.now:
        raise Terminated
