"""Annotation files of each data set, read into one contract. A new format is one file with a `READER`."""

from extract.annotations.contract import Reader, check, read, reader_of, splits, wanted_videos

__all__ = ["Reader", "check", "read", "reader_of", "splits", "wanted_videos"]
