"""Files that appear whole or not at all."""

import contextlib
import errno
import json
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

ABANDONED = 7 * 24 * 3600
"""Seconds after which a half file of another machine, whose processes can not be asked for, counts as left behind."""
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
"""Numbers of the system's errors for a disk, or the user's part of it, that is full."""


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`; on success it becomes `path` in one step, on an error it is removed.

    Leftovers of writers that were killed are swept away first. The suffix of `path` is kept, since some libraries
    look at it. A full disk is an `OSError` of `path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep_leftovers(path)
    temporary = path.with_name(f".{path.stem}.{socket.gethostname()}-{os.getpid()}.partial{path.suffix}")
    try:
        with naming(path):
            yield temporary
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _sweep_leftovers(path: Path) -> None:
    pattern = re.compile(rf"\.{re.escape(path.stem)}\.(.+)-(\d+)\.partial{re.escape(path.suffix)}")
    for leftover in path.parent.iterdir():
        match = pattern.fullmatch(leftover.name)
        if not match:
            continue
        host, process = match.groups()
        with contextlib.suppress(FileNotFoundError):
            if host == socket.gethostname():
                dead = not Path(f"/proc/{process}").exists()
            else:
                dead = time.time() - leftover.stat().st_mtime > ABANDONED
            if dead:
                leftover.unlink()


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Whatever the block raises because the disk is full becomes an `OSError` of `path`."""
    try:
        yield
    except Exception as error:
        number = disk_full(error)
        if number is None:
            raise
        raise OSError(number, os.strerror(number), str(path)) from error


def disk_full(error: BaseException | None) -> int | None:
    """Which number of `DISK_FULL` is behind an error; None if it is another error.

    Libraries tell in many ways: torch fails afterwards, in the wake of Python's error; Rust (safetensors) and HDF5 put
    the number in words.
    """
    while error is not None:
        in_words = re.search(r"\(os error (\d+)\)|\berrno = (\d+),", str(error))
        number = int(in_words[1] or in_words[2]) if in_words else getattr(error, "errno", None)
        if number in DISK_FULL:
            return number
        error = error.__cause__ or error.__context__
    return None


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Writes a file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Writes a text file atomically, as UTF-8."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Writes JSON atomically, indented, keys in the given order."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_csv(path: Path, table: "pd.DataFrame") -> None:
    """Writes a table atomically, without its index."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False)
