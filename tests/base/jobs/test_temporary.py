"""Worker processes start whatever TMPDIR is, or one sentence says what to set; nothing is left behind."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from base.errors import UserError
from base.jobs import temporary
from base.jobs.temporary import ROOM, short_folder
from tests.places import ROOT

WORK = """
import glob, os
from extract.videos.workers import Limits, run_apart
if __name__ == "__main__":
    before = os.environ.get("TMPDIR")
    print([outcome.value for outcome in run_apart(os.path.basename, ["a/b", "c/d"], 2, Limits())])
    from multiprocessing import util
    print(util.get_temp_dir())
    assert os.environ.get("TMPDIR") == before
"""


def work(tmpdir: Path | str) -> tuple[str, Path]:
    """What two workers under a TMPDIR have made, and where their sockets were."""
    environment = os.environ | {"TMPDIR": str(tmpdir), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", WORK], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    made, folder = done.stdout.splitlines()
    return made, Path(folder)


@pytest.mark.parametrize("length", [ROOM, ROOM + 1, 90, 200])
def test_workers_start_however_long_tmpdir_is_and_leave_nothing(length):
    with tempfile.TemporaryDirectory(dir="/tmp") as base:
        long = Path(base) / "x" / ("é" + "y" * (length - len(base) - 5))
        long.mkdir(parents=True)
        assert len(os.fsencode(long)) == length
        made, sockets = work(long)
        assert made == "['b', 'd']" and not sockets.exists()
        assert (sockets.parent == long) == (length <= ROOM)
        assert not list(long.iterdir())


def test_a_tmpdir_that_is_not_there_is_no_hindrance(tmp_path):
    assert work(tmp_path / "no")[0] == "['b', 'd']"


def test_where_no_folder_will_do_a_sentence_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(temporary, "OTHERS", (str(tmp_path / "no"),))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("long" * 30)))
    with pytest.raises(UserError, match=r"longlong.*/no cannot be written to.*set TMPDIR to one that is shorter"):
        short_folder()
