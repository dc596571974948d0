"""Annotation files of each data set, read into one contract. A new data set is one file here and one name."""

from extract.annotations import custom, msrvtt_qa, msvd_qa, next_oe, nextqa  # noqa: F401  (they register themselves)
from extract.annotations.contract import READERS, Reader, check, read, splits

__all__ = ["READERS", "Reader", "check", "read", "splits"]
