"""One process at a time: others wait, a killed one holds up nobody, and what is locked may be removed."""

import errno
import fcntl
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from base.locks import NO_FLOCK, exclusive

HOLD = """
import sys, time; from pathlib import Path; from base.locks import exclusive
with exclusive(Path(sys.argv[1])): print('in', flush=True); time.sleep(float(sys.argv[2]))
"""


def holder(lock: Path, seconds: float = 0) -> subprocess.Popen[str]:
    """A process that takes the lock, says `in`, and keeps it for so long."""
    command = [sys.executable, "-c", HOLD, str(lock), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_second_process_waits_for_the_lock(tmp_path):
    with exclusive(tmp_path / "lock"):
        second = holder(tmp_path / "lock")
        time.sleep(1)
        assert second.poll() is None
    assert second.communicate(timeout=30)[0] == "in\n"


def test_a_killed_process_leaves_no_lock_and_who_waits_says_so(tmp_path, caplog):
    first = holder(tmp_path / "lock", 60)
    assert first.stdout is not None and first.stdout.readline() == "in\n"
    killer = threading.Timer(1, first.send_signal, [signal.SIGKILL])
    killer.start()
    with caplog.at_level(logging.WARNING), exclusive(tmp_path / "lock"):
        assert first.wait() == -signal.SIGKILL
    assert caplog.messages == [f"another process is at work in {tmp_path}: waiting until it ends"]


def test_the_lock_of_a_file_or_folder_that_was_removed_is_taken_anew(tmp_path):
    lock = tmp_path / "state" / "lock"
    with exclusive(lock):
        waiting = [holder(lock, 1), holder(lock, 1)]
        time.sleep(1)
        lock.unlink()
        lock.parent.rmdir()
    started = time.monotonic()
    assert [process.communicate(timeout=30)[0] for process in waiting] == ["in\n", "in\n"]
    assert time.monotonic() - started > 1.5, "both were in at once"


def test_a_second_process_is_kept_out_by_the_new_file(tmp_path):
    lock = tmp_path / "lock"
    with exclusive(lock):
        waiting = holder(lock, 1)
        time.sleep(1)
        lock.unlink()
    assert waiting.stdout is not None and waiting.stdout.readline() == "in\n"
    started = time.monotonic()
    with exclusive(lock):
        assert time.monotonic() - started > 0.5
    waiting.wait()


@pytest.fixture(params=sorted(set(NO_FLOCK)))
def no_flock(request, monkeypatch):
    """A file system whose `flock` fails, for this process and for a holder."""

    def refused(file, kind):
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", refused)
    return f"import fcntl\ndef refused(*_): raise OSError({request.param}, 'refused')\nfcntl.flock = refused\n"


def held_without_flock(before: str, lock: Path, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", before + HOLD, str(lock), str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "in\n"
    return process


def test_without_flock_a_file_is_the_lock_and_is_gone_afterwards(tmp_path, no_flock, caplog):
    with exclusive(tmp_path / "state/lock"):
        assert (tmp_path / "state/lock.held").is_file()
    assert not (tmp_path / "state/lock.held").exists()
    assert f"{tmp_path}/state: no locks here (flock: " in caplog.text
    with exclusive(tmp_path / "state/lock"):
        shutil.rmtree(tmp_path / "state")


def test_without_flock_a_second_process_waits_and_says_for_whom(tmp_path, no_flock, caplog):
    first = held_without_flock(no_flock, tmp_path / "lock", 2)
    with exclusive(tmp_path / "lock"):
        assert first.wait(10) == 0
    assert f"(process {first.pid} on {socket.gethostname()}; if that was killed, remove" in caplog.text


def test_without_flock_a_killed_process_holds_up_nobody(tmp_path, no_flock):
    first = held_without_flock(no_flock, tmp_path / "lock", 60)
    first.kill()
    first.wait()
    assert (tmp_path / "lock.held").is_file()
    with exclusive(tmp_path / "lock"):
        pass


def test_another_error_of_a_lock_is_not_taken_for_that(tmp_path, monkeypatch):
    def broken(file, kind):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "flock", broken)
    with pytest.raises(OSError, match="Input/output"), exclusive(tmp_path / "lock"):
        pass
