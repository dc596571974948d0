"""Answers are the same where nothing that counts differs."""

import pytest

from base.answers import comparable, visible
from extract.annotations import read
from extract.config import Dataset


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a dog", " A  dog. "),
        ("caf\u00e9", "cafe\u0301"),
        ("sings", "sing\u200bs\u00a0"),
        ("\ufeffdog", "dog!"),
        ("Stra\u00dfe", "STRASSE"),
        ("\uff13", "3"),
        ("co\u00adoperate", "cooperate"),
        ("\u0645\u06cc\u200c\u0631\u0648\u0645", "\u0645\u06cc\u0631\u0648\u0645"),
        ("\u2764\ufe0f", "\u2764"),
        ("yes...", "Yes\u2026"),
    ],
)
def test_what_does_not_count(one, other):
    assert comparable(one) == comparable(other) == comparable(comparable(one))


@pytest.mark.parametrize(
    ("one", "other"),
    [("c", "c++"), ("3", "-3"), ("3", "3%"), ("1.5", "15"), ("?", "!"), ("a dog", "adog"), ("4", "4.0")],
)
def test_what_counts(one, other):
    assert comparable(one) != comparable(other)


def test_what_nobody_sees_is_empty():
    blank = ("", " ", "\u200b", "\u00a0\t", "\ufeff\u2060", "\u200d", "\x92\x00", "\u3164", "\u2800\u200e")
    assert [visible(text) for text in blank] == [""] * len(blank)
    assert visible("\u0645\u06cc\u200c\u0631\u0648\u0645") == "\u0645\u06cc\u200c\u0631\u0648\u0645"


@pytest.mark.parametrize(
    ("name", "split"), [("msvd-qa", "train"), ("msvd-qa", "test"), ("msrvtt-qa", "val"), ("msrvtt-qa", "test")]
)
def test_classes_of_the_official_data_sets_stay_as_they_are(shared, name, split):
    answers = read(Dataset(format=name, annotations=shared / "data" / name, videos="v"), split)["answer"].unique()
    assert [comparable(answer) for answer in answers] == list(answers)
