"""The annotation contract: what every reader gives and every later stage relies on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from extract.config import Dataset
from extract.errors import UserError

CANDIDATES = [f"a{i}" for i in range(5)]
COLUMNS = ["qid", "video_id", "question", "type", "answer"]
INDICES = [str(i) for i in range(len(CANDIDATES))]


class Count(NamedTuple):
    """The size of a split."""

    questions: int
    videos: int


def one_group(question_type: str) -> str:
    """No coarser grouping: every type is its own."""
    return question_type


@dataclass(frozen=True)
class Reader:
    """How one layout of annotation files is read."""

    files: Callable[[Dataset, str], list[Path]]
    """The files that a split is read from."""
    read: Callable[[Dataset, str], pd.DataFrame]
    """The questions of a split, in the columns of this contract."""
    source: str
    """Where people get the files, for the message about missing ones."""
    published: dict[str, Count] = field(default_factory=dict)
    """The sizes of the splits as published; videos are those that have a question."""
    group: Callable[[str], str] = one_group
    """The group of a question type that papers report."""
    scored_as: Callable[[str], str] = one_group
    """The type that papers count a type as."""


READERS: dict[str, Reader] = {}


def splits(dataset: Dataset) -> list[str]:
    """The splits of a data set; the ones after the second are for testing only."""
    return ["train", "val", "test"] + ([dataset.shifted_test] if dataset.shifted_test else [])


def is_multiple_choice(table: pd.DataFrame) -> bool:
    """Whether questions have candidates; open-ended ones have none."""
    return CANDIDATES[0] in table.columns


def read(dataset: Dataset, split: str) -> pd.DataFrame:
    """The questions of one split: `COLUMNS`, and `CANDIDATES` for multiple choice; all text.

    Multiple choice: `answer` is the index of the right candidate. Open-ended: the answer's text. Raises `UserError`
    naming the file and the row for what does not fit.
    """
    reader = READERS[dataset.format]
    table = reader.read(dataset, split)
    check(table, str(reader.files(dataset, split)[0]))
    return table


class Problem(NamedTuple):
    """What is wrong with one row, which is counted from 1, without the header."""

    kind: str
    row: int
    text: str


def problems(table: pd.DataFrame) -> Iterator[Problem]:
    """Every row that breaks the contract."""
    for i in table.index[table["qid"].duplicated()]:
        text = f"the question id {table.at[i, 'qid']!r} stands in the file before"
        yield Problem("repeated question ids", int(i) + 1, text)
    for column in ("question", *(CANDIDATES if is_multiple_choice(table) else ("answer",))):
        for i in table.index[table[column].str.strip() == ""]:
            kind = column if column in ("question", "answer") else "candidate"
            yield Problem(f"empty {kind}s", int(i) + 1, f"it has an empty {kind} ({column})")
    if is_multiple_choice(table):
        for i in table.index[~table["answer"].isin(INDICES)]:
            text = f"the answer is {table.at[i, 'answer']!r}, expected an index 0 to {len(CANDIDATES) - 1}"
            yield Problem("answers out of range", int(i) + 1, text)


def check(table: pd.DataFrame, where: str) -> None:
    """Raises `UserError` that names the first row that breaks the contract."""
    if table.empty:
        raise UserError(f"{where} holds no questions; every split needs some")
    found = list(problems(table))
    if found:
        more = f" ({len(found) - 1} more such rows)" if len(found) > 1 else ""
        raise UserError(f"{where}: row {found[0].row}: {found[0].text}{more}; put the row right or take it out")


def read_csv(path: Path, required: list[str]) -> pd.DataFrame:
    """Reads a CSV as text, with a `UserError` for a missing file, a missing column or bytes that are not UTF-8."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path} does not exist") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder; the path of a CSV file is needed") from None
    except UnicodeDecodeError:
        raise not_utf8(path) from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise UserError(f"{path} is not a CSV file: {error}") from None
    missing = [column for column in required if column not in table.columns]
    if missing:
        raise UserError(f"{path} lacks the column {', '.join(missing)}; it has {', '.join(map(str, table.columns))}")
    return table


def not_utf8(path: Path) -> UserError:
    """What to say of a file that is not UTF-8: the line of the first byte that is not."""
    raw = path.read_bytes()
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line, byte = raw.count(b"\n", 0, error.start) + 1, raw[error.start]
        return UserError(
            f"{path} is not UTF-8 text: line {line} holds the byte 0x{byte:02x}; convert it "
            f"(iconv -f latin1 -t utf-8 {path.name}) or save it as UTF-8"
        )
    return UserError(f"{path} is not UTF-8 text; save it as UTF-8")
