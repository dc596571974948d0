"""`predictions.csv`: what a run answered to the questions of a split, with probabilities and rationales.

Sizes: Q questions, A candidates or classes, K clips.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from base.errors import UserError
from base.reading import readable
from base.writing import write_csv

TOP = 5
"""How many answers of an open-ended prediction are written with their probability."""
COLUMNS = ("qid", "video_id", "type", "answer", "prediction", "correct")
"""What every file has; then come `score_a0`, `score_a1`, ... for multiple choice, `top` for open-ended questions."""
RATIONALE = ("causal_clips", "causal_spans", "clip_probability")
"""What the file of a method has that grounds its answers."""

Answer = int | str
"""The index of a candidate (multiple choice), or an answer in words (open-ended)."""


class Scored(NamedTuple):
    """An answer with its probability."""

    answer: str
    probability: float


class Rationale(NamedTuple):
    """The clips that one answer rests on."""

    clips: tuple[int, ...]
    """The causal clips, numbered from 0."""
    spans: tuple[tuple[float, float], ...]
    """The seconds that they cover; none where it is not known when clips are."""
    probability: tuple[float, ...]
    """(K,) of each clip, that it is causal."""


@dataclass(frozen=True)
class Predictions:
    """The predictions of one run on one split, question by question."""

    qid: list[str]
    video_id: list[str]
    type: list[str]
    answer: list[Answer]
    """The right ones."""
    prediction: list[Answer]
    correct: NDArray[np.bool_]
    """(Q,)"""
    scores: NDArray[np.float64] | None = None
    """(Q, A) the probability of each candidate; None for open-ended questions."""
    top: list[tuple[Scored, ...]] | None = None
    """The likeliest answers in words, likeliest first; None for multiple choice."""
    rationales: list[Rationale] | None = None
    """None for a method that does not ground its answers."""

    def __len__(self) -> int:
        return len(self.qid)

    @classmethod
    def of(
        cls,
        questions: pd.DataFrame,
        probabilities: NDArray[np.floating],
        right: NDArray[np.integer],
        vocabulary: list[str],
        rationales: list[Rationale] | None = None,
    ) -> Self:
        """What `probabilities` (Q, A) predict for `questions`, which have the columns of the annotations.

        `right` (Q,) is the index of each right candidate or class, -1 for an answer outside the vocabulary.
        `vocabulary` is empty for multiple choice.
        """
        best = probabilities.argmax(axis=1)
        qids, videos, types = (questions[name].tolist() for name in ("qid", "video_id", "type"))
        if not vocabulary:
            answers: list[Answer] = [int(answer) for answer in questions["answer"]]
            scores = probabilities.astype(np.float64)
            return cls(qids, videos, types, answers, best.tolist(), best == right, scores, None, rationales)
        order = np.argsort(-probabilities, axis=1, kind="stable")[:, :TOP]
        top = [
            tuple(Scored(vocabulary[n], float(row[n])) for n in likeliest)
            for row, likeliest in zip(probabilities, order, strict=True)
        ]
        words: list[Answer] = [vocabulary[n] for n in best]
        return cls(qids, videos, types, questions["answer"].tolist(), words, best == right, None, top, rationales)

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """The predictions of several batches of the same run, one after the other."""
        first = parts[0]
        return cls(
            qid=[qid for part in parts for qid in part.qid],
            video_id=[video_id for part in parts for video_id in part.video_id],
            type=[name for part in parts for name in part.type],
            answer=[answer for part in parts for answer in part.answer],
            prediction=[answer for part in parts for answer in part.prediction],
            correct=np.concatenate([part.correct for part in parts]),
            scores=None if first.scores is None else np.concatenate([p.scores for p in parts if p.scores is not None]),
            top=None if first.top is None else [top for part in parts for top in part.top or []],
            rationales=None if first.rationales is None else [r for part in parts for r in part.rationales or []],
        )

    def take(self, rows: NDArray[np.integer]) -> Self:
        """The predictions with these numbers, in their order."""

        def taken(values: list[Any]) -> list[Any]:
            return [values[row] for row in rows]

        return type(self)(
            taken(self.qid),
            taken(self.video_id),
            taken(self.type),
            taken(self.answer),
            taken(self.prediction),
            correct=self.correct[rows],
            scores=None if self.scores is None else self.scores[rows],
            top=None if self.top is None else taken(self.top),
            rationales=None if self.rationales is None else taken(self.rationales),
        )

    def write(self, path: Path) -> None:
        """Writes the file, a row a question; probabilities and seconds are rounded in it."""
        columns: dict[str, Any] = {name: getattr(self, name) for name in COLUMNS}
        columns["correct"] = self.correct.astype(int)
        if self.scores is not None:
            for number, scores in enumerate(self.scores.T):
                columns[f"score_a{number}"] = [f"{score:.4f}" for score in scores]
        if self.top is not None:
            columns["top"] = [_packed(top) for top in self.top]
        if self.rationales is not None:
            texts = [_texts(rationale) for rationale in self.rationales]
            columns |= dict(zip(RATIONALE, zip(*texts, strict=True), strict=True))
        write_csv(path, pd.DataFrame(columns))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads a file that `write` made; probabilities and seconds are as rounded as they stand in it.

        `UserError` for a file that is missing or is not such a one.
        """
        with _written_by_evaluate(path):
            with readable(path, "CSV"):
                table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", index_col=False)
            if missing := [name for name in _expected(table) if name not in table.columns]:
                raise ValueError(f"it lacks the column {', '.join(missing)}")
            return cls._parsed(table)

    @classmethod
    def _parsed(cls, table: pd.DataFrame) -> Self:
        candidates = _scores(table)
        read_answer = int if candidates else str
        grounds = RATIONALE[0] in table.columns
        return cls(
            qid=table["qid"].tolist(),
            video_id=table["video_id"].tolist(),
            type=table["type"].tolist(),
            answer=[read_answer(answer) for answer in table["answer"]],
            prediction=[read_answer(answer) for answer in table["prediction"]],
            correct=_right(table["correct"]).to_numpy(),
            scores=table[candidates].to_numpy(dtype=np.float64) if candidates else None,
            top=None if candidates else [_unpacked(text) for text in table["top"]],
            rationales=[_rationale(*texts) for texts in table[list(RATIONALE)].to_numpy()] if grounds else None,
        )


def read_correct(path: Path) -> pd.DataFrame:
    """Which questions a run answered right: `qid`, `video_id`, `type` and `correct` (bool), a row a question.

    For comparing many runs: only these columns of `predictions.csv` are read. Errors as those of `Predictions.read`.
    """
    columns = ["qid", "video_id", "type", "correct"]
    with _written_by_evaluate(path), readable(path, "CSV"):
        table = pd.read_csv(path, usecols=columns, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    return table[columns].assign(correct=right_by_question(table, path))


def right_by_question(table: pd.DataFrame, path: Path) -> "pd.Series[bool]":
    """Which rows of the file at `path` are right; `UserError` for a `correct` that is neither 0 nor 1, for a question
    that stands twice, and for no row."""
    with _written_by_evaluate(path):
        right = _right(table["correct"])
        if not len(table):
            raise ValueError("it holds no question")
        repeated = table["qid"][table["qid"].duplicated()]
        if len(repeated):
            raise ValueError(f"the question {repeated.iloc[0]!r} is in it twice")
    return right


@contextmanager
def _written_by_evaluate(path: Path) -> Iterator[None]:
    """Says of a file with values that cannot be what it is not."""
    try:
        yield
    except ValueError as error:
        raise UserError(f"{path} is not what `eigv evaluate` writes: {error}; evaluate the run again") from None


def _right(column: "pd.Series[str]") -> "pd.Series[bool]":
    """Which rows say 1; `ValueError` for what is neither 0 nor 1."""
    if strange := {*column.unique()} - {"0", "1"}:
        raise ValueError(f"the column correct holds {min(strange)!r}, and not 0 or 1")
    return column == "1"


def _scores(table: pd.DataFrame) -> list[str]:
    """The columns of the candidates' probabilities; none for open-ended questions."""
    return [name for name in table.columns if name.startswith("score_")]


def _expected(table: pd.DataFrame) -> list[str]:
    """The columns that a file with these columns should have."""
    grounds = not {*RATIONALE}.isdisjoint(table.columns)
    return [*COLUMNS, *([] if _scores(table) else ["top"]), *(RATIONALE if grounds else ())]


def _texts(rationale: Rationale) -> tuple[str, str, str]:
    return (
        " ".join(str(clip) for clip in rationale.clips),
        " ".join(f"{start:.2f}-{end:.2f}" for start, end in rationale.spans),
        " ".join(f"{p:.3f}" for p in rationale.probability),
    )


def _rationale(clips: str, spans: str, probability: str) -> Rationale:
    seconds = [span.split("-") for span in spans.split()]
    return Rationale(
        tuple(int(clip) for clip in clips.split()),
        tuple((float(start), float(end)) for start, end in seconds),
        tuple(float(p) for p in probability.split()),
    )


# The column `top` reads `answer:probability answer:probability ...`, and answers may hold spaces and colons themselves.
# A probability has four decimals and a space or nothing behind it. Where an answer holds what looks like one, a
# backslash stands before that colon, and backslashes that are the answer's own there, or at its end, are doubled.
_PROBABILITY = r":(?:[01]\.\d{4}|nan)"
_WITHIN = re.compile(rf"(\\*)({_PROBABILITY} |\Z)")
_END = re.compile(rf"(\\*)({_PROBABILITY}(?: |\Z))")


def _packed(top: tuple[Scored, ...]) -> str:
    def marked(match: re.Match[str]) -> str:
        return 2 * match[1] + (f"\\{match[2]}" if match[2] else "")

    return " ".join(f"{_WITHIN.sub(marked, answer)}:{probability:.4f}" for answer, probability in top)


def _unpacked(text: str) -> tuple[Scored, ...]:
    found, answer, begin = [], "", 0
    for match in _END.finditer(text):
        answer += text[begin : match.start()] + len(match[1]) // 2 * "\\"
        begin = match.end()
        if len(match[1]) % 2:  # it belongs to the answer
            answer += match[2]
            continue
        found.append(Scored(answer, float(match[2].strip(": "))))
        answer = ""
    if begin != len(text) or answer:
        raise ValueError(f"{text!r} does not read answer:probability")
    return tuple(found)
