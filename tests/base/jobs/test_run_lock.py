"""Locks that a killed Snakemake has left go, those of a living one stay."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from base.jobs import run_lock
from tests.places import ROOT

AT_WORK = """
import subprocess, sys, time
from pathlib import Path
from base.jobs import run_lock
file = run_lock.enter(Path(sys.argv[1]), cleared=True)
job = subprocess.Popen(["sleep", "60"])
print(job.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    """Snakemake's folder with a lock of its own in it."""
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks/0.output.lock").write_text("results/a\n")
    return tmp_path


def locked(folder: Path) -> bool:
    return (folder / "locks/0.output.lock").exists()


def test_what_a_dead_one_left_goes_though_a_job_of_it_lives_on(folder):
    process = subprocess.Popen([sys.executable, "-c", AT_WORK, folder], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    job = int(process.stdout.readline())
    try:
        (folder / "locks").mkdir()
        (folder / "locks/0.output.lock").write_text("results/a\n")
        with run_lock.enter(folder, cleared=True):
            assert locked(folder)  # beside one that lives
        process.kill()
        process.wait()
        with run_lock.enter(folder, cleared=True):
            assert not locked(folder)
        os.kill(job, 0)
    finally:
        process.kill()
        os.kill(job, signal.SIGKILL)


def test_it_stays_where_it_is_not_to_be_cleared(folder):
    with run_lock.enter(folder, cleared=False):
        assert locked(folder)


def test_a_file_system_without_locks_leaves_all_to_snakemake(folder, monkeypatch):
    def unsupported(*_):
        raise OSError("no locks available")

    monkeypatch.setattr(run_lock.fcntl, "flock", unsupported)
    assert run_lock.enter(folder, cleared=True) is None and locked(folder)
