"""Questions that are asked of a run: checked for its form, and as token features.

Sizes: Q questions, A candidates.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from base.answers import visible
from base.errors import UserError
from base.formats.questions import candidate_columns
from base.formats.token_features import LAYOUT, TokenFeatures
from base.reading import is_unicode, read_csv, readable
from eigv.asking.sources import Sources
from eigv.runs.data import Split, Videos

OTHER_FILES = (".json", ".jsonl", ".tsv", ".xls", ".xlsx", ".ods")
"""Endings of files whose lines are no questions."""


class Question(NamedTuple):
    """A question, and its candidates where it is multiple choice."""

    text: str
    candidates: tuple[str, ...] = ()


def check(questions: Sequence[Question], multiple_choice: bool) -> None:
    """`UserError` where a question has not the form that the run answers."""
    if not questions:
        raise UserError("there is no question to answer")
    for question in questions:
        if wrong := [text for text in (question.text, *question.candidates) if not isinstance(text, str)]:
            raise UserError(f"questions and candidates are texts, and {wrong[0]!r} is none")
        if broken := [text for text in (question.text, *question.candidates) if not is_unicode(text)]:
            raise UserError(f"{broken[0]!r} holds bytes that are not UTF-8; write it in UTF-8")
        if not visible(question.text):
            raise UserError("a question is empty; write it in words")
        if multiple_choice and len(question.candidates) < 2:
            raise UserError(
                f"the run answers multiple-choice questions, and {question.text!r} has {len(question.candidates)} "
                "candidates: give two or more (`--candidates`, or the columns a0, a1, ... of a file)"
            )
        if not multiple_choice and question.candidates:
            raise UserError(
                f"the run chooses from its own vocabulary, and {question.text!r} comes with candidates: leave them "
                "out, or ask a run that was trained on multiple choice"
            )
        if not all(map(visible, question.candidates)):
            raise UserError(f"a candidate of {question.text!r} is empty; write it in words")


def read(path: Path, candidates: tuple[str, ...] = ()) -> list[Question]:
    """The questions of a file: a CSV with the column `question` (and a0, a1, ... for candidates), else one a line.

    Questions whose file has no candidates get `candidates`. `UserError` for a file that cannot be read or has none.
    """
    suffix = path.suffix.lower()
    if suffix in OTHER_FILES:
        raise UserError(
            f"the questions {path} are read as CSV (.csv) or as a text, one a line: save them as one of these"
        )
    if suffix == ".csv":
        table = read_csv(path, ["question"])
        columns = candidate_columns(table)
        rows = zip(table["question"], table[columns].to_numpy().tolist(), strict=True)
        questions = [Question(text, tuple(row) or candidates) for text, row in rows]
    else:
        with readable(path, "text or CSV", "the questions"):
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        questions = [Question(line.strip(), candidates) for line in lines if line.strip()]
    if not questions:
        raise UserError(f"the questions {path}: there are none in it; write one a line")
    return questions


class Reader:
    """The text encoder of a run at work."""

    def __init__(self, sources: Sources, device: str) -> None:
        from extract.text.encoder import load_encoder

        self._sources, self._device = sources, device
        self._tokenizer, encoder = load_encoder(str(sources.encoder.resolve()))
        self._encoder: Any = encoder.to(device).eval()

    def split(self, questions: Sequence[Question], videos: Videos) -> Split:
        """Questions about the one video of `videos`, all with as many candidates; no answer is known to be right."""
        from extract.text.sequences import laid_out
        from extract.text.tokens import encode

        table = pd.DataFrame({"qid": [str(n) for n in range(len(questions))]})
        table = table.assign(video_id=videos.store.ids[0], question=[q.text for q in questions], type="", answer="-1")
        for number in range(len(questions[0].candidates)):
            table[f"a{number}"] = [question.candidates[number] for question in questions]
        read = laid_out(table, self._tokenizer, self._sources.text, "the questions")
        values = encode(self._encoder, read, range(len(read.tokens)), self._sources.text, self._device)
        lengths = np.array([len(tokens) for tokens in read.tokens])
        rows = np.arange(len(questions))
        tokens = TokenFeatures(
            path=Path(),
            qids=table["qid"].tolist(),
            video_ids=table["video_id"].tolist(),
            tokens=values,
            offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            sequences=read.sequences,
            attributes={LAYOUT: "apart"} if read.apart else {},
        )
        unknown: NDArray[np.int64] = np.full(len(questions), -1)
        return Split(table, videos, np.zeros_like(rows), tokens, rows, unknown, left_out=0)
