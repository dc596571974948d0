"""The open-ended answer vocabulary: from the train split only, by rule, with what it covers.

`answers.json` is the list of classes. With a class for the unknown, that is the last one, `<unknown>`: train questions
with an answer outside the vocabulary are of it; nothing else ever is.
"""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from base.errors import UserError
from extract.config import VocabularyRule

UNKNOWN = "<unknown>"


def build(train: pd.DataFrame, rule: VocabularyRule) -> list[str]:
    """The classes: train answers, most frequent first, equally frequent ones by the alphabet; then the unknown.

    `UserError` where no answer is left.
    """
    counts = train["answer"].value_counts(sort=False)
    kept = [answer for answer in counts.index if counts[answer] >= rule.min_count and answer != UNKNOWN]
    if not kept:
        raise UserError(
            f"no answer of the train split is given {rule.min_count} times, so that the vocabulary has none: lower "
            "`answers.min_count`"
        )
    ranked = sorted(kept, key=lambda answer: (-int(counts[answer]), answer))[: rule.size]
    return ranked + ([UNKNOWN] if rule.unknown == "class" else [])


def class_numbers(answers: Iterable[str], classes: list[str], *, training: bool) -> list[int]:
    """The class of each answer; -1 for one outside the vocabulary, which nothing predicts.

    In training such an answer is of the unknown class, if there is one. At evaluation it is always -1: wrong.
    """
    number = {answer: i for i, answer in enumerate(classes)}
    unknown = number.pop(UNKNOWN, -1)
    return [number.get(answer, unknown if training else -1) for answer in answers]


def coverage(table: pd.DataFrame, classes: list[str]) -> dict[str, Any]:
    """How many questions of a split have an answer outside the vocabulary, and the share that can be answered right."""
    outside = sum(number < 0 for number in class_numbers(table["answer"], classes, training=False))
    return {
        "answers_outside_vocabulary": outside,
        "answer_coverage": round(100.0 * (1 - outside / len(table)), 2),
    }


def describe(rule: VocabularyRule, classes: list[str], train: pd.DataFrame) -> dict[str, Any]:
    """What `vocabulary.json` holds beside the coverage of each split."""
    return {
        "rule": rule.model_dump(),
        "answers": len([answer for answer in classes if answer != UNKNOWN]),
        "classes": len(classes),
        "distinct_train_answers": int(train["answer"].nunique()),
    }
