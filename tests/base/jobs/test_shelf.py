"""The shelf of a job: who is at it keeps its lock while files are removed from it and put on it."""

import errno
import fcntl
import os

import pytest

from base.jobs.shelf import Shelf
from base.locks import exclusive, exclusive_if_free


def refused(file, kind):
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


@pytest.mark.parametrize("without_flock", [False, True])
def test_an_emptied_shelf_stays_locked_and_the_lock_is_none_of_its_files(tmp_path, monkeypatch, without_flock):
    if without_flock:
        monkeypatch.setattr(fcntl, "flock", refused)
    shelf = Shelf(tmp_path / "state", ["made from"])
    with exclusive(shelf.lock):
        (shelf.folder / "left.csv").write_text("by a killed job")
        shelf.empty()
        with exclusive_if_free(shelf.lock) as second:
            assert not second
        (shelf.folder / "made.csv").write_text("1")
        shelf.fill()
    assert shelf.is_full()
    shelf.fetch(tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["made.csv"]
