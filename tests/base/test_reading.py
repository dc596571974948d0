"""What is wrong with a file is said, with where and what to do."""

import pytest

from base.errors import UserError
from base.reading import as_text, read_csv, read_json, read_json_or_lines


def test_broken_json_says_where(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"a": 1,\n oops}')
    with pytest.raises(UserError, match=r"a\.json is not JSON.*line 2\); put that line right, or download"):
        read_json(path, "annotations")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (
            b'{"a":\n "caf\xe9"}',
            r"is not UTF-8 text: line 2 holds the byte 0xe9; convert it \(iconv -f windows-1252 -t utf-8 a\.json",
        ),
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


def test_half_a_character_is_no_text():
    with pytest.raises(ValueError, match=r"it holds half a character, '\\ud83d'"):
        as_text("a \ud83d", "it")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (
            "question,answer\nwhat\u2019s,x\n".encode("cp1252"),
            r"line 2 holds the byte 0x92; .*iconv -f windows-1252 -t utf-8",
        ),
        (b"question,answer\n\x8d\x92,x\n", r"no windows-1252 either \(0x8d\).*iconv -f ENCODING"),
        ("question\tanswer\nq\tx\n".encode("utf-16"), r"is UTF-16 text.*iconv -f utf-16 -t.*tabs in place of commas"),
        ("question,answer\n".encode("utf-32"), r"is UTF-32 text.*iconv -f utf-32 -t"),
        ("question,answer\n".encode("utf-16-le"), r"UTF-16 text without a mark.*iconv -f utf-16le -t"),
        (b"PK\x03\x04\xff\xff", "an Excel workbook or a zip archive"),
        (b"question;answer\nq;x\n", "separated by semicolons: save it with commas"),
        (b'"question";"answer, or so"\nq;x\n', "separated by semicolons"),
        (b"question\tanswer\nq\tx\n", "separated by tabs: save it with commas"),
        (b"sep=;\nquestion;answer\nq;x\n", "its first line, 'sep=;', is for Excel"),
        (b"question,answer,question\nq,x,r\n", r"line 1 has the column 'question' more than once \(columns 1 and 3\)"),
        (b'question,answer\n"two\nlines",x\nq\0r,y\n', "line 4 holds a NUL character"),
        (b"question,answer,n\0te\nq,x,\n", "line 1 holds a NUL character"),
    ],
)
def test_a_csv_as_excel_or_damage_leaves_it_is_said(tmp_path, raw, message):
    (tmp_path / "q.csv").write_bytes(raw)
    with pytest.raises(UserError, match=rf"(?s)q\.csv.*{message}"):
        read_csv(tmp_path / "q.csv", ["question", "answer"])


def test_columns_without_a_name_may_repeat(tmp_path):
    (tmp_path / "q.csv").write_text("question,answer,,\nq,x,,\n")
    assert read_csv(tmp_path / "q.csv", ["answer"])["answer"].tolist() == ["x"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1,\n "b": 2,\n "a": 3}', r"the key 'a' stands twice in one object \(lines 1 and 3\)"),
        ('[{"a": {"b": 1, "b": 1}}]', "the key 'b' stands twice"),
        ('{"a": 1}\n\n{"a": 1, "a": 2}', r"the key 'a' stands twice in one object \(lines 3 and 3\)"),
        ('{"a": 1}\n{"a": oops}', r"is not JSON.*\(line 2\)"),
    ],
)
def test_broken_lines_of_json_and_keys_that_stand_twice_are_named(tmp_path, text, message):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UserError, match=message):
        read_json_or_lines(tmp_path / "a.json", "it")


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_json_of_a_value_a_line_is_a_list(tmp_path, name):
    (tmp_path / name).write_text('\ufeff{"a": 1}\r\n\r\n{"a": 2}\r\n', encoding="utf-8")
    assert read_json_or_lines(tmp_path / name, "it") == [{"a": 1}, {"a": 2}]
