"""Files appear whole or not at all."""

import subprocess
import sys
import time

import pytest

from extract.errors import UserError
from extract.files import atomic_path, check_id, exclusive, read_json


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
        "import os, signal; from pathlib import Path; from extract.files import atomic_path\n"
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
    with pytest.raises(UserError, match=r"a\.json is not JSON.*line 2"):
        read_json(path, "annotations")


def test_a_second_process_waits_for_the_lock(tmp_path):
    code = (
        "import sys; from pathlib import Path; from extract.files import exclusive\n"
        f"with exclusive(Path({str(tmp_path / 'lock')!r})): print('in', flush=True)"
    )
    with exclusive(tmp_path / "lock"):
        second = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        time.sleep(1)
        assert second.poll() is None
    assert second.communicate(timeout=30)[0] == "in\n"
