"""How annotation files of others are read, and what every reader must give: the columns of `base.formats.questions`."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from base import plug
from base.answers import visible
from base.errors import UserError
from base.formats.questions import CANDIDATES, INDICES, is_multiple_choice
from base.ids import check_id, composed
from extract.config import FORMATS, Dataset


class Count(NamedTuple):
    """The size of a split."""

    questions: int
    videos: int


def one_group(question_type: str) -> str:
    """No coarser grouping: every type is its own."""
    return question_type


def no_other_ids(dataset: Dataset) -> Callable[[str], list[str]]:
    """Videos go by our ids only."""
    return lambda video_id: []


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reader:
    """How one layout of annotation files is read."""

    files: Callable[[Dataset, str], list[Path]]
    """The files that a split is read from."""
    read: Callable[[Dataset, str], pd.DataFrame]
    """The questions of a split, in the columns of `base.formats.questions`; the index is the row in the file."""
    source: str
    """Where people get the files, for the message about missing ones."""
    published: dict[str, Count] = field(default_factory=dict)
    """The sizes of the splits as published; videos are those that have a question."""
    group: Callable[[str], str] = one_group
    """The group of a question type that papers report."""
    scored_as: Callable[[str], str] = one_group
    """The type that papers count a type as."""
    other_ids: Callable[[Dataset], Callable[[str], list[str]]] = no_other_ids
    """By what else a video goes in the files of others (MSVD-QA's numbers), from its id."""
    subfolders: tuple[str, ...] = ()
    """Folders that the videos lie in as they are published."""


def reader_of(dataset: Dataset) -> Reader:
    """The reader of a data set's format; `UserError` where code of one's own cannot be loaded."""
    return plug.load(FORMATS.get(dataset.format, dataset.format), Reader, "the annotation format")


def splits(dataset: Dataset) -> list[str]:
    """The splits of a data set; those that it reads, the ones for testing last."""
    return [*dataset.splits] + ([dataset.shifted_test] if dataset.shifted_test else [])


def read(dataset: Dataset, split: str) -> pd.DataFrame:
    """The questions of one split, in the columns of `base.formats.questions`; the index is the row in the file, from 0.

    Raises `UserError` naming the file and the row for what does not fit.
    """
    table = unchecked(dataset, split)
    path = str(reader_of(dataset).files(dataset, split)[0])
    check(table, path)
    if lost := lost_letters(table):
        log.warning("%s: row %d: %s (%d such texts)", path, lost[0].row, lost[0].text, len(lost))
    return table


def wanted_videos(datasets: Iterable[Dataset]) -> list[str]:
    """The ids of all videos that data sets ask for, in order of first mention; rows are not checked."""
    asked = (unchecked(dataset, split)["video_id"] for dataset in datasets for split in sorted(splits(dataset)))
    return list(dict.fromkeys(name for ids in asked for name in ids))


def unchecked(dataset: Dataset, split: str) -> pd.DataFrame:
    """The questions of one split as they are in the file, but for the Unicode form of ids."""
    table = reader_of(dataset).read(dataset, split)
    return table.assign(**{name: table[name].map(composed) for name in ("qid", "video_id")})


class Problem(NamedTuple):
    """What is wrong with one row of the file, which is counted from 1, without the header."""

    kind: str
    row: int
    text: str


def lost_letters(table: pd.DataFrame) -> list[Problem]:
    """Rows with a control character U+0080 to U+009F: a letter of windows-1252 that was read as latin1, and lost so."""
    found = []
    for column in table.columns:
        odd = table[column].str.extract("([\x80-\x9f])", expand=False).dropna()
        for i, character in zip(odd.index.tolist(), odd.tolist(), strict=True):
            text = (
                f"{column} holds the control character U+{ord(character):04X}, which no tokenizer keeps: was the file "
                "converted by `iconv -f latin1`? Convert the original again (iconv -f windows-1252 -t utf-8)"
            )
            found.append(Problem("lost letters", int(i) + 1, text))
    return found


def problems(table: pd.DataFrame) -> Iterator[Problem]:
    """Every row that breaks the contract."""
    yield from _unusable_ids(table)
    for i in table.index[table["qid"].duplicated()]:
        text = f"the question id {table.at[i, 'qid']!r} stands in the file before"
        yield Problem("repeated question ids", int(i) + 1, text)
    for column in ("question", *(CANDIDATES if is_multiple_choice(table) else ("answer",))):
        for i in table.index[table[column].map(visible) == ""]:
            kind = column if column in ("question", "answer") else "candidate"
            yield Problem(f"empty {kind}s", int(i) + 1, f"it has an empty {kind} ({column})")
    if is_multiple_choice(table):
        for i in table.index[~table["answer"].isin(INDICES)]:
            text = f"the answer is {table.at[i, 'answer']!r}, expected an index 0 to {len(CANDIDATES) - 1}"
            yield Problem("answers out of range", int(i) + 1, text)


def _unusable_ids(table: pd.DataFrame) -> Iterator[Problem]:
    """Rows without a question or video id, or with a video id that could leave its folder."""
    for column, name in (("qid", "question id"), ("video_id", "video id")):
        for i in table.index[table[column].map(visible) == ""]:
            yield Problem("unusable ids", int(i) + 1, f"it has an empty {name}")
    wrong = {}
    for video_id in filter(visible, table["video_id"].unique()):
        try:
            check_id(video_id)
        except UserError as error:
            wrong[video_id] = str(error)
    for i in table.index[table["video_id"].isin(wrong)]:
        yield Problem("unusable ids", int(i) + 1, wrong[table.at[i, "video_id"]])


def check(table: pd.DataFrame, where: str) -> None:
    """Raises `UserError` that names the first row that breaks the contract."""
    if table.empty:
        raise UserError(f"{where} holds no questions; every split needs some")
    found = list(problems(table))
    if found:
        more = f" ({len(found) - 1} more such rows)" if len(found) > 1 else ""
        raise UserError(f"{where}: row {found[0].row}: {found[0].text}{more}; put the row right or take it out")
