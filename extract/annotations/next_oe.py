"""NExT-OE, the open-ended questions on the videos of NExT-QA: `{train,val,test}.csv`, the answer a text."""

from pathlib import Path

import pandas as pd

from base.errors import UserError
from base.formats.questions import CANDIDATES
from base.reading import read_csv
from extract.annotations.contract import READERS, Count, Reader
from extract.annotations.nextqa import files, group, question_ids, scored_as
from extract.config import Dataset


def read(dataset: Dataset, split: str) -> pd.DataFrame:
    """Columns `video, question, answer, qid, type` (others are not read); ids as in NExT-QA.

    The answer is the text in `answer`; the second reference of the test split (`add_reference_answer_test.json`),
    which WUPS scores use, is not read.
    """
    path: Path = files(dataset, split)[0]
    raw = read_csv(path, ["video", "question", "answer", "qid", "type"])
    if CANDIDATES[0] in raw.columns:
        raise UserError(f"{path} has candidates: it is NExT-QA's multiple choice; use `format: nextqa`")
    table = pd.DataFrame({"qid": question_ids(raw), "video_id": raw["video"]})
    return table.join(raw[["question", "type", "answer"]])


# Sizes from the paper of NExT-QA, CVPR 2021, Table 2.
READERS["next-oe"] = Reader(
    files,
    read,
    source="https://github.com/doc-doc/NExT-OE",
    published={"train": Count(37523, 3870), "val": Count(5343, 570), "test": Count(9178, 1000)},
    group=group,
    scored_as=scored_as,
)
