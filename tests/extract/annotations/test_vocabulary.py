"""The answer vocabulary is made from train only, by rule, and what it covers is counted."""

import pandas as pd
import pytest

from base.formats.vocabulary import UNKNOWN, class_numbers
from extract.annotations import read
from extract.annotations.vocabulary import build, coverage, describe
from extract.config import Dataset, VocabularyRule

TRAIN = pd.DataFrame({"answer": ["cat"] * 3 + ["dog"] * 3 + ["ant"] * 2 + ["bee"]})


@pytest.mark.parametrize(
    ("rule", "classes"),
    [
        (VocabularyRule(), ["cat", "dog", "ant", "bee"]),
        (VocabularyRule(keep=2), ["cat", "dog"]),
        (VocabularyRule(min_count=2), ["cat", "dog", "ant"]),
        (VocabularyRule(keep=3, min_count=3, unknown="class"), ["cat", "dog", UNKNOWN]),
    ],
)
def test_rules(rule, classes):
    assert build(TRAIN, rule) == classes


def test_the_unknown_class_is_trained_and_never_right():
    classes = build(TRAIN, VocabularyRule(keep=2, unknown="class"))
    assert class_numbers(["dog", "bee"], classes, training=True) == [1, 2]
    assert class_numbers(["dog", "bee", UNKNOWN], classes, training=False) == [1, -1, -1]


def test_answers_that_are_the_same_are_one_class_spelt_as_it_is_most_often():
    train = pd.DataFrame(
        {"answer": ["Cat", "cat", "cat.", "cat", "dog", "dog", " dog ", "ant", "caf\u00e9", "cafe\u0301"]}
    )
    classes = build(train, VocabularyRule())
    assert classes == ["cat", "dog", "caf\u00e9", "ant"] or classes == ["cat", "dog", "cafe\u0301", "ant"]
    assert class_numbers(["CAT", "dog!", "Caf\u00e9", "a cat"], classes, training=False) == [0, 1, 2, -1]
    assert coverage(train, classes)["answer_coverage"] == 100.0
    about = describe(VocabularyRule(), classes, train)
    assert about["distinct_train_answers"] == 4 and about["comparison"] == "comparable-1"
    assert build(train, VocabularyRule(min_count=2)) == classes[:3]


def test_coverage_counts_questions():
    assert coverage(TRAIN, ["cat", "dog", UNKNOWN]) == {"answers_outside_vocabulary": 3, "answer_coverage": 66.67}


@pytest.mark.parametrize("short", ["all", "msvd-1852", 1852])
def test_short_forms_and_the_published_size_of_msvd(shared, short):
    dataset = Dataset(format="msvd-qa", annotations=shared / "data/msvd-qa", videos="v", answers=short)
    train = read(dataset, "train")
    classes = build(train, dataset.answers)
    assert len(classes) == 1852 and classes[0] == "man"
    assert coverage(train, classes)["answer_coverage"] == 100.0
    assert coverage(read(dataset, "test"), classes) == {"answers_outside_vocabulary": 779, "answer_coverage": 94.08}


def test_the_published_sizes_of_msrvtt():
    sizes = [
        Dataset(format="msrvtt-qa", annotations=".", videos="v", answers=f"msrvtt-{n}").answers.size
        for n in (4000, 5000)
    ]
    assert sizes == [4000, 5000]
    with pytest.raises(ValueError):
        Dataset(format="msrvtt-qa", annotations=".", videos="v", answers="msrvtt-6000")
