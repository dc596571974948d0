"""NExT-QA multiple choice: `{train,val,test}.csv`."""

from pathlib import Path

import pandas as pd

from extract.annotations.contract import CANDIDATES, READERS, Reader, read_csv
from extract.config import Dataset


def files(dataset: Dataset, split: str) -> list[Path]:
    """One CSV a split."""
    return [dataset.annotations / f"{split}.csv"]


def read(dataset: Dataset, split: str) -> pd.DataFrame:
    """Our question id is `{video}_{qid}`; the data set's own repeats once, and a repeat gets `-2` appended."""
    raw = read_csv(files(dataset, split)[0], ["video", "question", "answer", "qid", "type", *CANDIDATES])
    qid = raw["video"] + "_" + raw["qid"]
    nth = qid.groupby(qid).cumcount() + 1
    qid = qid.where(nth == 1, qid + "-" + nth.astype(str))
    table = pd.DataFrame({"qid": qid, "video_id": raw["video"]})
    return table.join(raw[["question", "type", "answer", *CANDIDATES]])


READERS["nextqa"] = Reader(files, read, multiple_choice=True, source="https://github.com/doc-doc/NExT-QA")
