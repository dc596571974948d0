"""A journal keeps what was noted before a kill, and is no reason for a retry to fail."""

import logging

import pytest

from base.jobs.journal import journal


class Killed(BaseException):
    pass


def killed(path, key=1, entries=3):
    """A journal of a job that was killed after so many entries."""
    with pytest.raises(Killed), journal(path, key) as past:
        for n in range(entries):
            past.note({"n": n})
        raise Killed


def entries(path, key=1):
    """What the next process finds, which finishes the job."""
    with journal(path, key) as past:
        found = [entry["n"] for entry in past.entries]
    assert list(path.parent.iterdir()) == []
    return found


def test_what_was_noted_is_there_after_a_kill(tmp_path):
    killed(tmp_path / "notes")
    assert entries(tmp_path / "notes") == [0, 1, 2]


def test_the_journal_of_another_job_is_begun_anew(tmp_path):
    killed(tmp_path / "notes", key={"weights": "a"})
    assert entries(tmp_path / "notes", key={"weights": "b"}) == []


def test_an_entry_that_was_cut_off_is_left_out(tmp_path):
    killed(tmp_path / "notes")
    with (tmp_path / "notes").open("a") as file:
        file.write('{"n": ')
    assert entries(tmp_path / "notes") == [0, 1, 2]


@pytest.mark.parametrize("damage", [b"\0" * 40 + b"\n", b"\xff\xfe\n"], ids=["zeros", "not text"])
def test_after_a_crash_of_the_machine_only_what_is_damaged_is_made_again(tmp_path, caplog, damage):
    killed(tmp_path / "notes")
    with (tmp_path / "notes").open("ab") as file:
        file.write(damage + b'{"n": 7}\n')
    with caplog.at_level(logging.WARNING):
        assert entries(tmp_path / "notes") == [0, 1, 2]
    assert "notes is damaged after 3 entries" in caplog.text
