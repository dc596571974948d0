"""Files of others are read with an eye on what can be wrong with them; each error says what, where and what to do."""

import codecs
import contextlib
import csv
import difflib
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from base.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


@contextlib.contextmanager
def readable(path: Path, kind: str, what: str = "") -> Iterator[None]:
    """While the block reads the text file `path`, what is wrong with it becomes a `UserError` with a remedy.

    `kind` is what the file should be (JSON, CSV); `what` stands before the message.
    """
    name = f"{what}: {path}" if what else str(path)
    try:
        yield
    except FileNotFoundError:
        raise UserError(f"{name} does not exist") from None
    except IsADirectoryError:
        raise UserError(f"{name} is a folder; the path of a {kind} file is needed") from None
    except NotADirectoryError:
        file = next(parent for parent in path.parents if parent.is_file())
        raise UserError(f"{name} does not exist: {file} is a file; name the folder that it lies in") from None
    except UnicodeDecodeError:
        raise UserError(f"{name} {_not_utf8(path)}") from None


def _not_utf8(path: Path) -> str:
    """What is to be said of a file that is not UTF-8: the line of the first byte that is not, and the remedy."""
    raw = path.read_bytes()
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return f"is UTF-16 text, not UTF-8; convert it (iconv -f utf-16 -t utf-8 {path.name}) or save it as UTF-8"
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line, byte = raw.count(b"\n", 0, error.start) + 1, raw[error.start]
        return (
            f"is not UTF-8 text: line {line} holds the byte 0x{byte:02x}; convert it "
            f"(iconv -f latin1 -t utf-8 {path.name}) or save it as UTF-8"
        )
    return "is not UTF-8 text; save it as UTF-8"


def read_json(path: Path, what: str) -> Any:
    """Reads a JSON file; a broken one is a `UserError` that says where it breaks. `what` names it in the message."""
    path = Path(path)
    with readable(path, "JSON", what):
        text = path.read_text(encoding="utf-8-sig")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(
            f"{what}: {path} is not JSON: {error.msg} (line {error.lineno}); put that line right, or download the "
            "file again"
        ) from None


def read_object(path: Path, what: str, form: str) -> dict[str, Any]:
    """Reads a JSON file of keys and values; `form` says for the message how it should look."""
    found = read_json(path, what)
    if not isinstance(found, dict):
        raise UserError(f"{what}: {path} does not hold an object but a {type(found).__name__}; expected {form}")
    return found


def read_texts(path: Path, what: str, form: str) -> dict[str, str]:
    """Reads a JSON file of names and texts, as `read_object`."""
    found = read_object(path, what, form)
    try:
        return {name: as_text(value, f"the value of {name!r}") for name, value in found.items()}
    except ValueError as error:
        raise UserError(f"{what}: {path}: {error}; expected {form}") from None


def as_text(value: Any, what: str) -> str:
    """A JSON value that should be a text or a number, as text; `ValueError` for null, NaN and whatever else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value != value:
        raise ValueError(f"{what} is {json.dumps(value)}, expected a text or a number")
    return str(value)


def read_csv(path: Path, required: list[str]) -> "pd.DataFrame":
    """Reads a CSV as text. `UserError` for a file that is missing or is none, for a missing column, for a row with more
    fields than columns and for bytes that are not UTF-8; with the line, and what to do."""
    import pandas as pd  # what only plans a workflow does without

    try:
        with readable(path, "CSV"):
            _check_fields(path, required)
            return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", index_col=False)
    except (csv.Error, pd.errors.ParserError) as error:
        raise UserError(f"{path} is not a CSV file: {error}; is a quotation mark not closed?") from None


def _check_fields(path: Path, required: list[str]) -> None:
    """pandas would move the columns of a row that has more fields than the header, or leave its last ones out."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        header = next(rows, [])
        if missing := [column for column in required if column not in header]:
            raise UserError(
                f"{path} lacks the column {', '.join(missing)}; {_columns_instead(header, required, missing)}"
            )
        line = rows.line_num + 1
        for row in rows:
            if len(row) > len(header):
                raise UserError(
                    f"{path}: line {line} has {len(row)} fields and the header {len(header)}; put a text that holds "
                    "commas in quotation marks, or take the extra comma out"
                )
            line = rows.line_num + 1


def _columns_instead(header: list[str], required: list[str], missing: list[str]) -> str:
    """What a CSV has in place of the columns that it lacks, and what to do."""
    for separator, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and separator in header[0]:
            return f"its columns are separated by {name}: save it with commas"
    tidy = {name.strip().lower(): name for name in header if name not in required}
    renamed = []
    for column in missing:
        near = difflib.get_close_matches(column.lower(), tidy, n=1)
        renamed += [f"rename {tidy[near[0]]!r} to {column!r}"] if near else []
    return f"it has {', '.join(header) or 'none'}: " + ("; ".join(renamed) or "add it to the first line and every row")


def sha256(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
