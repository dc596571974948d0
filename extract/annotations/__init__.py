"""Annotation files of each data set, read into one contract. A new data set is one file here and one name."""

from extract.annotations import custom, msrvtt_qa, msvd_qa, next_oe, nextqa  # noqa: F401  (they register themselves)
from extract.annotations.contract import (
    CANDIDATES,
    COLUMNS,
    READERS,
    Reader,
    check,
    is_multiple_choice,
    read,
    splits,
)

__all__ = ["CANDIDATES", "COLUMNS", "READERS", "Reader", "check", "is_multiple_choice", "read", "splits"]
