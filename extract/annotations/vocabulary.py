"""Which answers an open-ended data set has as classes: those of the train split, by a rule; and what they cover."""

from collections import defaultdict
from typing import Any

import pandas as pd

from base.answers import COMPARISON, comparable, visible
from base.errors import UserError
from base.formats.vocabulary import UNKNOWN, class_numbers
from extract.config import VocabularyRule


def build(train: pd.DataFrame, rule: VocabularyRule) -> list[str]:
    """The classes: train answers, most frequent first, equally frequent ones by the alphabet; then the unknown.

    Answers that are the same by `base.answers.comparable` are one class, spelt as it is most often. `UserError` where
    no answer is left.
    """
    spelt = train["answer"].map(visible).value_counts(sort=False)
    counts: dict[str, int] = defaultdict(int)
    spellings: dict[str, list[str]] = defaultdict(list)
    for answer, count in spelt.items():
        if answer != UNKNOWN:
            counts[comparable(str(answer))] += int(count)
            spellings[comparable(str(answer))].append(str(answer))
    kept = {
        min(spellings[same], key=lambda answer: (-int(spelt[answer]), answer)): count
        for same, count in counts.items()
        if count >= rule.min_count
    }
    if not kept:
        raise UserError(
            f"no answer of the train split is given {rule.min_count} times, so that the vocabulary has none: lower "
            "`answers.min_count`"
        )
    ranked = sorted(kept, key=lambda answer: (-kept[answer], answer))[: rule.size]
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
        "distinct_train_answers": int(train["answer"].map(comparable).nunique()),
        "comparison": COMPARISON,
    }
