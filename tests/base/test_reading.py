"""What is wrong with a file is said, with where and what to do."""

import pytest

from base.errors import UserError
from base.reading import as_text, read_json


def test_broken_json_says_where(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"a": 1,\n oops}')
    with pytest.raises(UserError, match=r"a\.json is not JSON.*line 2\); put that line right, or download"):
        read_json(path, "annotations")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b'{"a":\n "caf\xe9"}', r"a\.json is not UTF-8 text: line 2 holds the byte 0xe9; convert it \(iconv -f latin1"),
        ('{"a": 1}'.encode("utf-16"), r"a\.json is UTF-16 text, not UTF-8; convert it \(iconv -f utf-16"),
    ],
)
def test_json_of_another_encoding_says_which_and_what_to_do(tmp_path, raw, message):
    (tmp_path / "a.json").write_bytes(raw)
    with pytest.raises(UserError, match=message):
        read_json(tmp_path / "a.json", "annotations")


def test_json_with_a_byte_order_mark_is_read(tmp_path):
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf[1]")
    assert read_json(tmp_path / "a.json", "annotations") == [1]


def test_a_folder_in_place_of_a_file_and_the_other_way_are_messages(tmp_path):
    with pytest.raises(UserError, match="is a folder; the path of a JSON file is needed"):
        read_json(tmp_path, "annotations")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"a\.json does not exist: .*/file is a file; name the folder"):
        read_json(tmp_path / "file/b/a.json", "annotations")


@pytest.mark.parametrize("value", [None, True, [], {}, float("nan")])
def test_only_texts_and_numbers_are_text(value):
    assert [as_text(good, "it") for good in ("a", 1, 1.5)] == ["a", "1", "1.5"]
    with pytest.raises(ValueError, match="expected a text or a number"):
        as_text(value, "it")
