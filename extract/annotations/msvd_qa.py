"""MSVD-QA: `{train,val,test}_qa.json` and `youtube_mapping.txt` (clip name, `vid` and number)."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from base.errors import UserError
from base.formats.questions import COLUMNS
from base.reading import as_text, read_json, readable
from extract.annotations.contract import READERS, Count, Reader
from extract.config import Dataset


def files(dataset: Dataset, split: str) -> list[Path]:
    """One JSON a split, and the mapping."""
    return [dataset.annotations / f"{split}_qa.json", dataset.annotations / "youtube_mapping.txt"]


def read(dataset: Dataset, split: str) -> pd.DataFrame:
    """The video id is the clip's name; the type is the question's first word, as MSVD-QA counts its types."""
    json_file, mapping_file = files(dataset, split)
    return read_entries(json_file, read_mapping(mapping_file).__getitem__)


def read_entries(json_file: Path, name_of: Callable[[int], str]) -> pd.DataFrame:
    """Reads a list of {answer, id, question, video_id}; `name_of` gives the id of a video's number."""
    entries = read_json(json_file, "annotations")
    if not isinstance(entries, list):
        raise UserError(
            f"{json_file} does not hold a list of questions but a {type(entries).__name__}; expected "
            '[{"answer": ..., "id": ..., "question": ..., "video_id": ...}, ...]'
        )
    rows: list[dict[str, str]] = []
    for number, entry in enumerate(entries, start=1):
        try:
            qid, question, answer, video = (
                as_text(entry[name], name) for name in ("id", "question", "answer", "video_id")
            )
            rows.append(
                {
                    "qid": qid,
                    "video_id": name_of(int(video)),
                    "question": question,
                    "type": as_text(entry.get("type") or first_word(question), "type"),
                    "answer": answer,
                }
            )
        except (TypeError, KeyError, ValueError, IndexError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise UserError(
                f"{json_file}: question {number} can not be read ({reason}); it needs answer, id, question and the "
                f"number of a known video: {entry!r}"
            ) from None
    return pd.DataFrame(rows, columns=COLUMNS)


def first_word(question: str) -> str:
    """The type of a question where a data set counts types by it: what, who, how, when, where."""
    return (question.split() or [""])[0].lower()


def read_mapping(path: Path) -> dict[int, str]:
    """`youtube_mapping.txt`: from a video's number to its clip's name."""
    if path.parent.is_dir() and not path.exists():
        raise UserError(f"{path} does not exist; it maps clip names to video numbers and comes with MSVD-QA")
    with readable(path, "text"):
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    clip_of = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        parts = line.split()
        if len(parts) != 2 or not parts[1].removeprefix("vid").isdigit():
            raise UserError(f"{path}: line {number} does not read '<clip name> vid<number>': {line!r}")
        clip_of[int(parts[1].removeprefix("vid"))] = parts[0]
    return clip_of


def other_ids(dataset: Dataset) -> Callable[[str], list[str]]:
    """A clip also goes by its number, `7` or `vid7`."""
    numbers = {clip: number for number, clip in read_mapping(files(dataset, "train")[1]).items()}
    return lambda clip: [str(numbers[clip]), f"vid{numbers[clip]}"]


# Published are 1,200, 250 and 520 videos; these are the ones with a question.
READERS["msvd-qa"] = Reader(
    files,
    read,
    source="https://github.com/xudejing/video-question-answering",
    published={"train": Count(30933, 1161), "val": Count(6415, 245), "test": Count(13157, 504)},
    other_ids=other_ids,
)
