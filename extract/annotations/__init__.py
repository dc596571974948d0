"""Annotation files of each data set, read into one contract. A new data set is one file here and one name."""

from extract.annotations import msrvtt_qa, msvd_qa, nextqa  # noqa: F401  (they register themselves)
from extract.annotations.contract import CANDIDATES, COLUMNS, READERS, Reader, check, read, splits

__all__ = ["CANDIDATES", "COLUMNS", "READERS", "Reader", "check", "read", "splits"]
