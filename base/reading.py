"""Files of others are read with an eye on what can be wrong with them; each error says what, where and what to do."""

import codecs
import contextlib
import csv
import difflib
import hashlib
import json
import re
import shlex
import textwrap
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


_HALF = re.compile("[\ud800-\udfff]")
"""Half of a character, which UTF-8 cannot write."""
_EXCEL = 'in Excel save it as "CSV UTF-8 (comma delimited)"'


def _not_utf8(path: Path) -> str:
    """What is to be said of a file that is not UTF-8: the line of the first byte that is not, and the remedy."""
    raw, name = path.read_bytes(), shlex.quote(path.name)
    excel = f"; {_EXCEL}" if path.suffix.lower() in (".csv", ".tsv", ".txt") else ""
    if raw.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return f"is no text but an Excel workbook or a zip archive; {_EXCEL}"
    for marks, encoding in (((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE), "utf-32"), (_UTF16, "utf-16")):
        if raw.startswith(marks):
            return (
                f"is {encoding.upper()} text, not UTF-8; convert it (iconv -f {encoding} -t utf-8 {name}) or save it "
                "as UTF-8" + (excel and f'; what Excel calls "Unicode text" has tabs in place of commas, too{excel}')
            )
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line, byte = raw.count(b"\n", 0, error.start) + 1, raw[error.start]
        said = f"is not UTF-8 text: line {line} holds the byte 0x{byte:02x}; "
        if unknown := next((byte for byte in b"\x81\x8d\x8f\x90\x9d" if byte in raw), None):
            return (
                f"{said}it is no windows-1252 either (0x{unknown:02x}): convert it from the encoding that it was "
                "written in (iconv -f ENCODING -t utf-8) or save it as UTF-8"
            )
        return (
            f"{said}convert it (iconv -f windows-1252 -t utf-8 {name}, if it was written on Windows in a Western "
            f"language; else name its encoding) or save it as UTF-8{excel}"
        )
    return "is not UTF-8 text; save it as UTF-8"


_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_json(path: Path, what: str) -> Any:
    """Reads a JSON file; a broken one is a `UserError` that says where it breaks. `what` names it in the message.

    A key that stands twice in an object is an error as well: only one of both would count.
    """
    path = Path(path)
    with readable(path, "JSON", what):
        text = path.read_text(encoding="utf-8-sig")
    return _parsed(text, path, what)


def read_json_or_lines(path: Path, what: str) -> Any:
    """As `read_json`; a file of one JSON value a line (JSONL) is read as the list of them."""
    path = Path(path)
    with readable(path, "JSON", what):
        text = path.read_text(encoding="utf-8-sig")
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    if path.suffix.lower() in (".jsonl", ".ndjson") or _are_lines(text, lines):
        return [_parsed(line, path, what, number) for number, line in lines]
    return _parsed(text, path, what)


def _are_lines(text: str, lines: list[tuple[int, str]]) -> bool:
    """Whether a text that is no JSON as a whole begins with a line that is an object by itself."""
    try:
        json.loads(text)
    except json.JSONDecodeError:
        with contextlib.suppress(json.JSONDecodeError):
            return len(lines) > 1 and isinstance(json.loads(lines[0][1]), dict)
    return False


class _TwiceError(ValueError):
    """A key that stands twice in a JSON object."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _TwiceError(next(key for i, key in enumerate(keys) if key in keys[:i]))
    return found


def _parsed(text: str, path: Path, what: str, line: int = 1) -> Any:
    """The value of a text that begins at a line of a file."""
    try:
        return json.loads(text, object_pairs_hook=_once)
    except _TwiceError as error:
        raise UserError(
            f"{what}: {path}: the key {str(error)!r} stands twice in {_place(text, str(error), line)}, and only one of "
            "both would count; take one out"
        ) from None
    except json.JSONDecodeError as error:
        raise UserError(
            f"{what}: {path} is not JSON: {error.msg} (line {line + error.lineno - 1}); put that line right, or "
            "download the file again"
        ) from None


def _place(text: str, key: str, line: int) -> str:
    """Where the object with a key twice is, if it can be told."""
    places = [line + text.count("\n", 0, m.start()) for m in re.finditer(re.escape(json.dumps(key)) + r"\s*:", text)]
    return f"one object (lines {places[0]} and {places[1]})" if len(places) == 2 else "one object"


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
    """A JSON value that should be a text or a number, as text; `ValueError` for null, NaN and whatever else, and for
    characters that no file can hold."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value != value:
        said = textwrap.shorten(json.dumps(value), 80, placeholder=" ...")
        raise ValueError(f"{what} is {said}, expected a text or a number")
    if "\0" in str(value):
        raise ValueError(f"{what} holds a NUL character: {value!r}; take it out")
    if half := _HALF.search(str(value)):
        raise ValueError(f"{what} holds half a character, {half.group()!r}, as where a text was cut off: {value!r:.60}")
    return str(value)


def is_unicode(text: str) -> bool:
    """Whether a text can be written as UTF-8: words of a command line and file names may hold bytes that cannot."""
    return _HALF.search(text) is None


def read_csv(path: Path, required: list[str], *, whole_rows: bool = False) -> "pd.DataFrame":
    """Reads a CSV as text. `UserError` for a file that is missing or is none, for a missing column, for a row with more
    fields than columns, for a column that stands twice, for bytes that are not UTF-8 and for NUL characters; with the
    line, and what to do. What a row lacks at its end is empty, with `whole_rows` an error."""
    import pandas as pd  # what only plans a workflow does without

    try:
        with readable(path, "CSV"):
            _check_fields(path, required, whole_rows)
            return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", index_col=False)
    except (csv.Error, pd.errors.ParserError) as error:
        raise UserError(f"{path} is not a CSV file: {error}; is a quotation mark not closed?") from None


def _check_fields(path: Path, required: list[str], whole_rows: bool) -> None:
    """pandas would move the columns of a row that has more fields than the header, or leave its last ones out."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        header = next(rows, [])
        if "\0" in "".join(header):
            raise UserError(_with_nul(path, 1))
        if missing := [column for column in required if column not in header]:
            raise UserError(
                f"{path} lacks the column {', '.join(missing)}; {_columns_instead(header, required, missing)}"
            )
        if twice := [column for i, column in enumerate(header) if column.strip() and column in header[:i]]:
            places = " and ".join(str(i) for i, column in enumerate(header, start=1) if column == twice[0])
            raise UserError(
                f"{path}: line 1 has the column {twice[0]!r} more than once (columns {places}), and only one would "
                "count; take one out or rename it"
            )
        line = rows.line_num + 1
        for row in rows:
            if len(row) > len(header):
                raise UserError(
                    f"{path}: line {line} has {len(row)} fields and the header {len(header)}; put a text that holds "
                    "commas in quotation marks, or take the extra comma out"
                )
            if whole_rows and 0 < len(row) < len(header):
                raise UserError(
                    f"{path}: line {line} has {len(row)} fields and the header {len(header)}; was the file cut off? "
                    "Write or copy it again"
                )
            if "\0" in "".join(row):
                raise UserError(_with_nul(path, line))
            line = rows.line_num + 1


def _with_nul(path: Path, line: int) -> str:
    """What is to be said of a NUL character, behind which a reader would cut the text off."""
    raw = path.read_bytes()
    if 3 * raw.count(0) > len(raw):
        return (
            f"{path} is UTF-16 text without a mark, not UTF-8; convert it (iconv -f "
            f"{'utf-16be' if raw[:1] == bytes(1) else 'utf-16le'} -t utf-8 {shlex.quote(path.name)}); {_EXCEL}"
        )
    return f"{path}: line {line} holds a NUL character, the end of the text for many programs; take it out"


def _columns_instead(header: list[str], required: list[str], missing: list[str]) -> str:
    """What a CSV has in place of the columns that it lacks, and what to do."""
    if header and header[0].startswith("sep="):
        return f"its first line, {','.join(header)!r}, is for Excel: take it out, and save it with commas"
    for separator, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        fields = [field.strip(' "') for field in separator.join(header).split(separator)]
        if len(fields) > len(header) and (len(header) == 1 or not {*missing}.isdisjoint(fields)):
            return f"its columns are separated by {name}: save it with commas (in Excel: CSV UTF-8, comma delimited)"
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
