"""Each process gets a GPU of its own, or shares one where that is asked for."""

import errno
import fcntl
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack

import pytest

from base.errors import UserError
from base.jobs.gpu import claim, one_gpu, visible_gpus

HOLD = """
import sys, time
from base.jobs.gpu import claim
with claim(sys.argv[2:], int(sys.argv[1])) as number:
    print(number, flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def private(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)


@pytest.fixture
def hold():
    """Starts a process that holds one of the named GPUs."""
    with ExitStack() as started:

        def start(*names: str, jobs_per_gpu: int = 1) -> subprocess.Popen:
            command = [sys.executable, "-c", HOLD, str(jobs_per_gpu), *names]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            started.callback(process.wait)
            started.callback(process.kill)
            return process

        yield start


def test_processes_take_different_ones_and_the_last_waits_for_one_of_a_crashed_process(hold):
    holders = [hold("first", "second") for _ in range(2)]
    assert sorted(holder.stdout.readline() for holder in holders) == ["0\n", "1\n"]
    third = hold("first", "second")
    time.sleep(2)
    holders[1].kill()
    holders[1].wait()
    assert third.stdout.readline().strip() in "01"


def test_jobs_that_share_spread_out_and_fill_up(hold):
    holders = [hold("a", "b", jobs_per_gpu=2) for _ in range(4)]
    assert sorted(holder.stdout.readline().strip() for holder in holders) == ["0", "0", "1", "1"]


def test_a_job_of_its_own_waits_for_those_that_share(hold):
    sharing = hold("a", jobs_per_gpu=4)
    assert sharing.stdout.readline() == "0\n"
    alone = hold("a")
    time.sleep(2)
    assert alone.poll() is None
    sharing.kill()
    assert alone.stdout.readline() == "0\n"


def test_jobs_of_a_scheduler_count_their_own_gpus(hold, monkeypatch):
    """Two jobs on one machine may both see their GPU as number 0."""
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    assert hold("0").stdout.readline() == "0\n"
    monkeypatch.setenv("SLURM_JOB_ID", "2")
    with claim(["0"]) as number:
        assert number == 0


def test_only_visible_gpus_are_handed_out(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, 5")
    assert visible_gpus() == ["3", "5"]
    with one_gpu("cuda") as first, one_gpu("cuda") as second:
        assert (first, second) == ("cuda:0", "cuda:1")  # as torch counts the visible ones


@pytest.mark.parametrize("jobs_per_gpu", [1, 2])
def test_a_part_of_a_gpu_has_slashes_in_its_name(monkeypatch, jobs_per_gpu):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-GPU-8/1/0,MIG-GPU-8/2/0")
    with one_gpu("cuda", jobs_per_gpu) as first, one_gpu("cuda", jobs_per_gpu) as second:
        assert (first, second) == ("cuda:0", "cuda:1")


def test_a_user_without_a_name_gets_a_gpu(monkeypatch):
    """In a container the number of a user often stands in no /etc/passwd."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 4_000_123)
    with claim(["0"]) as number:
        assert number == 0


def test_no_gpu_is_an_error_and_no_wait(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(UserError, match="no GPU can be seen"), one_gpu("cuda"):
        pass


def test_what_is_named_is_taken_as_it_is():
    for name in ("cpu", "cuda:1"):
        with one_gpu(name) as device:
            assert device == name


def test_without_locks_a_sentence_says_where_tmpdir_may_lie(monkeypatch, tmp_path):
    def refused(file, kind):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(fcntl, "flock", refused)
    said = pytest.raises(UserError, match=r"no locks \(flock: No locks available\).*set TMPDIR to a folder on the")
    with said, claim(["0"]):
        pass
