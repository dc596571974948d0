"""HDF5 files of ours: they appear whole, say of which kind they are, hold attributes as JSON and strings as UTF-8."""

import json
import logging
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from base.errors import UserError
from base.locks import exclusive
from base.writing import atomic_path

log = logging.getLogger(__name__)

SCHEMA = 1
STAGE = "stage"
"""An attribute of half files alone."""


@contextmanager
def create(path: Path, kind: str, attributes: dict[str, Any]) -> Iterator[h5py.File]:
    """Opens a new HDF5 file that appears at `path` only when the block ends without an error.

    `kind` and every attribute (as JSON where it is not a plain string) are stored on the file.
    """
    # The lock of HDF5 itself fails on some network file systems, and nobody else knows the temporary name.
    with atomic_path(path) as temporary, h5py.File(temporary, "w", locking=False) as file:
        file.attrs["kind"] = kind
        file.attrs["schema"] = SCHEMA
        for key, value in attributes.items():
            file.attrs[key] = value if isinstance(value, str) else json.dumps(value)
        yield file


@dataclass(frozen=True)
class Rows:
    """A file that is filled row by row, and may have been begun by a process that was killed."""

    file: h5py.File

    @property
    def open(self) -> list[int]:
        """The rows that are still to be made, ascending."""
        return np.flatnonzero(self.file["done"][:] == 0).tolist()

    def finish(self, row: int, values: dict[str, Any]) -> None:
        """Writes a value for each named dataset; the row then survives a kill of this process."""
        for name, value in values.items():
            self.file[name][row] = value
        self.file.flush()
        self.file["done"][row] = 1
        self.file.flush()


@contextmanager
def create_by_rows(
    path: Path,
    kind: str,
    attributes: dict[str, Any],
    build: Callable[[h5py.File], None],
    count: int,
    varying: Collection[str] = (),
    stage: int = 0,
) -> Iterator[Rows]:
    """Like `create`, for a file of `count` rows that a killed process may leave half done and another completes.

    `build` makes all its datasets, of plain numbers or strings of fixed length; nothing is added later, so that a
    kill can only leave a row half written. Where the half file has other attributes, or was damaged when its machine
    crashed, it is begun anew; the attributes named in `varying` may differ, and stay as they were at its beginning.
    So is a half file of another `stage`, the version of what makes it, which the whole one does not tell.
    """
    half, lock = _half(path), path.with_name(f".{path.name}.lock")
    with exclusive(lock):
        begun = attributes | {STAGE: stage}
        if not _continues(half, {name: value for name, value in begun.items() if name not in varying}):
            half.unlink(missing_ok=True)
            with create(half, kind, begun) as file:
                build(file)
                file["done"] = np.zeros(count, np.uint8)
        with h5py.File(half, "r+", locking=False) as file:
            yield Rows(file)
            del file.attrs[STAGE]
        with half.open("rb") as written:
            os.fsync(written.fileno())
        half.replace(path)
        lock.unlink()


def begun_with(path: Path) -> dict[str, Any]:
    """The attributes of what a killed `create_by_rows` has left of `path`; none where there is nothing."""
    try:
        with h5py.File(_half(path), "r", locking=False) as file:
            return attributes(file)
    except OSError:  # there is none, or it is damaged, which `create_by_rows` says
        return {}


def _half(path: Path) -> Path:
    return path.with_name(f".{path.name}.half")


def _continues(half: Path, expected: dict[str, Any]) -> bool:
    if not half.is_file():
        return False
    try:
        with h5py.File(half, "r", locking=False) as file:
            found = attributes(file)
    except OSError as error:
        if error.errno is not None:  # the system's, not HDF5's on what the file holds
            raise
        log.warning("%s is damaged and begun anew (%s)", half, error)
        return False
    return all(found.get(key) == json.loads(json.dumps(value)) for key, value in expected.items())


@contextmanager
def open_store(path: Path, kind: str) -> Iterator[h5py.File]:
    """Opens an HDF5 file of the given kind for reading; `UserError` for anything else."""
    try:
        file = h5py.File(path, "r", locking=False)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist") from None
    except OSError as error:
        raise UserError(f"{path} is not a whole HDF5 file ({error}); remove it and make it again") from None
    with file:
        found = file.attrs.get("kind")
        if found != kind:
            raise UserError(f"{path} holds {found or 'something unknown'}, not {kind}")
        if (schema := file.attrs.get("schema", "none")) != SCHEMA:
            raise UserError(f"{path} has schema {schema}, this version reads {SCHEMA}: make it again")
        yield file


def attributes(file: h5py.File) -> dict[str, Any]:
    """The attributes of a file, JSON decoded."""
    result = {}
    for key, value in file.attrs.items():
        try:
            result[key] = json.loads(value) if isinstance(value, str) else value
        except json.JSONDecodeError:
            result[key] = value
    return result


def write_strings(group: h5py.Group, name: str, values: list[str]) -> None:
    """Stores a list of strings as UTF-8."""
    group.create_dataset(name, data=np.array(values, dtype=object), dtype=h5py.string_dtype("utf-8"))


def fixed_strings(length: int) -> Any:
    """The type of strings of at most so many bytes, which can be written row by row."""
    return h5py.string_dtype("utf-8", length)


def read_strings(group: h5py.Group, name: str) -> list[str]:
    """Reads a list of strings."""
    return [str(value) for value in group[name].asstr()[:]] if len(group[name]) else []
