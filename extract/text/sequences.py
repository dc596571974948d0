"""Questions as token sequences, and the order in which they are batched.

Sizes: Q questions, A sequences a question, L tokens.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from base.errors import UserError
from base.formats.questions import candidate_columns, is_multiple_choice, read_annotations
from extract.config import TextSettings
from extract.text.joining import Joining

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Questions:
    """The questions of a split as token sequences. Sequence j of question i is number i * A + j."""

    table: pd.DataFrame
    tokens: list[list[int]]
    types: list[list[int]]
    """The type of each token: for BERT 1 for the candidate and what follows it, else 0."""
    sequences: int
    """A: 5 for multiple choice, 6 where the question is one by itself, 1 for open-ended."""
    cut: int = 0
    """How many questions were too long and lost an end."""
    padding: int = 0
    """The token that sequences are padded with."""
    apart: bool = False
    """Whether the first sequence of a question is the question alone, and the others its candidates alone."""

    def __len__(self) -> int:
        return len(self.table)

    def take(self, rows: Sequence[int]) -> "Questions":
        """Some of the questions, in the order of `rows`."""
        numbers = [row * self.sequences + j for row in rows for j in range(self.sequences)]
        return Questions(
            self.table.iloc[list(rows)].reset_index(drop=True),
            [self.tokens[n] for n in numbers],
            [self.types[n] for n in numbers],
            self.sequences,
            self.cut,
            self.padding,
            self.apart,
        )

    def length(self, question: int) -> int:
        """Tokens of the longest sequence of a question."""
        a = self.sequences
        return max(len(tokens) for tokens in self.tokens[question * a : (question + 1) * a])


def read_questions(path: Path, tokenizer: Any, text: TextSettings) -> Questions:
    """Reads an annotation file and tokenises it (`tokenised`)."""
    return tokenised(read_annotations(path), tokenizer, text, path)


def tokenised(table: pd.DataFrame, tokenizer: Any, text: TextSettings, path: Path | str) -> Questions:
    """The questions of a table, which messages call `path`, as token sequences; candidates as many as it has.

    Multiple choice: question and candidate, open-ended: the question, joined by the tokenizer's own rule (`Joining`; of
    BERT [CLS] question [SEP] candidate [SEP]). What is longer than `text.length` tokens is cut as `text.truncate` says;
    a warning names the first such row. `UserError` where that is more than the encoder takes, which the tokenizer of
    `load_encoder` knows.
    """
    most = tokenizer.model_max_length
    questions = _question_ids(table, tokenizer, text, path)
    padding = tokenizer.pad_token_id or 0
    joined: list[tuple[list[int], list[int]]] = []
    cut: dict[int, int] = {}
    if not is_multiple_choice(table):
        join = Joining.of(tokenizer, 1)
        for row, question in enumerate(questions):
            joined.append(join(question[: text.length - len(join)]))
            if len(question) > text.length - len(join):
                cut[row] = len(question) + len(join)
        _warn(path, len(table), cut, text, most)
        return Questions(table, [t for t, _ in joined], [t for _, t in joined], 1, len(cut), padding)
    join = Joining.of(tokenizer, 2)
    candidates = [token_ids(tokenizer, table[column].tolist()) for column in candidate_columns(table)]
    for row, question in enumerate(questions):
        for column in candidates:
            joined.append(join(*_fit(question, column[row], text.length - len(join), text)))
            if (whole := len(question) + len(column[row]) + len(join)) > text.length:
                cut[row] = max(whole, cut.get(row, 0))
    _warn(path, len(table), cut, text, most)
    return Questions(table, [t for t, _ in joined], [t for _, t in joined], len(candidates), len(cut), padding)


def laid_out(table: pd.DataFrame, tokenizer: Any, text: TextSettings, path: Path | str) -> Questions:
    """As `tokenised`; or, where `text.layout` is apart, of multiple choice each question and then its candidates.

    Each is then a text by itself, which loses its own end where it is too long; a warning and errors as there.
    """
    if text.layout == "joint" or not is_multiple_choice(table):
        return tokenised(table, tokenizer, text, path)
    questions = _question_ids(table, tokenizer, text, path)
    columns = [questions, *(token_ids(tokenizer, table[name].tolist()) for name in candidate_columns(table))]
    join = Joining.of(tokenizer, 1)
    rows = list(zip(*columns, strict=True))
    joined = [join(ids[: text.length - len(join)]) for row in rows for ids in row]
    longest = [max(map(len, row)) + len(join) for row in rows]
    cut = {row: length for row, length in enumerate(longest) if length > text.length}
    _warn(path, len(table), cut, text, tokenizer.model_max_length)
    tokens, types, padding = [t for t, _ in joined], [t for _, t in joined], tokenizer.pad_token_id or 0
    return Questions(table, tokens, types, len(columns), len(cut), padding, apart=True)


def _question_ids(table: pd.DataFrame, tokenizer: Any, text: TextSettings, path: Path | str) -> list[list[int]]:
    """The token ids of the questions alone; a warning where one has none, `UserError` where texts may be too long."""
    most = tokenizer.model_max_length
    if text.length > most:
        raise UserError(
            f"text.length is {text.length}, and the encoder {text.encoder} takes at most {most} tokens: lower it"
        )
    questions = token_ids(tokenizer, table["question"].tolist())
    if empty := [row for row, ids in enumerate(questions, start=1) if not ids]:
        log.warning("%s: %d questions have no token, the first is row %d", path, len(empty), empty[0])
    return questions


def _fit(question: list[int], candidate: list[int], room: int, text: TextSettings) -> tuple[list[int], list[int]]:
    if text.truncate == "end":
        question = question[:room]
        return question, candidate[: room - len(question)]
    candidate = candidate[:room]
    return question[: room - len(candidate)], candidate


def _warn(path: Path | str, questions: int, cut: dict[int, int], text: TextSettings, most: int) -> None:
    """Warns of questions that are cut: `cut` has their lengths by row, `most` tokens are what the encoder takes."""
    if not cut:
        return
    row = next(iter(cut))
    advice = "raise text.length to keep it" if cut[row] <= most else f"the encoder takes {most} at most, so cut it is"
    log.warning(
        "%s: %d of %d questions are longer than text.length = %d tokens and lose an end; the first is row %d, "
        "with %d tokens: %s",
        path, len(cut), questions, text.length, row + 1, cut[row], advice,
    )  # fmt: skip


def token_ids(tokenizer: Any, texts: list[str]) -> list[list[int]]:
    """The tokens of texts by themselves. What reads like a special token (`[SEP]`, `</s>`) stays text."""
    return tokenizer(texts, add_special_tokens=False, split_special_tokens=True)["input_ids"] if texts else []


def pad(questions: Questions, rows: Sequence[int], device: torch.device | str) -> dict[str, Tensor]:
    """The sequences of some questions as the encoder's input, each (len(rows) * A, L), padded to the longest."""
    a = questions.sequences
    return pad_sequences(questions, [row * a + j for row in rows for j in range(a)], device)


def pad_sequences(
    questions: Questions, numbers: Sequence[int], device: torch.device | str, length: int | None = None
) -> dict[str, Tensor]:
    """Some sequences as the encoder's input, each (len(numbers), L), padded to the longest, or to `length`."""
    longest = length or max(len(questions.tokens[n]) for n in numbers)
    ids = np.full((len(numbers), longest), questions.padding, np.int64)
    mask, types = np.zeros_like(ids), np.zeros_like(ids)
    for i, n in enumerate(numbers):
        length = len(questions.tokens[n])
        ids[i, :length] = questions.tokens[n]
        mask[i, :length] = 1
        types[i, :length] = questions.types[n]
    arrays = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
    return {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}


def by_length(questions: Questions, numbers: Sequence[int], batch: int) -> list[list[int]]:
    """Some sequences in batches of similar length, longest first, so that a lack of memory shows at once."""
    ordered = sorted(numbers, key=lambda n: -len(questions.tokens[n]))
    return [ordered[i : i + batch] for i in range(0, len(ordered), batch)]


def batches(questions: Questions, batch: int, shuffle: torch.Generator) -> list[list[int]]:
    """Batches of questions of similar length, so that little is padded, in random order.

    Questions are shuffled, sorted by length within runs of 32 batches, and the batches are shuffled.
    """
    lengths = np.array([questions.length(i) for i in range(len(questions))])
    order = torch.randperm(len(questions), generator=shuffle).numpy()
    run = 32 * batch
    cut = []
    for start in range(0, len(order), run):
        part = order[start : start + run]
        part = part[np.argsort(lengths[part], kind="stable")]
        cut += [part[i : i + batch].tolist() for i in range(0, len(part), batch)]
    return [cut[i] for i in torch.randperm(len(cut), generator=shuffle).tolist()]
