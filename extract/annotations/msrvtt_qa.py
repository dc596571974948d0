"""MSRVTT-QA: `{train,val,test}_qa.json`; video 7 is the file `video7`."""

from pathlib import Path

import pandas as pd

from extract.annotations.contract import READERS, Reader
from extract.annotations.msvd_qa import read_entries
from extract.config import Dataset


def files(dataset: Dataset, split: str) -> list[Path]:
    """One JSON a split."""
    return [dataset.annotations / f"{split}_qa.json"]


def read(dataset: Dataset, split: str) -> pd.DataFrame:
    """The type is the question's first word, as MSRVTT-QA counts its types."""
    return read_entries(files(dataset, split)[0], lambda number: f"video{number}")


READERS["msrvtt-qa"] = Reader(
    files, read, multiple_choice=False, source="https://github.com/xudejing/video-question-answering"
)
