"""Which answers an open-ended data set has as classes: those of the train split, by a rule; and what they cover."""

from typing import Any

import pandas as pd

from base.errors import UserError
from base.formats.vocabulary import UNKNOWN, class_numbers
from extract.config import VocabularyRule


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


def coverage(table: pd.DataFrame, classes: list[str]) -> dict[str, Any]:
    """How many questions of a split have an answer outside the vocabulary, and the share that can be answered right."""
    outside = sum(number < 0 for number in class_numbers(table["answer"], classes, training=False))
    return {
        "answers_outside_vocabulary": outside,
        "answer_coverage": round(100.0 * (1 - outside / len(table)), 2),
    }


def describe(rule: VocabularyRule, classes: list[str], train: pd.DataFrame) -> dict[str, Any]:
    """What `vocabulary.json` holds beside the classes and the coverage of each split."""
    return {
        "rule": rule.model_dump(),
        "answers": len([answer for answer in classes if answer != UNKNOWN]),
        "distinct_train_answers": int(train["answer"].nunique()),
    }
