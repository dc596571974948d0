"""Progress with an estimated time to the end: a bar on a terminal, plain lines in a log."""

import sys
from collections.abc import Iterable, Iterator
from typing import TextIO, TypeVar

from tqdm import tqdm

T = TypeVar("T")


def progress(items: Iterable[T], *, total: int | None = None, label: str, unit: str = "it") -> Iterator[T]:
    """Iterates over `items` and shows how far it is and how long it still takes."""
    on_terminal = sys.stderr.isatty()
    with tqdm(
        items,
        total=total,
        desc=label,
        unit=unit,
        file=sys.stderr if on_terminal else _Lines(sys.stderr),
        mininterval=0.2 if on_terminal else 10.0,
        maxinterval=10.0,
        ascii=not on_terminal,
        ncols=None if on_terminal else 100,
        dynamic_ncols=on_terminal,
    ) as bar:
        yield from bar


class _Lines:
    """Turns the carriage returns of a progress bar into lines, so that a log file can be read."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        text = text.strip("\r\n ")
        return self._stream.write(text + "\n") if text else 0

    def flush(self) -> None:
        self._stream.flush()
