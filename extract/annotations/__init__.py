"""Annotation files of each data set, read into one contract. A new format is one file with a `READER`."""

from extract.annotations.contract import (
    CANDIDATES,
    COLUMNS,
    Reader,
    check,
    is_multiple_choice,
    read,
    reader_of,
    splits,
)

__all__ = ["CANDIDATES", "COLUMNS", "Reader", "check", "is_multiple_choice", "read", "reader_of", "splits"]
