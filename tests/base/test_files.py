"""Files appear whole or not at all."""

import subprocess
import sys
import time

import pytest

from base.errors import UserError
from base.files import as_text, atomic_path, check_id, exclusive, read_json


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_what_a_killed_writer_left_is_swept_away(tmp_path):
    code = (
        "import os, signal; from pathlib import Path; from base.files import atomic_path\n"
        f"with atomic_path(Path({str(tmp_path / 'a.txt')!r})) as temporary:\n"
        "    temporary.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    assert len(list(tmp_path.iterdir())) == 1
    with atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("bad", ["../x", "a/b", "", "..", "a\\b"])
def test_an_id_can_not_leave_its_folder(bad):
    with pytest.raises(UserError):
        check_id(bad)


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


def test_a_second_process_waits_for_the_lock(tmp_path):
    code = (
        "import sys; from pathlib import Path; from base.files import exclusive\n"
        f"with exclusive(Path({str(tmp_path / 'lock')!r})): print('in', flush=True)"
    )
    with exclusive(tmp_path / "lock"):
        second = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        time.sleep(1)
        assert second.poll() is None
    assert second.communicate(timeout=30)[0] == "in\n"
