"""Files that appear whole or not at all, and names that stay inside their folder."""

import codecs
import contextlib
import errno
import fcntl
import hashlib
import json
import logging
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from base.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

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


@contextlib.contextmanager
def readable(path: Path, kind: str, what: str = "") -> Iterator[None]:
    """While the block reads the text file `path`, what is wrong with it becomes a `UserError` with a remedy.

    `kind` is what the file should be (JSON, CSV); `what` stands before the message.
    """
    name = f"{what}: {path}" if what else str(path)
    try:
        yield
    except FileNotFoundError:
        raise UserError(f"{name} does not exist") from None
    except IsADirectoryError:
        raise UserError(f"{name} is a folder; the path of a {kind} file is needed") from None
    except NotADirectoryError:
        file = next(parent for parent in path.parents if parent.is_file())
        raise UserError(f"{name} does not exist: {file} is a file; name the folder that it lies in") from None
    except UnicodeDecodeError:
        raise UserError(f"{name} {_not_utf8(path)}") from None


def _not_utf8(path: Path) -> str:
    """What is to be said of a file that is not UTF-8: the line of the first byte that is not, and the remedy."""
    raw = path.read_bytes()
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return f"is UTF-16 text, not UTF-8; convert it (iconv -f utf-16 -t utf-8 {path.name}) or save it as UTF-8"
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line, byte = raw.count(b"\n", 0, error.start) + 1, raw[error.start]
        return (
            f"is not UTF-8 text: line {line} holds the byte 0x{byte:02x}; convert it "
            f"(iconv -f latin1 -t utf-8 {path.name}) or save it as UTF-8"
        )
    return "is not UTF-8 text; save it as UTF-8"


def read_json(path: Path, what: str) -> Any:
    """Reads a JSON file; a broken one is a `UserError` that says where it breaks. `what` names it in the message."""
    path = Path(path)
    with readable(path, "JSON", what):
        text = path.read_text(encoding="utf-8-sig")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(
            f"{what}: {path} is not JSON: {error.msg} (line {error.lineno}); put that line right, or download the "
            "file again"
        ) from None


def read_object(path: Path, what: str, form: str) -> dict[str, Any]:
    """Reads a JSON file of keys and values; `form` says for the message how it should look."""
    found = read_json(path, what)
    if not isinstance(found, dict):
        raise UserError(f"{what}: {path} does not hold an object but a {type(found).__name__}; expected {form}")
    return found


def read_texts(path: Path, what: str, form: str) -> dict[str, str]:
    """Reads a JSON file of names and texts, as `read_object`."""
    found = read_object(path, what, form)
    try:
        return {name: as_text(value, f"the value of {name!r}") for name, value in found.items()}
    except ValueError as error:
        raise UserError(f"{what}: {path}: {error}; expected {form}") from None


def as_text(value: Any, what: str) -> str:
    """A JSON value that should be a text or a number, as text; `ValueError` for null, NaN and whatever else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value != value:
        raise ValueError(f"{what} is {json.dumps(value)}, expected a text or a number")
    return str(value)


def sha256(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_id(name: str) -> str:
    """Returns an id that may become part of a file name, or raises `UserError` for one that could leave its folder."""
    if not name or name in {".", ".."} or any(character in name for character in "/\\\0\n"):
        raise UserError(f"the id {name!r} can not be used: it is empty, or holds a slash, a line break or '..'")
    return name


def check_ids(names: list[str]) -> None:
    """Raises `UserError` that lists the ids which could leave their folder."""
    wrong = []
    for name in names:
        try:
            check_id(name)
        except UserError as error:
            wrong.append(str(error))
    if wrong:
        rest = f"\n... and {len(wrong) - 20} more" if len(wrong) > 20 else ""
        raise UserError("\n".join(wrong[:20]) + rest)


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Holds a lock file while the block runs; waits, and says so, while another process holds it.

    The kernel drops the lock with its process, so a killed job never leaves one behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.warning("another process is at work in %s: waiting until it ends", path.parent)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
