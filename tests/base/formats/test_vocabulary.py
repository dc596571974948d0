"""The answer vocabulary comes out as it went in, also of a folder that was made before it was one file."""

import json

import pytest

from base.errors import UserError
from base.formats.vocabulary import class_numbers, read_classes, read_vocabulary, write_vocabulary


def test_classes_come_back_with_what_is_said_of_them_beside(tmp_path):
    write_vocabulary(tmp_path, ["cat", "dog"], {"rule": {"keep": 2}})
    assert read_vocabulary(tmp_path) == read_classes(tmp_path / "vocabulary.json") == ["cat", "dog"]
    assert json.loads((tmp_path / "vocabulary.json").read_text()) == {"classes": ["cat", "dog"], "rule": {"keep": 2}}


@pytest.mark.parametrize("classes", [["cat", "dog"], []])
def test_a_folder_of_two_files_is_read(tmp_path, classes):
    (tmp_path / "answers.json").write_text(json.dumps(classes))
    if classes:  # multiple choice had no second one
        (tmp_path / "vocabulary.json").write_text(json.dumps({"rule": {}, "answers": 2, "classes": 2, "splits": {}}))
    assert read_vocabulary(tmp_path) == classes
    write_vocabulary(tmp_path, ["cow"])
    assert read_vocabulary(tmp_path) == ["cow"], "what is made anew counts"


def test_a_list_of_answers_by_itself_is_read_and_numbers_are_text(tmp_path):
    (tmp_path / "list.json").write_text('["dog", 2]')
    assert read_classes(tmp_path / "list.json") == ["dog", "2"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"vocabulary\.json does not exist"),
        ('{"a": 1}', "does not hold a list of answers but a dict; expected"),
        ('{"classes": 3}', "does not hold a list of answers but a int"),
        ('{"classes": ["dog", null]}', "entry 2 is null"),
    ],
)
def test_what_is_no_vocabulary_is_refused(tmp_path, content, message):
    if content is not None:
        (tmp_path / "vocabulary.json").write_text(content)
    with pytest.raises(UserError, match=message):
        read_vocabulary(tmp_path)


def test_an_answer_outside_has_no_class():
    assert class_numbers(["dog", "bee"], ["cat", "dog"], training=True) == [1, -1]


def test_classes_of_an_older_vocabulary_that_are_the_same_are_told_apart_or_an_error():
    assert class_numbers(["Cat", "cat", "dog "], ["cat", "Cat", "dog"], training=False) == [1, 0, 2]
    with pytest.raises(UserError, match="the answer 'CAT' fits 2 classes of the vocabulary, 'cat' and 'Cat'"):
        class_numbers(["CAT"], ["cat", "Cat", "dog"], training=False)
