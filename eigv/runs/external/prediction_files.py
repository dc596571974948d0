"""Prediction files of any system, read into one form: by key, what was predicted."""

from collections.abc import Container, Iterable
from pathlib import Path
from typing import Any

from base.errors import UserError
from base.ids import composed
from base.reading import as_text, read_csv, read_json_or_lines
from extract.annotations.candidates import whole_number

Entries = dict[str, dict[str, Any]]
"""By key, `prediction` (a whole number of JSON, or a text), and maybe `answer`."""

KEYS = ("qid", "question_id", "id")
"""What the id of a question is called in a row, the first that is there."""
PREDICTIONS = ("prediction", "pred", "predicted", "pred_answer")
"""What a prediction is called; `answer` where none of these is anywhere in the file, see `_of_rows`."""
VIDEOS = ("video_id", "video")


def read_entries(path: Path, known: Container[str]) -> tuple[Entries, list[str]]:
    """The entries of a file by their keys, and notes on how it was read.

    A CSV, a list of objects, an object a line (JSONL), or an object by keys, whose values are predictions or objects
    with one. `known` are the keys of questions: they tell whether a row's id is one by itself or with its video.
    `UserError` names the entry that cannot be understood.
    """
    if path.suffix.lower() in (".csv", ".tsv"):
        table = read_csv(path, [])
        if {*KEYS}.isdisjoint(table.columns) or {*PREDICTIONS, "answer"}.isdisjoint(table.columns):
            read_csv(path, ["qid", "prediction"])  # says what is missing, and what is there instead
        rows: list[Any] = table.to_dict("records")
        if "score_a0" in table.columns:  # a run of ours, which writes indices
            rows = [row | {"prediction": _as_index(row.get("prediction"))} for row in rows]
        return _of_rows(rows, "row", path, known)
    raw = read_json_or_lines(path, "the predictions")
    if isinstance(raw, dict) and len(raw) == 1 and _are_objects(only := next(iter(raw.values()))):
        raw = only
    if isinstance(raw, dict) and _is_row(raw, known):
        raw = [raw]
    if isinstance(raw, dict):
        return _of_keys(raw, path)
    if not _are_objects(raw):
        raise UserError(
            f"the predictions: {path} does not hold an object but a {type(raw).__name__}; expected {{key: prediction, "
            '...}, or objects like {"qid": ..., "prediction": ...} in a list or one a line'
        )
    names = {name for row in raw for name in row}
    if names.isdisjoint((*KEYS, *PREDICTIONS, "answer")) and any(composed(name) in known for name in names):
        return _of_keys(_joined(raw, path), path)
    return _of_rows(raw, "entry", path, known)


def _joined(rows: list[dict[str, Any]], path: Path) -> dict[str, Any]:
    """One object of several {key: prediction}."""
    found: dict[str, Any] = {}
    for number, row in enumerate(rows, start=1):
        if twice := next(filter(found.__contains__, row), None):
            raise UserError(
                f"{path}: the question {twice!r} has more than one prediction, the second in entry {number}"
            )
        found |= row
    return found


def _are_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(entry, dict) for entry in value)


def _is_row(raw: dict[str, Any], known: Container[str]) -> bool:
    """Whether an object is a single row, as a file of one line has it."""
    names = {*KEYS} & raw.keys()
    return (
        bool(names) and not any(composed(key) in known for key in raw) and not {*PREDICTIONS, "answer"}.isdisjoint(raw)
    )


def _as_index(text: Any) -> Any:
    number = whole_number(text)
    return text if number is None else number


def _of_keys(raw: dict[str, Any], path: Path) -> tuple[Entries, list[str]]:
    """{key: prediction}, or {key: {"prediction": ..., "answer": ...}}, where `answer` is the right one."""
    entries: Entries = {}
    used: list[str] = []
    for written, value in raw.items():
        key = composed(written)
        if key in entries:
            raise UserError(f"{path}: the question {key!r} has two predictions, with its accents in either form")
        if not isinstance(value, dict):
            entries[key] = {"prediction": _prediction(value, f"the entry {key!r}", path)}
            continue
        name = _prediction_name(value, PREDICTIONS, f"the entry {key!r}", path)
        used.append(name)
        entries[key] = _entry(value, name, f"the entry {key!r}", path)
    return entries, _notes(used)


def _of_rows(rows: list[dict[str, Any]], kind: str, path: Path, known: Container[str]) -> tuple[Entries, list[str]]:
    """Rows with the id of a question and a prediction each.

    `answer` is the right one beside a prediction. By itself it is the prediction, but not beside a `question`: that is
    an annotation file, all of whose answers would be right.
    """
    names: tuple[str, ...] = PREDICTIONS
    if not any(name in row for row in rows for name in PREDICTIONS) and not any("question" in row for row in rows):
        names = ("answer",)
    entries: Entries = {}
    used: list[str] = []
    for number, row in enumerate(rows, start=1):
        where = f"{kind} {number}"
        key = _key(row, known, where, path)
        if key in entries:
            raise UserError(f"{path}: the question {key!r} has more than one prediction, the second in {where}")
        used.append(_prediction_name(row, names, where, path))
        entries[key] = _entry(row, used[-1], where, path)
    return entries, _notes(used)


def _key(row: dict[str, Any], known: Container[str], where: str, path: Path) -> str:
    name = next((name for name in KEYS if name in row), None)
    if name is None:
        raise UserError(f"{path}: {where} names no question: {_instead(row)}; name the question's id {_or(KEYS)}")

    def text(column: str) -> str:
        try:
            return composed(as_text(row[column], f"`{column}`").strip())
        except ValueError as error:
            raise UserError(f"{path}: {where}: {error}") from None

    qid = text(name)
    video = next((name for name in VIDEOS if name in row), None)
    return f"{text(video)}_{qid}" if video and qid not in known else qid


def _prediction_name(entry: dict[str, Any], names: tuple[str, ...], where: str, path: Path) -> str:
    """The key that a prediction goes by. Several are fine if they agree."""
    there = [name for name in names if name in entry]
    if not there:
        raise UserError(f"{path}: {where} has no prediction: {_instead(entry)}; name the prediction {_or(names)}")
    if other := next((name for name in there[1:] if str(entry[name]) != str(entry[there[0]])), None):
        raise UserError(
            f"{path}: {where} has two predictions, `{there[0]}` ({entry[there[0]]!r}) and `{other}` "
            f"({entry[other]!r}); take one out"
        )
    return there[0]


def _instead(entry: dict[str, Any]) -> str:
    said = f"its keys are {', '.join(map(repr, entry)) or 'none'}"
    return f"{said} (`answer` counts as the right one here)" if "answer" in entry else said


def _or(names: Iterable[str]) -> str:
    return " or ".join(f"`{name}`" for name in names)


def _entry(entry: dict[str, Any], name: str, where: str, path: Path) -> dict[str, Any]:
    found = {"prediction": _prediction(entry[name], where, path)}
    return found | {"answer": entry["answer"]} if "answer" in entry and name != "answer" else found


def _prediction(value: Any, where: str, path: Path) -> int | str:
    try:
        text = as_text(value, "the prediction").strip()
        if isinstance(value, str):
            return text
        if (index := whole_number(text)) is None:
            raise ValueError(f"{text} is not a whole number")
    except ValueError as error:
        raise UserError(f"{path}: {where} has no prediction that can be read: {error}") from None
    return index


def _notes(used: list[str]) -> list[str]:
    others = dict.fromkeys(name for name in used if name != "prediction")
    return [f"predictions are read from the key `{name}`" for name in others]


def by_question(entries: Entries, keys: dict[str, str], path: Path, example: str) -> tuple[Entries, list[str]]:
    """The entry of each question that has a prediction, by our question id; and the keys that are no question.

    `keys` maps what a question can go by to its id. An entry whose prediction is empty is as good as none.
    """
    found: Entries = {}
    for key in filter(keys.__contains__, entries):
        if keys[key] in found:
            raise UserError(f"{path}: the question {keys[key]!r} has more than one prediction, one of them as {key!r}")
        found[keys[key]] = entries[key]
    if not found:
        raise UserError(
            f"{path}: none of its {len(entries)} keys is a question of this split (the first is "
            f"{next(iter(entries), '')!r}, a question's is {example!r}); is it of another split?"
        )
    strange = [key for key in entries if key not in keys]
    return {qid: entry for qid, entry in found.items() if entry["prediction"] != ""}, strange
