"""The answer vocabulary of a data set: `annotations/vocabulary.json`.

`classes` is the list of answers that an open-ended question can be given, in the order of the classes of every model;
it is empty for multiple choice. With a class for the unknown, that is the last one, `<unknown>`: train questions with
an answer outside the vocabulary are of it; nothing else ever is. Beside it stands how the list was made and what it
covers.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from base.answers import comparable
from base.errors import UserError
from base.reading import as_text, read_json
from base.writing import write_json

UNKNOWN = "<unknown>"
VOCABULARY = "vocabulary.json"
BEFORE = "answers.json"
"""The list of classes in folders made when it was a file by itself; `vocabulary.json` had their number as `classes`."""


def write_vocabulary(folder: Path, classes: list[str], about: dict[str, Any] | None = None) -> None:
    """Writes the classes, and `about`: the rule that they were chosen by and what they cover."""
    write_json(folder / VOCABULARY, {"classes": classes} | (about or {}))


def read_vocabulary(folder: Path) -> list[str]:
    """The classes of the data set whose annotations lie in `folder`; none for multiple choice."""
    path, before = folder / VOCABULARY, folder / BEFORE
    if before.is_file() and not (path.is_file() and isinstance(_classes(path), list)):
        return read_classes(before)
    return read_classes(path)


def fingerprint(classes: list[str]) -> str:
    """The SHA-256 of the classes in their order: what a class number of a model stands for."""
    return hashlib.sha256(json.dumps(classes).encode()).hexdigest()


def read_classes(path: Path) -> list[str]:
    """The classes of a `vocabulary.json`, or of a plain JSON list of answers; `UserError` for anything else."""
    classes = _classes(path)
    if not isinstance(classes, list):
        raise UserError(
            f"{path} does not hold a list of answers but a {type(classes).__name__}; expected [answer, ...], or "
            '{"classes": [answer, ...]} as in vocabulary.json'
        )
    try:
        return [as_text(answer, f"entry {number}") for number, answer in enumerate(classes, start=1)]
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None


def _classes(path: Path) -> Any:
    found = read_json(path, "the answer vocabulary")
    return found.get("classes", found) if isinstance(found, dict) else found


def class_numbers(answers: Iterable[str], classes: list[str], *, training: bool) -> list[int]:
    """The class of each answer; -1 for one outside the vocabulary, which nothing predicts.

    Answers are compared by `base.answers.comparable`. In training an answer outside is of the unknown class, if there
    is one. At evaluation it is always -1: wrong. `UserError` where an answer fits two classes.
    """
    exact = {answer: i for i, answer in enumerate(classes)}
    unknown = exact.pop(UNKNOWN, -1)
    alike: dict[str, list[str]] = {}
    for answer in exact:
        alike.setdefault(comparable(answer), []).append(answer)

    def number(answer: str) -> int:
        if answer in exact:
            return exact[answer]
        found = alike.get(comparable(answer), [])
        if len(found) > 1:
            raise UserError(
                f"the answer {answer!r} fits {len(found)} classes of the vocabulary, {' and '.join(map(repr, found))}: "
                "it was made before answers were compared as they are now; make the annotations again"
            )
        return exact[found[0]] if found else unknown if training else -1

    answers = list(answers)
    numbers = {answer: number(answer) for answer in set(answers) - {UNKNOWN}}
    return [numbers.get(answer, unknown if training else -1) for answer in answers]
