"""Progress with an estimated time to the end: a bar on a terminal, plain lines in a log.

A log gets a line every ten seconds at first, then whenever another hundredth of the time so far has passed: some 450
lines a day.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TextIO, TypeVar

from tqdm import tqdm

T = TypeVar("T")

EVERY = 10.0
"""Seconds between two lines of a log, at least."""


def progress(
    items: Iterable[T],
    *,
    total: int | None = None,
    label: str,
    unit: str = "it",
    done: int = 0,
    about: Callable[[], str] | None = None,
) -> Iterator[T]:
    """Iterates over `items` and shows how far it is and how long it still takes.

    Args:
        items: what is left.
        total: how many there are, with those that are done.
        label: what it is.
        unit: what one item is called.
        done: how many were done before.
        about: gives a text that stands beside; such a line goes away at its end, and does not come at all where it
            would have stood for less than the time between two lines.
    """
    on_terminal = sys.stderr.isatty()
    with tqdm(
        items,
        total=total,
        initial=done,
        leave=about is None,
        delay=0 if about is None else 0.5 if on_terminal else EVERY,
        desc=label,
        unit=unit,
        file=sys.stderr if on_terminal else _Lines(sys.stderr),
        mininterval=0.2 if on_terminal else EVERY,
        # tqdm's guesses how many items pass between two lines, and its thread that prints where they are wrong, do not
        # know of a growing interval; with 1 there are none.
        miniters=None if on_terminal else 1,
        # A bar within a bar is a line of its own on a terminal; in a log it would be escape codes.
        position=None if on_terminal else 0,
        ascii=not on_terminal,
        ncols=None if on_terminal else 100,
        dynamic_ncols=on_terminal,
    ) as bar:
        for item in items:
            yield item
            if about is not None:
                bar.set_postfix_str(about(), refresh=False)
            if not on_terminal:
                bar.mininterval = max(EVERY, bar.format_dict["elapsed"] / 100)
            bar.update()


def duration(seconds: float) -> str:
    """A time in words: 2 h 05 min, 3 min 20 s, 7.5 s."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{seconds:.1f} s"


class _Lines:
    """Turns the carriage returns of a progress bar into lines, so that a log file can be read."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        text = text.strip("\r\n ")
        return self._stream.write(text + "\n") if text else 0

    def flush(self) -> None:
        self._stream.flush()
