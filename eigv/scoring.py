"""Scores a prediction file of any system against the annotations.

A file is JSON, `{key: prediction}` or `{key: {"prediction": ..., "answer": ...}}`, or a CSV with `qid` and
`prediction`. A key is our question id, or `{video}_{question id}`. A prediction is the index of a candidate, the text
of an answer, or the index of an answer in the system's own vocabulary. A question without one counts as wrong.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from eigv.evaluation import accuracies
from extract.annotations import CANDIDATES, READERS, is_multiple_choice, read
from extract.annotations.contract import read_csv
from extract.config import Dataset
from extract.errors import UserError
from extract.files import read_json


@dataclass(frozen=True)
class Score:
    """What a prediction file is worth."""

    table: pd.DataFrame
    """A row a question: qid, type, group, prediction, correct."""
    notes: list[str]
    """What one should know of the file: missing questions, keys that are no question."""

    def metrics(self) -> dict[str, Any]:
        """Accuracy in percent overall, by type and by group, with the number of questions."""
        by_group = accuracies(self.table.assign(type=self.table["group"]))["by_type"]
        return {**accuracies(self.table), "by_group": by_group, "notes": self.notes}

    def text(self) -> str:
        """The accuracies and the notes, as plain text."""
        found = self.metrics()
        rows = [("all", found), *found["by_group"].items()]
        if found["by_group"].keys() != found["by_type"].keys():
            rows += [(f"  {name}", value) for name, value in found["by_type"].items()]
        lines = [f"{name:<14}{value['accuracy']:6.2f} %  of {value['questions']}" for name, value in rows]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


def score(
    predictions: Path, dataset: Dataset, split: str, vocabulary: Path | None = None, first_index: int = 0
) -> Score:
    """Scores a prediction file on one split.

    `vocabulary` is a JSON list of answers for open-ended predictions that are indices, the first of them
    `first_index`. Without it the meaning of the indices is recovered from the file's own `answer` entries. Raises
    `UserError` for a file that can not be understood.
    """
    questions = read(dataset, split)
    given = _by_qid(_entries(predictions), questions, predictions)
    reader = READERS[dataset.format]
    notes = []
    if missing := len(questions) - len(given.found):
        notes.append(f"{missing} of {len(questions)} questions have no prediction and count as wrong")
    if given.strange:
        notes.append(f"{len(given.strange)} keys are no question of {split}, the first is {given.strange[0]!r}")
    if is_multiple_choice(questions):
        answers = _candidates(given.found, questions, predictions)
    else:
        answers, remark = _answers(given.found, questions, predictions, vocabulary, first_index)
        notes += [remark] if remark else []
    types = questions["type"].map(reader.scored_as)
    table = pd.DataFrame({"qid": questions["qid"], "type": types, "group": types.map(reader.group)})
    table["answer"] = questions["answer"]
    table["prediction"] = [answers.get(qid, "") for qid in questions["qid"]]
    table["correct"] = (table["prediction"] == table["answer"]).astype(int)
    return Score(table, notes)


@dataclass(frozen=True)
class _Given:
    found: dict[str, dict[str, Any]]
    """The entry of each question that has one, by our question id."""
    strange: list[str]
    """Keys that are no question of the split."""


def _entries(path: Path) -> dict[str, dict[str, Any]]:
    """The entries of a file by their keys, each with `prediction` and maybe `answer`."""
    if path.suffix.lower() == ".csv":
        table = read_csv(path, ["qid", "prediction"])
        repeated = table["qid"][table["qid"].duplicated()]
        if len(repeated):
            raise UserError(f"{path}: the question {repeated.iloc[0]!r} has more than one prediction")
        return {row["qid"]: {"prediction": row["prediction"]} for row in table.to_dict("records")}
    raw = read_json(path, "the predictions")
    if not isinstance(raw, dict):
        raise UserError(f"{path} does not hold an object but a {type(raw).__name__}; expected {{key: prediction, ...}}")
    entries = {str(key): value if isinstance(value, dict) else {"prediction": value} for key, value in raw.items()}
    for key, value in entries.items():
        if not isinstance(value.get("prediction"), int | str):
            raise UserError(f"{path}: the entry {key!r} has no prediction that is a number or a text: {raw[key]!r}")
    return entries


def _by_qid(entries: dict[str, dict[str, Any]], questions: pd.DataFrame, path: Path) -> _Given:
    own = {qid: qid for qid in questions["qid"]}
    with_video = {f"{v}_{q}": q for v, q in zip(questions["video_id"], questions["qid"], strict=True)}
    known = with_video | own
    found = {known[key]: entry for key, entry in entries.items() if key in known}
    strange = [key for key in entries if key not in known]
    if not found:
        raise UserError(
            f"{path}: none of its {len(entries)} keys is a question of this split (the first is "
            f"{next(iter(entries), '')!r}, a question's is {questions['qid'].iloc[0]!r}); is it of another split?"
        )
    return _Given(found, strange)


def _candidates(found: dict[str, dict[str, Any]], questions: pd.DataFrame, path: Path) -> dict[str, str]:
    """The index of the predicted candidate, as text, of each question."""
    rows = questions.set_index("qid")
    answers = {}
    for qid, entry in found.items():
        text = str(entry["prediction"]).strip()
        if not re.fullmatch(r"[0-4]", text):
            fitting = [i for i, name in enumerate(CANDIDATES) if rows.at[qid, name] == text]
            if len(fitting) != 1:
                raise UserError(
                    f"{path}: the prediction of {qid} is {text!r}, expected an index 0 to 4 or the text "
                    "of one candidate"
                )
            text = str(fitting[0])
        answers[qid] = text
    return answers


def _answers(
    found: dict[str, dict[str, Any]], questions: pd.DataFrame, path: Path, vocabulary: Path | None, first_index: int
) -> tuple[dict[str, str], str]:
    """The predicted answer of each question as text, and a remark on how indices were read.

    An index that means no answer becomes a text that no question has: an unknown answer is never right.
    """
    if not any(isinstance(entry["prediction"], int) for entry in found.values()):
        return {qid: str(entry["prediction"]).strip() for qid, entry in found.items()}, ""
    if vocabulary:
        words = read_json(vocabulary, "the answer vocabulary")
        if not isinstance(words, list):
            raise UserError(f"{vocabulary} does not hold a list of answers")
        meaning = {i: str(word) for i, word in enumerate(words, start=first_index)}
        remark = f"indices from {first_index} are read by {vocabulary}"
    else:
        meaning = _recovered(found, dict(zip(questions["qid"], questions["answer"], strict=True)), path)
        remark = f"the meaning of {len(meaning)} indices was recovered from the file's own answers"
    unknown = [qid for qid, entry in found.items() if entry["prediction"] not in meaning]
    if unknown:
        remark += f"; {len(unknown)} predictions mean none of the answers and are wrong"
    return {qid: meaning.get(entry["prediction"], "\0unknown") for qid, entry in found.items()}, remark


def _recovered(found: dict[str, dict[str, Any]], answers: dict[str, str], path: Path) -> dict[int, str]:
    """What each index means: the annotated answer of the questions that the file answers by it.

    One index may stand for several answers: that of the unknown, which means nothing.
    """
    meanings: dict[int, set[str]] = defaultdict(set)
    for qid, entry in found.items():
        if not isinstance(entry.get("answer"), int):
            raise UserError(
                f"{path}: predictions are indices, and the entry of {qid} has no index as its `answer` to tell what "
                "they mean; give the answers that they count with --answers, and --first-index"
            )
        meanings[entry["answer"]].add(answers[qid])
    several = [index for index, texts in meanings.items() if len(texts) > 1]
    if len(several) > 1:
        example = ", ".join(sorted(meanings[several[0]])[:3])
        raise UserError(
            f"{path}: its answers do not agree with the annotations: the index {several[0]} stands for {example} and "
            f"{len(several) - 1} more indices for several answers; is it of another split or data set?"
        )
    return {index: next(iter(texts)) for index, texts in meanings.items() if index not in several}
