"""The HDF5 contracts: video features, token features, and the decoded frames on their way to the networks.

Sizes: N videos, K clips, T frames a clip, D width of a feature, Q questions, A sequences a question.
"""

import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from base.errors import UserError
from base.files import atomic_path, exclusive

log = logging.getLogger(__name__)

SCHEMA = 1
OK, SHORT, CUT, ZEROS, FAILED = "ok", "short", "cut", "zeros", "failed"
STATUSES = (OK, SHORT, CUT, ZEROS, FAILED)
"""ok; fewer frames than a clip wants, the last one repeated; the file breaks off, used as far as it goes; zeros by the
user's policy; no features, left out."""


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
    path: Path, kind: str, attributes: dict[str, Any], build: Callable[[h5py.File], None], count: int
) -> Iterator[Rows]:
    """Like `create`, for a file of `count` rows that a killed process may leave half done and another completes.

    `build` makes all its datasets, of plain numbers or strings of fixed length; nothing is added later, so that a
    kill can only leave a row half written. Where the half file has other attributes, or was damaged when its machine
    crashed, it is begun anew.
    """
    half, lock = path.with_name(f".{path.name}.half"), path.with_name(f".{path.name}.lock")
    with exclusive(lock):
        if not _continues(half, attributes):
            half.unlink(missing_ok=True)
            with create(half, kind, attributes) as file:
                build(file)
                file["done"] = np.zeros(count, np.uint8)
        with h5py.File(half, "r+", locking=False) as file:
            yield Rows(file)
        with half.open("rb") as written:
            os.fsync(written.fileno())
        half.replace(path)
        lock.unlink()


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
        if file.attrs["schema"] != SCHEMA:
            raise UserError(f"{path} has schema {file.attrs['schema']}, this version reads {SCHEMA}: make it again")
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


@dataclass(frozen=True)
class VideoFeatures:
    """The features of one collection of videos, in memory."""

    path: Path
    ids: list[str]
    features: dict[str, NDArray[np.floating]]
    """`appearance` and `motion`, each (N, K, D)."""
    frame_index: NDArray[np.int32]
    """(N, K, T) the frames that were looked at."""
    fps: NDArray[np.float64]
    duration: NDArray[np.float64]
    """(N,) seconds."""
    status: list[str]
    attributes: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> "VideoFeatures":
        """Reads a `video.h5` whole and checks that its parts fit together."""
        with open_store(path, "video features") as file:
            store = cls(
                path=Path(path),
                ids=read_strings(file, "ids"),
                features={name: file[name][:] for name in ("appearance", "motion")},
                frame_index=file["frame_index"][:],
                fps=file["fps"][:],
                duration=file["duration"][:],
                status=read_strings(file, "status"),
                attributes=attributes(file),
            )
        store.check()
        return store

    def check(self) -> None:
        """Raises `UserError` where ids repeat, lengths differ, or a value of a usable video is not finite."""
        if len(set(self.ids)) != len(self.ids):
            twice = sorted({i for i in self.ids if self.ids.count(i) > 1})[:5]
            raise UserError(f"{self.path}: these ids stand in it more than once: {', '.join(twice)}")
        lengths = {name: len(values) for name, values in self.features.items()}
        lengths |= {"frame_index": len(self.frame_index), "fps": len(self.fps), "status": len(self.status)}
        for name, length in lengths.items():
            if length != len(self.ids):
                raise UserError(f"{self.path}: `{name}` has {length} rows for {len(self.ids)} ids")
        usable = np.array([status != FAILED for status in self.status], dtype=bool)
        for name, values in self.features.items():
            if values.ndim != 3:
                raise UserError(f"{self.path}: `{name}` has shape {values.shape}, expected (videos, clips, width)")
            bad = usable & ~np.isfinite(values.astype(np.float32)).all(axis=(1, 2))
            if bad.any():
                names = [self.ids[row] for row in np.flatnonzero(bad)[:5]]
                raise UserError(f"{self.path}: `{name}` is not finite for {', '.join(names)}")


@dataclass(frozen=True)
class TokenFeatures:
    """The packed token features of one split. Sequence s of question q is sequence q * A + s."""

    path: Path
    qids: list[str]
    video_ids: list[str]
    tokens: NDArray[np.float16]
    """(sum of lengths, D), mapped from the file: what is not read takes no memory."""
    offsets: NDArray[np.int64]
    """(Q * A + 1,) where each sequence begins; the last entry is the end."""
    sequences: int
    """A, sequences a question: 5 for multiple choice, 1 for open-ended."""
    attributes: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> "TokenFeatures":
        """Reads a `text_<split>.h5`, but for the features themselves, and checks that its parts fit together."""
        with open_store(path, "token features") as file:
            store = cls(
                path=Path(path),
                qids=read_strings(file, "qid"),
                video_ids=read_strings(file, "video_id"),
                tokens=_mapped(Path(path), file["tokens"]),
                offsets=file["offsets"][:],
                sequences=int(file.attrs["sequences"]),
                attributes=attributes(file),
            )
        if len(store.offsets) != len(store.qids) * store.sequences + 1 or store.offsets[-1] != len(store.tokens):
            raise UserError(f"{path}: its offsets do not fit its {len(store.qids)} questions; make it again")
        return store

    def batch(self, questions: NDArray[np.int64]) -> tuple[NDArray[np.float16], NDArray[np.int64]]:
        """The sequences of some questions, (B * A, L, D) padded with zeros to the longest, and their lengths."""
        sequences = (questions[:, None] * self.sequences + np.arange(self.sequences)).ravel()
        starts, ends = self.offsets[sequences], self.offsets[sequences + 1]
        lengths = ends - starts
        padded = np.zeros((len(sequences), int(lengths.max()), self.tokens.shape[1]), np.float16)
        for row, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            padded[row, : end - start] = self.tokens[start:end]
        return padded, lengths


def _mapped(path: Path, dataset: h5py.Dataset) -> NDArray[np.float16]:
    """A dataset as an array that reads from the file where it is touched; in memory, if it is chunked or compressed."""
    offset = dataset.id.get_offset()
    if offset is None or not dataset.size:
        return dataset[:]
    # as a plain array, which is cheaper to slice than a `memmap`
    return np.asarray(np.memmap(path, dataset.dtype, "r", offset, dataset.shape))
