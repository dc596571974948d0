"""Each process gets a GPU of its own."""

import subprocess
import sys
import time

import pytest

from extract.gpu import claim_first, one_gpu

HOLD = """
import sys, time
from extract.gpu import claim_first
with claim_first(sys.argv[1:]) as number:
    print(number, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def private(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def test_processes_take_different_ones_and_the_last_waits_for_a_free_one(private):
    names = ["first", "second"]
    holders = [
        subprocess.Popen([sys.executable, "-c", HOLD, *names], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    assert sorted(holder.stdout.readline() for holder in holders) == ["0\n", "1\n"]
    third = subprocess.Popen([sys.executable, "-c", HOLD, *names], stdout=subprocess.PIPE, text=True)
    time.sleep(2)
    holders[1].kill()
    holders[1].wait()
    assert third.stdout.readline().strip() in "01"
    for process in (holders[0], third):
        process.kill()
        process.wait()


def test_one_process_takes_the_first(private):
    with claim_first(["a", "b"]) as number:
        assert number == 0


def test_what_is_named_is_taken_as_it_is():
    for name in ("cpu", "cuda:1"):
        with one_gpu(name) as device:
            assert device == name
