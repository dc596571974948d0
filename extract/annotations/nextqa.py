"""NExT-QA multiple choice: `{train,val,test}.csv`."""

from pathlib import Path

import pandas as pd

from base.formats.questions import CANDIDATES
from base.reading import read_csv
from extract.annotations.contract import READERS, Count, Reader
from extract.config import Dataset

GROUPS = {"C": "causal", "T": "temporal", "D": "descriptive"}


def files(dataset: Dataset, split: str) -> list[Path]:
    """One CSV a split."""
    return [dataset.annotations / f"{split}.csv"]


def read(dataset: Dataset, split: str) -> pd.DataFrame:
    """Our question id is `{video}_{qid}`; the data set's own repeats once, and a repeat gets `-2` appended."""
    raw = read_csv(files(dataset, split)[0], ["video", "question", "answer", "qid", "type", *CANDIDATES])
    table = pd.DataFrame({"qid": question_ids(raw), "video_id": raw["video"]})
    return table.join(raw[["question", "type", "answer", *CANDIDATES]])


def question_ids(raw: pd.DataFrame) -> pd.Series:
    """`{video}_{qid}`, with `-2`, `-3`, ... after those that repeat; empty where the file's own is."""
    qid = (raw["video"] + "_" + raw["qid"]).where(raw["qid"].str.strip() != "", "")
    nth = qid.groupby(qid).cumcount() + 1
    return qid.where((nth == 1) | (qid == ""), qid + "-" + nth.astype(str))


def group(question_type: str) -> str:
    """Causal, temporal or descriptive, by the first letter of the type."""
    return GROUPS.get(question_type[:1], question_type)


def scored_as(question_type: str) -> str:
    """The official evaluation counts questions of the previous action (TP) with those of the next (TN)."""
    return "TN" if question_type == "TP" else question_type


READERS["nextqa"] = Reader(
    files,
    read,
    source="https://github.com/doc-doc/NExT-QA",
    published={"train": Count(34132, 3870), "val": Count(4996, 570), "test": Count(8564, 1000)},
    group=group,
    scored_as=scored_as,
)
