"""MSRVTT-QA: `{train,val,test}_qa.json`, or the CSV form `{split}.csv`; video 7 is the file `video7`."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from base.errors import UserError
from base.reading import read_csv
from extract.annotations.contract import READERS, Count, Reader
from extract.annotations.msvd_qa import first_word, read_entries
from extract.config import Dataset


def files(dataset: Dataset, split: str) -> list[Path]:
    """One JSON a split, as published; the CSV where that is there and the JSON is not."""
    published, table = dataset.annotations / f"{split}_qa.json", dataset.annotations / f"{split}.csv"
    return [table if table.is_file() and not published.is_file() else published]


def read(dataset: Dataset, split: str) -> pd.DataFrame:
    """The type is the question's first word, as MSRVTT-QA counts its types (the CSV's `type` is a video category)."""
    path = files(dataset, split)[0]
    if dataset.annotations.is_dir() and not path.exists():
        raise UserError(f"{dataset.annotations} holds neither {path.name} nor {split}.csv")
    if path.suffix == ".json":
        return read_entries(path, lambda number: f"video{number}")
    raw = read_csv(path, ["video", "question", "answer", "qid"])
    table = raw[["qid", "question", "answer"]].copy()
    named = "video" + raw["video"].str.removeprefix("video")
    table.insert(1, "video_id", named.where(raw["video"].str.strip() != "", ""))
    table.insert(3, "type", raw["question"].map(first_word))
    return table


def other_ids(dataset: Dataset) -> Callable[[str], list[str]]:
    """A video also goes by its number."""
    return lambda video_id: [video_id.removeprefix("video")]


READERS["msrvtt-qa"] = Reader(
    files,
    read,
    source="https://github.com/xudejing/video-question-answering",
    published={"train": Count(158581, 6513), "val": Count(12278, 497), "test": Count(72821, 2990)},
    other_ids=other_ids,
    subfolders=("TrainValVideo", "TestVideo"),
)
