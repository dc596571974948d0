"""The file of packed token features: no padding is stored.

Sizes: Q questions, A sequences a question, D width of the encoder.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from base.errors import UserError
from base.formats.stores import create, write_strings
from base.provenance import commit, versions
from extract.annotations import CANDIDATES, is_multiple_choice

KIND = "token features"


def pack(
    out: Path,
    table: pd.DataFrame,
    lengths: NDArray[np.int64],
    width: int,
    parts: Iterator[NDArray[np.floating]],
    about: dict[str, Any],
) -> None:
    """Writes packed token features: `parts` are the rows (tokens, D) in order, which are stored as they come."""
    a = len(CANDIDATES) if is_multiple_choice(table) else 1
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    about = {"sequences": a} | about
    about |= {"text_sha256": fingerprint(table), "commit": commit(), "versions": versions()}
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


def fingerprint(table: pd.DataFrame) -> str:
    """SHA-256 of the questions and candidates in their order, which tells texts of other annotations apart."""
    columns = ["qid", "question", *(CANDIDATES if is_multiple_choice(table) else ())]
    digest = hashlib.sha256()
    for row in table[columns].itertuples(index=False):
        digest.update("\x1f".join(row).encode() + b"\x1e")
    return digest.hexdigest()
