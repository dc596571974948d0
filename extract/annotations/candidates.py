"""Which candidate a text means: by its index, by its letter, or by the candidate's own text.

Candidates can be numbers or letters themselves. What a column (or a prediction file) holds is then decided once for all
of it, by the rows that can be read in one way only; where none decides, it is an error, never a guess.
"""

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from base.answers import comparable, visible
from base.errors import UserError

INDEX, LETTER, TEXT = "index", "letter", "text"
_LETTER = re.compile(r"\(?([A-Ea-e])(?:[).:]|\)[.:])?")
_LETTER_AND_TEXT = re.compile(r"\(?([A-Ea-e])[).:]+\s*(\S.*)", re.DOTALL)


class Row(NamedTuple):
    """What stands for a candidate in one row."""

    name: str
    """How a message calls it, before the text itself: `row 3: the answer`."""
    said: str | int
    """A number that is none of text is an index and nothing else."""
    candidates: Sequence[str]


def whole_number(text: object) -> int | None:
    """The whole number that a text reads as, also if it went through a column of decimals (4.0); None for others."""
    return int(float(str(text))) if re.fullmatch(r"\s*-?\d+(\.0*)?\s*", str(text), re.ASCII) else None


def fitting(text: str, candidates: Sequence[str]) -> tuple[int, ...]:
    """The candidates that are the same as a text, by `base.answers.comparable`; else those that are the same number.

    A column of numbers that went through decimals has 4.0 for 4.
    """
    wanted, number = comparable(text), whole_number(text)
    same = tuple(i for i, candidate in enumerate(candidates) if comparable(candidate) == wanted)
    if same or number is None:
        return same
    return tuple(i for i, candidate in enumerate(candidates) if whole_number(candidate) == number)


def candidates_meant(
    rows: Sequence[Row], path: Path, forms: Sequence[str], expected: str, remedy: str
) -> list[tuple[int, ...]]:
    """Of each row, the candidate that is meant; more than one where a text fits several.

    `forms` are those that may occur. `UserError` names the first row that fits in none (`expected` goes on after its
    text), and the first that fits in two which nothing in the file decides between (`remedy` says what to do).
    """
    found = [_readings(row, forms) for row in rows]
    deciding: dict[str, int] = {}
    for number, readings in enumerate(found):
        if not readings:
            raise UserError(f"{path}: {rows[number].name} {str(rows[number].said)!r}{expected}")
        if len(readings) == 1:
            deciding.setdefault(next(iter(readings)), number)
    return [
        _decided(row, readings, {form: rows[n] for form, n in deciding.items()}, path, remedy)
        for row, readings in zip(rows, found, strict=True)
    ]


def _readings(row: Row, forms: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """The candidates that are meant, by each form that fits."""
    found: dict[str, tuple[int, ...]] = {}
    number = whole_number(row.said)
    if INDEX in forms and number is not None and 0 <= number < len(row.candidates):
        found[INDEX] = (number,)
    if isinstance(row.said, int):
        return found
    if LETTER in forms and (letter := _letter(row.said, row.candidates)) is not None:
        found[LETTER] = (letter,)
    if TEXT in forms and (same := fitting(row.said, row.candidates)):
        found[TEXT] = same
    return found


def _letter(text: str, candidates: Sequence[str]) -> int | None:
    """The candidate of `B`, `(B)`, `b.`, and of `B. bee` if `bee` is its text."""
    said = unicodedata.normalize("NFKC", visible(text))
    if alone := _LETTER.fullmatch(said):
        return "abcde".index(alone[1].lower())
    if beside := _LETTER_AND_TEXT.fullmatch(said):
        number = "abcde".index(beside[1].lower())
        return number if number in fitting(beside[2], candidates) else None
    return None


def _decided(
    row: Row, readings: dict[str, tuple[int, ...]], deciding: dict[str, Row], path: Path, remedy: str
) -> tuple[int, ...]:
    if len(set(readings.values())) == 1:
        form, meant = next(iter(readings.items()))
        other = deciding.get(TEXT)
        if form == INDEX and len(readings) == 1 and other and not isinstance(row.said, int) and _numbers(row):
            raise UserError(
                f"{path}: {row.name} {row.said!r}: its candidates are numbers and it is none of them, where the file "
                f"also holds texts ({other.name} {other.said!r}); {remedy}"
            )
        return meant
    known = [form for form in readings if form in deciding]
    if len(known) == 1:
        return readings[known[0]]
    ways = " and ".join(
        f"the {form} of {' and '.join(f'a{i} ({row.candidates[i]!r})' for i in meant)}"
        for form, meant in readings.items()
    )
    why = "other rows are read in either way" if known else "no other row decides"
    raise UserError(f"{path}: {row.name} {row.said!r}: it is {ways}, and {why}; {remedy}")


def _numbers(row: Row) -> bool:
    return any(whole_number(candidate) is not None for candidate in row.candidates)
