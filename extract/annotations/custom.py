"""A data set of one's own: one CSV with `video, question, answer`, and what else it has to say.

Optional columns: `a0` to `a4` (multiple choice), `type`, `split` (train, val, test), `qid`; of multiple choice
`answer_index` or `answer_text` in place of `answer`. Without `split`, videos are dealt out to the splits, never
questions.
"""

import hashlib
from collections import Counter
from pathlib import Path

import pandas as pd

from base.errors import UserError
from base.formats.questions import CANDIDATES, COLUMNS
from base.ids import composed
from base.reading import read_csv
from extract.annotations.candidates import INDEX, TEXT, Row, candidates_meant
from extract.annotations.contract import Reader, splits
from extract.annotations.msvd_qa import first_word
from extract.config import Dataset
from extract.videos.kinds import has_suffix, without_suffix

EXPLICIT = {"answer_index": INDEX, "answer_text": TEXT}
"""Columns that say what they hold; either goes before `answer`."""


def files(dataset: Dataset, split: str) -> list[Path]:
    """One CSV for all splits (`questions.csv` in it, if a folder is named), and the gold spans."""
    path = dataset.annotations
    return [path / "questions.csv" if path.is_dir() else path]


def read(dataset: Dataset, split: str) -> pd.DataFrame:
    """The questions of a split. An answer of multiple choice is an index, or the text of one of the candidates.

    Which of both is decided for the file as a whole (`extract.annotations.candidates`).

    A question id is the column `qid`, or `{video}_{n}` (without suffix, where one video has that name) for the n-th
    question of a video, from 0. The type is the column `type`, or the question's first word where that is empty. A
    video's suffix may be given or left out; where it is given, the id has it, and means that file alone.
    """
    path = files(dataset, split)[0]
    raw = read_csv(path, ["video", "question"])
    some = [name for name in CANDIDATES if name in raw.columns]
    explicit = [name for name in EXPLICIT if some and name in raw.columns]
    if not explicit and "answer" not in raw.columns:
        read_csv(path, ["video", "question", "answer"])  # says what is there in its place
    if raw.empty:
        raise UserError(f"{path} holds no questions")
    if some and len(some) < len(CANDIDATES):
        raise UserError(f"{path} has {', '.join(some)} but not all of a0 to a4; multiple choice has five candidates")
    table = pd.DataFrame({"video_id": _ids(raw["video"])})
    nth = table.groupby("video_id").cumcount().astype(str)
    table.insert(0, "qid", raw["qid"] if "qid" in raw.columns else _short(table["video_id"]) + "_" + nth)
    table["question"] = raw["question"]
    table["type"] = raw["question"].map(first_word)
    if "type" in raw.columns:
        table["type"] = raw["type"].where(raw["type"].str.strip() != "", table["type"])
    table["answer"] = _indices(raw, explicit, path) if some else raw["answer"]
    if some:
        table = table.join(raw[CANDIDATES])
    where = _given(raw, dataset, path) if "split" in raw.columns else _dealt(table["video_id"], dataset, path)
    return table.loc[where == split, COLUMNS + some]


def _ids(videos: pd.Series) -> pd.Series:
    """The ids of videos: their names as they are given; without a suffix where some other row has the same with one."""
    names = videos.map(composed)
    with_suffix: dict[str, set[str]] = {}
    for name in filter(has_suffix, names.unique()):
        with_suffix.setdefault(without_suffix(name), set()).add(name)
    one = {bare: full.pop() for bare, full in with_suffix.items() if len(full) == 1}
    return names.map(lambda name: one.get(name, name))


def _short(ids: pd.Series) -> pd.Series:
    """Ids without suffix, but for videos that would then have the same."""
    short = {name: without_suffix(name) for name in ids.unique()}
    often = Counter(short.values())
    return ids.map(lambda name: short[name] if often[short[name]] == 1 else name)


def _indices(raw: pd.DataFrame, explicit: list[str], path: Path) -> list[str]:
    """The index of each right candidate, as text."""
    found = [_of_column(raw, name, path) for name in explicit or ["answer"]]
    for row, (first, last) in enumerate(zip(found[0], found[-1], strict=True), start=1):
        if first != last:
            raise UserError(
                f"{path}: row {row}: {explicit[0]} means a{first} and {explicit[-1]} a{last}: put one of them right"
            )
    return found[0]


def _of_column(raw: pd.DataFrame, column: str, path: Path) -> list[str]:
    forms = [EXPLICIT[column]] if column in EXPLICIT else list(EXPLICIT.values())
    kinds = {INDEX: "an index 0 to 4", TEXT: "the text of exactly one of its candidates"}
    expected = " is not " + kinds[forms[0]] if len(forms) == 1 else f" is neither {kinds[INDEX]} nor {kinds[TEXT]}"
    what = f"the {column}".replace("_", " ")
    rows = [
        Row(f"row {number}: {what}", said, candidates)
        for number, (said, *candidates) in enumerate(raw[[column, *CANDIDATES]].itertuples(index=False), start=1)
    ]
    remedy = "rename the column to `answer_index` (all indices, from 0) or `answer_text` (all texts)"
    meant = candidates_meant(rows, path, forms, expected, remedy)
    for row, several in zip(rows, meant, strict=True):
        if len(several) > 1:
            same = " and ".join(f"a{i} ({row.candidates[i]!r})" for i in several)
            raise UserError(
                f"{path}: {row.name} {row.said!r} is the text of {same}, which are the same but for spaces, capitals "
                "and final punctuation: give the index in a column `answer_index`"
            )
    return [str(one) for (one,) in meant]


def _given(raw: pd.DataFrame, dataset: Dataset, path: Path) -> pd.Series:
    known = dict.fromkeys(["train", "val", "test", *splits(dataset)])
    unknown = raw.index[~raw["split"].isin(known)]
    if len(unknown):
        found = raw.at[unknown[0], "split"]
        raise UserError(f"{path}: row {unknown[0] + 1}: the split is {found!r}, expected one of {', '.join(known)}")
    absent = [split for split in splits(dataset) if split not in set(raw["split"])]
    if absent:
        raise UserError(f"{path}: no question has the split {', '.join(absent)}; every split needs some")
    return raw["split"]


def _dealt(video: pd.Series, dataset: Dataset, path: Path) -> pd.Series:
    """The split of each row. Videos are ordered by a hash of their id, so that the order of the file does not count."""
    if dataset.shifted_test:
        raise UserError(f"{path}: `shifted_test` needs a column `split` that names its questions")

    def place(name: str) -> tuple[bytes, str]:
        return hashlib.sha256(f"{dataset.split_seed} {without_suffix(name)}".encode()).digest(), name

    videos = sorted(video.unique(), key=place)
    if len(videos) < 3:
        raise UserError(
            f"{path}: {len(videos)} videos cannot be dealt out to train, val and test; add a column `split`"
        )
    val = max(1, round(dataset.split_shares[1] * len(videos)))
    test = max(1, round(dataset.split_shares[2] * len(videos)))
    train = max(1, len(videos) - val - test)
    of = {name: "train" if i < train else "val" if i < train + val else "test" for i, name in enumerate(videos)}
    return video.map(of)


READER = Reader(files, read, source="your own files (docs/datasets.md)")
