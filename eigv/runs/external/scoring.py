"""Scores a prediction file of any system against the annotations.

A file is JSON, `{key: prediction}` or `{key: {"prediction": ..., "answer": ...}}`, or rows with a key and a prediction:
a CSV, a list of objects, or an object a line. A key is our question id, or `{video}_{question id}` with the video's id
or the data set's own number of it. A prediction is the index, the letter or the text of a candidate, the text of an
answer, or the index of an answer in the system's own vocabulary; indices may be numbers or texts. Texts are compared by
`base.answers.comparable`. A question without a prediction counts as wrong.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from base.answers import COMPARISON, comparable
from base.errors import UserError
from base.formats.questions import CANDIDATES, is_multiple_choice
from base.formats.vocabulary import read_classes
from eigv.runs.accuracies import accuracies
from eigv.runs.external.prediction_files import Entries, by_question, read_entries
from extract.annotations import read, reader_of
from extract.annotations.candidates import INDEX, LETTER, TEXT, Row, candidates_meant
from extract.annotations.candidates import whole_number as _index
from extract.config import Dataset
from extract.videos.kinds import without_suffix


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
        return {
            **accuracies(self.table["type"], correct),
            "by_group": by_group,
            "comparison": COMPARISON,
            "notes": self.notes,
        }

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
    reader = reader_of(dataset)
    keys = _keys(questions, reader.other_ids(dataset))
    entries, notes = read_entries(predictions, keys)
    found, strange = by_question(entries, keys, predictions, questions["qid"].iloc[0])
    if missing := len(questions) - len(found):
        notes.append(f"{missing} of {len(questions)} questions have no prediction and count as wrong")
    if strange:
        notes.append(f"{len(strange)} keys are no question of {split}, the first is {strange[0]!r}")
    if is_multiple_choice(questions):
        answers, remarks = _candidates(found, questions, predictions)
    else:
        answers, remarks = _answers(found, questions, predictions, vocabulary, first_index)
    notes += remarks
    types = questions["type"].map(reader.scored_as)
    table = pd.DataFrame({"qid": questions["qid"], "type": types, "group": types.map(reader.group)})
    table["answer"] = questions["answer"]
    table["prediction"] = [answers.get(qid, "") for qid in questions["qid"]]
    same = table["prediction"].map(comparable) == table["answer"].map(comparable)
    table["correct"] = (same & (table["prediction"] != "")).astype(int)
    return Score(table, notes)


def _keys(questions: pd.DataFrame, other_ids: Callable[[str], list[str]]) -> dict[str, str]:
    """Everything that a question can go by, and its id."""
    own = {qid: qid for qid in questions["qid"]}
    videos = questions["video_id"].unique()
    names = {video_id: [video_id, without_suffix(video_id), *other_ids(video_id)] for video_id in videos}
    pairs = zip(questions["video_id"], questions["qid"], strict=True)
    return {f"{name}_{qid}": qid for video_id, qid in pairs for name in names[video_id]} | own


def _candidates(found: Entries, questions: pd.DataFrame, path: Path) -> tuple[dict[str, str], list[str]]:
    """The index of the predicted candidate, as text, of each question; and notes on candidates that are alike.

    NExT-QA has questions with the same candidate twice. A text is then both of them, and right if one of them is.
    """
    asked = {str(row["qid"]): row for row in questions.to_dict("records")}
    rows = [
        Row(f"the prediction of {qid} is", entry["prediction"], [str(asked[qid][name]) for name in CANDIDATES])
        for qid, entry in found.items()
    ]
    expected = ", expected an index 0 to 4, a letter A to E or the text of one candidate"
    remedy = "give indices as numbers of JSON, which are never taken for texts"
    answers, twice = {}, []
    for qid, row, several in zip(
        found, rows, candidates_meant(rows, path, (INDEX, LETTER, TEXT), expected, remedy), strict=True
    ):
        if len({row.candidates[i].strip() for i in several}) > 1:
            alike = " and ".join(f"a{i} ({row.candidates[i]!r})" for i in several)
            raise UserError(f"{path}: {row.name} {row.said!r}, which is the text of {alike}; give the index")
        twice += [qid] if len(several) > 1 else []
        right = str(asked[qid]["answer"])
        answers[qid] = right if right in {str(i) for i in several} else str(several[0])
    if not twice:
        return answers, []
    return answers, [
        f"{len(twice)} predictions are texts that two candidates of the question share, and right if either is; the "
        f"first is that of {twice[0]}"
    ]


def _answers(
    found: Entries, questions: pd.DataFrame, path: Path, vocabulary: Path | None, first_index: int
) -> tuple[dict[str, str], list[str]]:
    """The predicted answer of each question as text, and a remark on how indices were read.

    An index that means no answer becomes an empty text: an unknown answer is never right.
    """
    texts = {qid: str(entry["prediction"]) for qid, entry in found.items()}
    indices = {qid: index for qid, text in texts.items() if (index := _index(text)) is not None}
    annotated = dict(zip(questions["qid"], questions["answer"], strict=True))
    if vocabulary:
        meaning = dict(enumerate(read_classes(vocabulary), start=first_index))
        remark = f"indices from {first_index} are read by {vocabulary}"
    elif _are_indices(found, {comparable(answer) for answer in annotated.values()}):
        meaning = _recovered(found, annotated, path)
        remark = f"the meaning of {len(meaning)} indices was recovered from the file's own answers"
    else:
        return texts, []
    unknown = [qid for qid, index in indices.items() if index not in meaning]
    if unknown:
        remark += f"; {len(unknown)} predictions mean none of the answers and are wrong"
    return texts | {qid: meaning.get(index, "") for qid, index in indices.items()}, [remark] if indices else []


def _are_indices(found: Entries, annotated: set[str]) -> bool:
    """Whether the numbers among the predictions are indices, not answers (to "how many").

    Numbers of JSON always are. Numbers as text are if most of the different predictions are numbers, and either all
    entries have one as their `answer` too, or most of these numbers are no annotated answer.
    """
    if any(isinstance(entry["prediction"], int) for entry in found.values()):
        return True
    different = {comparable(entry["prediction"]) for entry in found.values()}
    numbers = {text for text in different if _index(text) is not None}
    if 2 * len(numbers) <= len(different):
        return False
    with_answers = all(_index(entry.get("answer")) is not None for entry in found.values())
    return with_answers or 2 * len(numbers & annotated) < len(numbers)


def _recovered(found: Entries, answers: dict[str, str], path: Path) -> dict[int, str]:
    """What each index means: the annotated answer of the questions that the file answers by it.

    One index may stand for several answers: that of the unknown, which means nothing.
    """
    meanings: dict[int, dict[str, str]] = defaultdict(dict)
    for qid, entry in found.items():
        index = _index(entry.get("answer"))
        if index is None:
            raise UserError(
                f"{path}: predictions are indices, and the entry of {qid} has no index as its `answer` to tell what "
                "they mean; give the answers that they count with --answers, and --first-index"
            )
        meanings[index].setdefault(comparable(answers[qid]), answers[qid])
    several = [index for index, texts in meanings.items() if len(texts) > 1]
    if len(several) > 1:
        example = ", ".join(sorted(meanings[several[0]].values())[:3])
        raise UserError(
            f"{path}: its answers do not agree with the annotations: the index {several[0]} stands for {example} and "
            f"{len(several) - 1} more indices for several answers; is it of another split or data set?"
        )
    return {index: next(iter(texts.values())) for index, texts in meanings.items() if index not in several}
