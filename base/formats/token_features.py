"""`text_<split>.h5`, the token features of a split: packed, so that no padding is stored.

Sizes: Q questions, A sequences a question, B questions of a batch, L tokens of the longest, D width of the encoder.
"""

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from base.errors import UserError
from base.formats.questions import CANDIDATES, is_multiple_choice
from base.formats.store import attributes, create, open_store, read_strings, write_strings
from base.provenance import commit, versions

log = logging.getLogger(__name__)

KIND = "token features"
LAYOUT = "layout"
"""The attribute that says `apart` where a question's first sequence is itself alone, and the others are candidates."""


def write_token_features(
    out: Path,
    table: pd.DataFrame,
    lengths: NDArray[np.int64],
    width: int,
    parts: Iterator[NDArray[np.floating]],
    about: dict[str, Any],
) -> None:
    """Writes a `text_<split>.h5`: `parts` are the rows (tokens, D) in order, which are stored as they come.

    `table` has the questions, `lengths` (Q * A) the tokens of each sequence, `about` what the features were made by.
    """
    a = len(CANDIDATES) if is_multiple_choice(table) else 1
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    about = {"sequences": a} | about
    about |= {"text_sha256": text_sha256(table), "commit": commit(), "versions": versions()}
    with create(out, KIND, about) as file:
        write_strings(file, "qid", table["qid"].tolist())
        write_strings(file, "video_id", table["video_id"].tolist())
        file["offsets"] = offsets
        # Contiguous, so that readers can map it into memory.
        tokens = file.create_dataset("tokens", (int(offsets[-1]), width), np.float16)
        at = 0
        for part in parts:
            tokens[at : at + len(part)] = part
            at += len(part)
        if at != len(tokens):
            raise UserError(f"{out}: {at} tokens were made and {len(tokens)} expected; remove its state and run again")


def text_sha256(table: pd.DataFrame) -> str:
    """SHA-256 of the questions and candidates in their order, which tells texts of other annotations apart."""
    columns = ["qid", "question", *(CANDIDATES if is_multiple_choice(table) else ())]
    digest = hashlib.sha256()
    for row in table[columns].itertuples(index=False):
        digest.update("\x1f".join(row).encode() + b"\x1e")
    return digest.hexdigest()


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
    """A, sequences a question: 5 for multiple choice, 6 where the question is one by itself, 1 for open-ended."""
    attributes: dict[str, Any]

    @property
    def apart(self) -> bool:
        """Whether the first sequence of a question is the question alone, and the others its candidates alone."""
        return self.attributes.get(LAYOUT) == "apart"

    @classmethod
    def read(cls, path: Path) -> "TokenFeatures":
        """Reads a `text_<split>.h5`, but for the features themselves, and checks that its parts fit together."""
        with open_store(path, KIND) as file:
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
        places, lengths = self.places(questions)
        valid = places >= 0
        padded = self.tokens[places * valid]
        padded[~valid] = 0
        return padded, lengths

    def places(self, questions: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows of `tokens` of some questions' sequences, (B * A, L), -1 for padding, and their lengths."""
        sequences = (questions[:, None] * self.sequences + np.arange(self.sequences)).ravel()
        starts = self.offsets[sequences]
        lengths = self.offsets[sequences + 1] - starts
        place = np.arange(int(lengths.max()))
        return np.where(place < lengths[:, None], starts[:, None] + place, -1), lengths


def _mapped(path: Path, dataset: h5py.Dataset) -> NDArray[np.float16]:
    """A dataset as an array that reads from the file where it is touched; in memory, if it is chunked or compressed."""
    offset = dataset.id.get_offset()
    if offset is None or not dataset.size:
        if dataset.size:
            size = dataset.size * dataset.dtype.itemsize / 2**20
            log.warning("%s holds its tokens in chunks, which are read into memory whole: %.0f MB", path, size)
        return np.asarray(dataset[:])
    # as a plain array, which is cheaper to slice than a `memmap`
    return np.asarray(np.memmap(path, dataset.dtype, "r", offset, dataset.shape))
