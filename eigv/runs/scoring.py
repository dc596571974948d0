"""Scores a prediction file of any system against the annotations.

A file is JSON, `{key: prediction}` or `{key: {"prediction": ..., "answer": ...}}`, or a CSV with `qid` and
`prediction`. A key is our question id, or `{video}_{question id}` with the video's id or the data set's own number of
it. A prediction is the index of a candidate, the text of an answer, or the index of an answer in the system's own
vocabulary; indices may be numbers or texts. A question without one counts as wrong.
"""

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from base.errors import UserError
from base.formats.questions import CANDIDATES, is_multiple_choice
from base.formats.vocabulary import read_classes
from base.reading import as_text, read_csv, read_object
from eigv.runs.accuracies import accuracies
from extract.annotations import READERS, read
from extract.config import Dataset

Entries = dict[str, dict[str, Any]]
"""By key, `prediction` (a whole number of JSON, or a text), and maybe `answer`."""


@dataclass(frozen=True)
class Score:
    """What a prediction file is worth."""

    table: pd.DataFrame
    """A row a question: qid, type, group, prediction, correct."""
    notes: list[str]
    """What one should know of the file: missing questions, keys that are no question."""

    def metrics(self) -> dict[str, Any]:
        """Accuracy in percent overall, by type and by group, with the number of questions."""
        correct = self.table["correct"]
        by_group = accuracies(self.table["group"], correct)["by_type"]
        return {**accuracies(self.table["type"], correct), "by_group": by_group, "notes": self.notes}

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

    `vocabulary` is a JSON list of answers, or a `vocabulary.json`, for open-ended predictions that are indices, the
    first of them `first_index`. Without it the meaning of the indices is recovered from the file's own `answer`
    entries. Raises `UserError` for a file that cannot be understood.
    """
    questions = read(dataset, split)
    reader = READERS[dataset.format]
    given = _by_qid(_entries(predictions), questions, reader.other_ids(dataset), predictions)
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
    found: Entries
    """The entry of each question that has a prediction, by our question id."""
    strange: list[str]
    """Keys that are no question of the split."""


def _entries(path: Path) -> Entries:
    """The entries of a file by their keys."""
    if path.suffix.lower() == ".csv":
        table = read_csv(path, ["qid", "prediction"])
        repeated = table["qid"][table["qid"].duplicated()]
        if len(repeated):
            raise UserError(f"{path}: the question {repeated.iloc[0]!r} has more than one prediction")
        answers = table["answer"] if "answer" in table.columns else [""] * len(table)
        rows = zip(table["qid"], table["prediction"], answers, strict=True)
        return {qid: {"prediction": prediction.strip(), "answer": answer} for qid, prediction, answer in rows}
    raw = read_object(path, "the predictions", "{key: prediction, ...}")
    entries = {key: value if isinstance(value, dict) else {"prediction": value} for key, value in raw.items()}
    for key, entry in entries.items():
        try:
            entries[key] = entry | {"prediction": _prediction(entry.get("prediction"))}
        except ValueError as error:
            raise UserError(f"{path}: the entry {key!r} has no prediction that can be read: {error}") from None
    return entries


def _prediction(value: Any) -> int | str:
    text = as_text(value, "the prediction").strip()
    if isinstance(value, str):
        return text
    if (index := _index(text)) is None:
        raise ValueError(f"{text} is not a whole number")
    return index


def _by_qid(entries: Entries, questions: pd.DataFrame, other_ids: Callable[[str], list[str]], path: Path) -> _Given:
    """Finds the question of each key. An entry whose prediction is empty is as good as none."""
    own = {qid: qid for qid in questions["qid"]}
    names = {video_id: [video_id, *other_ids(video_id)] for video_id in questions["video_id"].unique()}
    pairs = zip(questions["video_id"], questions["qid"], strict=True)
    known = {f"{name}_{qid}": qid for video_id, qid in pairs for name in names[video_id]} | own
    found: Entries = {}
    for key in filter(known.__contains__, entries):
        if known[key] in found:
            raise UserError(f"{path}: the question {known[key]!r} has more than one prediction, one of them as {key!r}")
        found[known[key]] = entries[key]
    strange = [key for key in entries if key not in known]
    if not found:
        raise UserError(
            f"{path}: none of its {len(entries)} keys is a question of this split (the first is "
            f"{next(iter(entries), '')!r}, a question's is {questions['qid'].iloc[0]!r}); is it of another split?"
        )
    return _Given({qid: entry for qid, entry in found.items() if entry["prediction"] != ""}, strange)


def _candidates(found: Entries, questions: pd.DataFrame, path: Path) -> dict[str, str]:
    """The index of the predicted candidate, as text, of each question."""
    rows = questions.set_index("qid")
    answers = {}
    for qid, entry in found.items():
        text = str(entry["prediction"])
        index = _index(text)
        if index not in range(len(CANDIDATES)):
            fitting = [i for i, name in enumerate(CANDIDATES) if rows.at[qid, name] == text]
            if len(fitting) != 1:
                raise UserError(
                    f"{path}: the prediction of {qid} is {text!r}, expected an index 0 to 4 or the text "
                    "of one candidate"
                )
            (index,) = fitting
        answers[qid] = str(index)
    return answers


def _answers(
    found: Entries, questions: pd.DataFrame, path: Path, vocabulary: Path | None, first_index: int
) -> tuple[dict[str, str], str]:
    """The predicted answer of each question as text, and a remark on how indices were read.

    An index that means no answer becomes a text that no question has: an unknown answer is never right.
    """
    texts = {qid: str(entry["prediction"]) for qid, entry in found.items()}
    indices = {qid: index for qid, text in texts.items() if (index := _index(text)) is not None}
    annotated = dict(zip(questions["qid"], questions["answer"], strict=True))
    if vocabulary:
        meaning = dict(enumerate(read_classes(vocabulary), start=first_index))
        remark = f"indices from {first_index} are read by {vocabulary}"
    elif _are_indices(found, set(annotated.values())):
        meaning = _recovered(found, annotated, path)
        remark = f"the meaning of {len(meaning)} indices was recovered from the file's own answers"
    else:
        return texts, ""
    unknown = [qid for qid, index in indices.items() if index not in meaning]
    if unknown:
        remark += f"; {len(unknown)} predictions mean none of the answers and are wrong"
    remark = remark if indices else ""
    return texts | {qid: meaning.get(index, "\0unknown") for qid, index in indices.items()}, remark


def _index(text: Any) -> int | None:
    """The whole number that a text reads as, also if it went through a column of decimals (4.0); None for others."""
    return int(float(text)) if re.fullmatch(r"-?\d+(\.0*)?", str(text).strip()) else None


def _are_indices(found: Entries, annotated: set[str]) -> bool:
    """Whether the numbers among the predictions are indices, not answers (to "how many").

    Numbers of JSON always are. Numbers as text are if most of the different predictions are numbers, and either all
    entries have one as their `answer` too, or most of these numbers are no annotated answer.
    """
    if any(isinstance(entry["prediction"], int) for entry in found.values()):
        return True
    different = {entry["prediction"] for entry in found.values()}
    numbers = {text for text in different if _index(text) is not None}
    if 2 * len(numbers) <= len(different):
        return False
    with_answers = all(_index(entry.get("answer")) is not None for entry in found.values())
    return with_answers or 2 * len(numbers & annotated) < len(numbers)


def _recovered(found: Entries, answers: dict[str, str], path: Path) -> dict[int, str]:
    """What each index means: the annotated answer of the questions that the file answers by it.

    One index may stand for several answers: that of the unknown, which means nothing.
    """
    meanings: dict[int, set[str]] = defaultdict(set)
    for qid, entry in found.items():
        index = _index(entry.get("answer"))
        if index is None:
            raise UserError(
                f"{path}: predictions are indices, and the entry of {qid} has no index as its `answer` to tell what "
                "they mean; give the answers that they count with --answers, and --first-index"
            )
        meanings[index].add(answers[qid])
    several = [index for index, texts in meanings.items() if len(texts) > 1]
    if len(several) > 1:
        example = ", ".join(sorted(meanings[several[0]])[:3])
        raise UserError(
            f"{path}: its answers do not agree with the annotations: the index {several[0]} stands for {example} and "
            f"{len(several) - 1} more indices for several answers; is it of another split or data set?"
        )
    return {index: next(iter(texts)) for index, texts in meanings.items() if index not in several}
