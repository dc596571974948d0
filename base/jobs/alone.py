"""Several jobs in one process, each as if it were alone in it: nothing global is handed on, each has its own log."""

import os
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from base import plug

Way = tuple[Callable[[], Any], Callable[[Any], Any]]
"""How something global is read, and how it is set."""

GENERATORS: tuple[Way, ...] = (
    (random.getstate, random.setstate),
    (np.random.get_state, np.random.set_state),
    (torch.get_rng_state, torch.set_rng_state),
)


def _attribute(place: Any, name: str) -> Way:
    return partial(getattr, place, name), partial(setattr, place, name)


def _set_environment(values: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(values)


SETTINGS: tuple[Way, ...] = (
    (np.geterr, lambda values: np.seterr(**values)),
    (torch.get_default_dtype, torch.set_default_dtype),
    (torch.get_num_threads, torch.set_num_threads),
    (torch.is_grad_enabled, torch.set_grad_enabled),
    (
        lambda: (torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()),
        lambda flags: torch.use_deterministic_algorithms(flags[0], warn_only=flags[1]),
    ),
    _attribute(torch.backends.cudnn, "benchmark"),
    _attribute(torch.backends.cudnn, "deterministic"),
    _attribute(torch.backends.cuda.matmul, "fp32_precision"),
    _attribute(torch.backends.cudnn, "fp32_precision"),
    _attribute(torch.backends.mkldnn, "enabled"),
    (Path.cwd, os.chdir),
    (lambda: dict(os.environ), _set_environment),
    (lambda: list(sys.path), lambda places: sys.path.__setitem__(slice(None), places)),
)


@contextmanager
def as_if_alone() -> Iterator[None]:
    """What the block changes of `GENERATORS` and `SETTINGS` is undone at its end, own files are run anew afterwards.

    The generator of a GPU is not put back: a training seeds it at its start.
    """
    drawn, set_before = ([get() for get, _ in ways] for ways in (GENERATORS, SETTINGS))
    try:
        with warnings.catch_warnings():  # one that was shown to the job before is shown to this one as well
            yield
    finally:
        for (_, put), value in zip(GENERATORS, drawn, strict=True):
            put(value)
        for (get, put), value in zip(SETTINGS, set_before, strict=True):
            if get() != value:
                put(value)
        plug.forget()


@contextmanager
def saying_into(file: Path | None) -> Iterator[None]:
    """Within the block stdout and stderr of the process are appended to a file; nothing changes without one."""
    if file is None:
        yield
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8", buffering=1) as opened:
        # Of the process, for what other languages say; and Python's, which else would take them for a terminal still.
        kept = {number: os.dup(number) for number in (1, 2)}
        try:
            for number in kept:
                _flush()
                os.dup2(opened.fileno(), number)
            with redirect_stdout(opened), redirect_stderr(opened):
                yield
        finally:
            _flush()
            for number, before in kept.items():
                os.dup2(before, number)
                os.close(before)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
