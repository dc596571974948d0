"""Questions as token sequences, and the order in which they are batched.

Sizes: Q questions, A sequences a question, L tokens.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from extract.annotations import CANDIDATES, COLUMNS
from extract.annotations.contract import read_csv


@dataclass(frozen=True)
class Questions:
    """The questions of a split as token sequences. Sequence j of question i is number i * A + j."""

    table: pd.DataFrame
    tokens: list[list[int]]
    second: list[int]
    """Where the candidate begins in each sequence (its length where there is none)."""
    sequences: int
    """A: 5 for multiple choice, 1 for open-ended."""

    def __len__(self) -> int:
        return len(self.table)

    def length(self, question: int) -> int:
        """Tokens of the longest sequence of a question."""
        a = self.sequences
        return max(len(tokens) for tokens in self.tokens[question * a : (question + 1) * a])


def read_questions(path: Path, tokenizer: Any, longest: int) -> Questions:
    """Reads an annotation file and tokenises it.

    Multiple choice: [CLS] question [SEP] candidate [SEP]; open-ended: [CLS] question [SEP]. What is longer than
    `longest` tokens loses the end of its question; the candidate is kept.
    """
    table = read_csv(path, COLUMNS)
    multiple_choice = CANDIDATES[0] in table.columns
    questions = _ids(tokenizer, table["question"].tolist())
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
    tokens, second = [], []
    if not multiple_choice:
        for question in questions:
            tokens.append([cls, *question[: longest - 2], sep])
            second.append(len(tokens[-1]))
        return Questions(table, tokens, second, 1)
    candidates = [_ids(tokenizer, table[column].tolist()) for column in CANDIDATES]
    for row, question in enumerate(questions):
        for column in candidates:
            candidate = column[row][: longest - 3]
            kept = question[: longest - 3 - len(candidate)]
            tokens.append([cls, *kept, sep, *candidate, sep])
            second.append(len(kept) + 2)
    return Questions(table, tokens, second, len(CANDIDATES))


def _ids(tokenizer: Any, texts: list[str]) -> list[list[int]]:
    return tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else []


def pad(questions: Questions, rows: list[int], device: torch.device | str) -> dict[str, Tensor]:
    """The sequences of some questions as the encoder's input, each (len(rows) * A, L), padded to the longest."""
    a = questions.sequences
    numbers = [row * a + j for row in rows for j in range(a)]
    longest = max(len(questions.tokens[n]) for n in numbers)
    ids = np.zeros((len(numbers), longest), np.int64)
    mask, segment = np.zeros_like(ids), np.zeros_like(ids)
    for i, n in enumerate(numbers):
        length = len(questions.tokens[n])
        ids[i, :length] = questions.tokens[n]
        mask[i, :length] = 1
        segment[i, questions.second[n] : length] = 1
    arrays = {"input_ids": ids, "attention_mask": mask, "token_type_ids": segment}
    return {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}


def batches(questions: Questions, batch: int, shuffle: torch.Generator | None = None) -> Iterator[list[int]]:
    """Batches of questions of similar length, so that little is padded.

    With `shuffle` the order is random: questions are shuffled, sorted by length within runs of 32 batches, and the
    batches are shuffled. Without it they come longest first, so that a lack of memory shows at once.
    """
    lengths = np.array([questions.length(i) for i in range(len(questions))])
    if shuffle is None:
        order = np.argsort(-lengths, kind="stable")
        yield from (order[i : i + batch].tolist() for i in range(0, len(order), batch))
        return
    order = torch.randperm(len(questions), generator=shuffle).numpy()
    run = 32 * batch
    cut = []
    for start in range(0, len(order), run):
        part = order[start : start + run]
        part = part[np.argsort(lengths[part], kind="stable")]
        cut += [part[i : i + batch].tolist() for i in range(0, len(part), batch)]
    yield from (cut[i] for i in torch.randperm(len(cut), generator=shuffle).tolist())
