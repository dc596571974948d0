"""The annotation contract: what every reader gives and every later stage relies on."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from extract.config import Dataset
from extract.errors import UserError

CANDIDATES = [f"a{i}" for i in range(5)]
COLUMNS = ["qid", "video_id", "question", "type", "answer"]


@dataclass(frozen=True)
class Reader:
    """How one layout of annotation files is read."""

    files: Callable[[Dataset, str], list[Path]]
    """The files that a split is read from."""
    read: Callable[[Dataset, str], pd.DataFrame]
    """The questions of a split, in the columns of this contract."""
    multiple_choice: bool
    source: str
    """Where people get the files, for the message about missing ones."""


READERS: dict[str, Reader] = {}


def splits(dataset: Dataset) -> list[str]:
    """The splits of a data set; the ones after the second are for testing only."""
    return ["train", "val", "test"] + ([dataset.shifted_test] if dataset.shifted_test else [])


def read(dataset: Dataset, split: str) -> pd.DataFrame:
    """The questions of one split: `COLUMNS`, and `CANDIDATES` for multiple choice; all text.

    Multiple choice: `answer` is the index of the right candidate. Open-ended: the answer's text. Raises `UserError`
    naming the file and the row for what does not fit.
    """
    reader = READERS[dataset.format]
    table = reader.read(dataset, split)
    where = ", ".join(str(file) for file in reader.files(dataset, split)[:1])
    check(table, reader.multiple_choice, where)
    return table


def check(table: pd.DataFrame, multiple_choice: bool, where: str) -> None:
    """Raises `UserError` for rows that break the contract. Rows are counted from 1, without the header."""
    if table.empty:
        raise UserError(f"{where} holds no questions")
    repeated = table["qid"][table["qid"].duplicated()]
    if len(repeated):
        raise UserError(f"{where}: the question id {repeated.iloc[0]!r} stands in it more than once")
    empty = table.index[table["question"].str.strip() == ""]
    if len(empty):
        raise UserError(f"{where}: row {empty[0] + 1} has an empty question")
    if multiple_choice:
        bad = table.index[~table["answer"].isin([str(i) for i in range(len(CANDIDATES))])]
        if len(bad):
            answer = table.at[bad[0], "answer"]
            raise UserError(f"{where}: row {bad[0] + 1}: the answer is {answer!r}, expected an index 0 to 4")


def read_csv(path: Path, required: list[str]) -> pd.DataFrame:
    """Reads a CSV as text, with a `UserError` for a missing file, a missing column or bytes that are not UTF-8."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path} does not exist") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text: {error.reason} at byte {error.start}; save it as UTF-8") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise UserError(f"{path} is not a CSV file: {error}") from None
    missing = [column for column in required if column not in table.columns]
    if missing:
        raise UserError(f"{path} lacks the column {', '.join(missing)}; it has {', '.join(map(str, table.columns))}")
    return table
