"""Import of dense token features: the official `bert_ft_{split}.h5`, rows in the order of the annotation file.

Multiple choice (Q, 5, L, D), open-ended (Q, L, D), padded with zeros at the end. Nothing in such a file says which
question a row belongs to, so rows are told by their lengths.

Sizes: Q questions, A sequences a question, L tokens of the longest, D width.
"""

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from base.errors import UserError
from base.formats.questions import CANDIDATES, is_multiple_choice, read_annotations
from base.formats.token_features import write_token_features
from base.jobs.progress import progress
from extract.text.encoder import load_tokenizer
from extract.text.sequences import token_ids

log = logging.getLogger(__name__)

SLAB = 32 * 2**20
"""Bytes that are read at once."""
AGREEMENT = 0.98
"""Share of sequences that must be as long as their text, counted in tokens."""
CORRELATION = 0.8
"""Correlation of lengths in tokens and in words that a file must have where no tokenizer can count tokens."""
WORDS = "words"


def import_dense(dense: Path, annotations: Path, out: Path, tokenizer: str) -> dict[str, Any]:
    """Packs a dense file as `text_<split>.h5`, in constant memory; returns what was found out about it.

    `annotations` is the CSV of the split in our columns, in the order of the official file. `tokenizer` is an encoder
    whose tokenizer counts the tokens of the texts, or `words`. Raises `UserError` where counts, shapes or lengths do
    not fit, with the first row that does not.
    """
    table = _questions(annotations)
    with _open(dense) as file:
        features = _features(file, dense, table, annotations)
        lengths, inside = _lengths(features, dense)
        about = check_alignment(lengths, table, features.shape[-2], tokenizer, f"{dense} and {annotations}")
        about |= {
            "imported_from": f"{dense.name}, {dense.stat().st_size} bytes",
            "encoder": f"imported from {dense.name}",
            "length": int(features.shape[-2]),
            "zero_rows_inside": inside,
        }
        parts = _packed(features, lengths, dense)
        write_token_features(out, table, lengths.ravel(), features.shape[-1], parts, about)
    log.info("%s: %d questions, %d tokens; lengths %s", out, len(table), int(lengths.sum()), about["alignment"])
    return about


def _questions(annotations: Path) -> pd.DataFrame:
    ours = (
        "--annotations is the CSV that `eigv-extract annotations` writes, not the data set's own: "
        "<results>/datasets/<data set>/all_annotations/<split>.csv"
    )
    try:
        table = read_annotations(annotations)
    except UserError as error:
        raise UserError(f"{error}\n  {ours}") from None
    if table["qid"].duplicated().any():
        raise UserError(f"{annotations}: its question ids are not unique\n  {ours}")
    return table


def _open(path: Path) -> h5py.File:
    try:
        return h5py.File(path, "r", locking=False)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; it comes with the features of NExT-QA's release") from None
    except OSError as error:
        raise UserError(f"{path} is not a whole HDF5 file ({error}); download it again") from None


def _features(file: h5py.File, dense: Path, table: pd.DataFrame, annotations: Path) -> h5py.Dataset:
    if "feat" not in file:
        raise UserError(f"{dense} has no dataset `feat`; it has {', '.join(file) or 'nothing'}")
    features = file["feat"]
    wanted = ("questions", "5", "tokens", "width") if is_multiple_choice(table) else ("questions", "tokens", "width")
    fits = features.ndim == len(wanted) and (features.ndim == 3 or features.shape[1] == len(CANDIDATES))
    if not fits:
        raise UserError(f"{dense}: `feat` has the shape {features.shape}, expected ({', '.join(wanted)})")
    if len(features) != len(table):
        raise UserError(
            f"{dense} has {len(features)} rows and {annotations} {len(table)}: another split, or questions were left "
            "out; the annotations must be the ones that the file was made from, in their order"
        )
    return features


def _slabs(features: h5py.Dataset, label: str) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """The file piece by piece as (rows, A, L, D), with the number of the first row."""
    rows = max(1, SLAB // int(np.prod(features.shape[1:]) * 4))
    for start in progress(range(0, len(features), rows), total=-(-len(features) // rows), label=label, unit="part"):
        slab = features[start : start + rows].astype(np.float32, copy=False)
        yield start, slab if slab.ndim == 4 else slab[:, None]


def _lengths(features: h5py.Dataset, dense: Path) -> tuple[NDArray[np.int64], int]:
    """The length (Q, A) of each sequence, up to its last row that is not zero, and the number of zero rows before."""
    found, inside = [], 0
    for start, slab in _slabs(features, f"lengths of {dense.name}"):
        there: NDArray[np.bool_] = np.any(slab != 0, axis=3)
        length = there.shape[2] - np.argmax(there[:, :, ::-1], axis=2)
        length[~there.any(axis=2)] = 0
        for what, bad in (("is all zeros", length == 0), ("is not finite", ~np.isfinite(slab).all(axis=(2, 3)))):
            if bad.any():
                row, sequence = np.argwhere(bad)[0]
                raise UserError(f"{dense}: row {start + row + 1}, sequence {sequence}: it {what}; download it again")
        inside += int((length - there.sum(axis=2)).sum())
        found.append(length)
    return np.concatenate(found).astype(np.int64), inside


def _packed(features: h5py.Dataset, lengths: NDArray[np.int64], dense: Path) -> Iterator[NDArray[np.float16]]:
    limit = float(np.finfo(np.float16).max)
    for start, slab in _slabs(features, f"tokens of {dense.name}"):
        valid = np.arange(slab.shape[2]) < lengths[start : start + len(slab), :, None]
        rows = slab[valid]
        if np.abs(rows).max() > limit:
            raise UserError(f"{dense}: values in rows {start + 1} to {start + len(slab)} do not fit float16")
        yield rows.astype(np.float16)


def check_alignment(
    lengths: NDArray[np.int64], table: pd.DataFrame, longest: int, tokenizer: str, where: str
) -> dict[str, Any]:
    """Compares the lengths (Q, A) of sequences with those of the texts; `UserError` if rows are not in this order.

    Returns `alignment`, what was compared and how well it agrees. A constant difference is allowed: whether [CLS] and
    [SEP] have features depends on who made the file.
    """
    counter = None if tokenizer == WORDS else _tokenizer(tokenizer)
    expected = _expected(table, counter)
    if len(lengths) > 1 and (lengths == lengths.flat[0]).all():
        raise UserError(f"{where}: all sequences are {lengths.flat[0]} tokens long; padding must be zeros")
    if counter is None:
        found = float(np.corrcoef(np.minimum(expected, longest).ravel(), lengths.ravel())[0, 1])
        if not found >= CORRELATION:
            raise UserError(
                f"{where}: lengths in tokens and in words have a correlation of {found:.2f}, rows in the same order "
                f"have at least {CORRELATION}: {_REMEDY}"
            )
        return {"alignment": f"by words, correlation {found:.3f}"}
    extra = max(range(-3, 4), key=lambda d: np.mean(np.minimum(expected + d, longest) == lengths))
    same = np.minimum(expected + extra, longest) == lengths
    if same.mean() < AGREEMENT:
        row, sequence = np.argwhere(~same)[0]
        question = table["question"].iloc[row]
        raise UserError(
            f"{where}: {100 * same.mean():.1f} % of the sequences are as long as their texts. The first other is row "
            f"{row + 1}, sequence {sequence}: {lengths[row, sequence]} tokens in the file, "
            f"{min(expected[row, sequence] + extra, longest)} in the text ({question!r}). {_REMEDY}; "
            f"if another tokenizer made it, name that (--tokenizer), or compare by words (--tokenizer {WORDS})"
        )
    if not same.all():
        row, sequence = np.argwhere(~same)[0]
        log.warning(
            "%s: %d of %d sequences are not as long as their texts, the first is row %d, sequence %d; single rows that "
            "changed places would look like this too",
            where, (~same).sum(), same.size, row + 1, sequence,
        )  # fmt: skip
    return {"alignment": f"by tokens of {tokenizer}, {100 * same.mean():.2f} % of the sequences agree"}


_REMEDY = "the rows are not in the order of the annotations; give the annotation file that it was made from, unsorted"


def _tokenizer(name: str) -> Any | None:
    try:
        return load_tokenizer(name)
    except UserError as error:
        log.warning("%s\n  so lengths are compared in words, which is less certain", error)
        return None


def _expected(table: pd.DataFrame, tokenizer: Any | None) -> NDArray[np.int64]:
    """The length (Q, A) of each text with its special tokens, uncut; in words where there is no tokenizer."""

    def count(texts: list[str]) -> NDArray[np.int64]:
        if tokenizer is None:
            return np.array([len(re.findall(r"\w+|[^\w\s]", text)) for text in texts])
        return np.array([len(ids) for ids in token_ids(tokenizer, texts)])

    question = count(table["question"].tolist())[:, None]
    if not is_multiple_choice(table):
        return question + 2
    return question + np.stack([count(table[name].tolist()) for name in CANDIDATES], axis=1) + 3
