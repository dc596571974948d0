"""A decoder that hangs, crashes or asks for too much memory costs one video."""

import os
import signal
import subprocess
import sys
import time
from multiprocessing.connection import Connection

import pytest

from extract.videos.reader import VideoError
from extract.videos.workers import Limits, run_apart

LIMITS = Limits(seconds=2, gigabytes=1)


def job(what: str) -> str:
    if what == "hang":
        time.sleep(3600)
    elif what == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif what == "exit":
        os._exit(3)
    elif what == "success":
        os._exit(0)
    elif what == "half a message":
        Connection._send = send_half_and_die
    elif what == "memory":
        bytearray(4 * 2**30)
    elif what == "unreadable":
        raise VideoError("no such codec")
    elif what == "mistake":
        raise TypeError("ours")
    return what.upper()


def send_half_and_die(pipe: Connection, message: bytes) -> None:
    """What is left of a worker that the system kills for its memory while it hands over its result."""
    os.write(pipe.fileno(), bytes(message)[: len(message) // 2])
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(
    ("what", "error", "died"),
    [
        ("hang", "the decoder hangs: nothing after 2 seconds", True),
        ("crash", "the decoder crashed (SIGSEGV)", True),
        ("exit", "the decoder ended its process (exit status 3)", True),
        ("success", "the decoder ended its process (exit status 0)", True),
        ("half a message", "the decoder crashed (SIGKILL; the system may have run out of memory)", True),
        ("memory", "the decoder wants more than 1 GiB of memory", False),
        ("unreadable", "no such codec", False),
    ],
)
def test_one_job_is_lost_and_the_others_are_done_in_order(what, error, died):
    jobs = ["a", "b", what, "c", "d", "e"]
    outcomes = list(run_apart(job, jobs, 2, LIMITS))
    assert [outcome.value for outcome in outcomes] == ["A", "B", None, "C", "D", "E"]
    assert (outcomes[2].error, outcomes[2].died) == (error, died)


def test_all_jobs_may_crash():
    outcomes = list(run_apart(job, ["crash"] * 5, 2, LIMITS))
    assert all("SIGSEGV" in outcome.error for outcome in outcomes)


def test_a_mistake_of_ours_is_no_bad_video():
    with pytest.raises(RuntimeError, match="TypeError: ours"):
        list(run_apart(job, ["a", "mistake"], 1, LIMITS))


def test_workers_end_with_their_parent():
    code = (
        "from tests.extract.videos.test_workers import job; from extract.videos.workers import Limits, run_apart\n"
        "if __name__ == '__main__':\n"
        "    list(run_apart(job, ['hang', 'hang'], 2, Limits(seconds=600)))"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    children = wait_for(lambda: descendants(parent.pid), 4)
    parent.kill()
    parent.wait()
    assert wait_for(lambda: [] if any(map(alive, children)) else ["all gone"], 1)


def descendants(pid: int) -> list[int]:
    children = subprocess.run(["ps", "-eo", "pid,ppid"], capture_output=True, text=True, check=True).stdout.split("\n")
    pairs = [tuple(map(int, line.split())) for line in children[1:] if line]
    found = [pid]
    for parent in found:
        found += [child for child, of in pairs if of == parent]
    return found[1:]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(what, count, seconds=20):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if len(found := what()) >= count:
            return found
        time.sleep(0.1)
    raise AssertionError(f"nothing after {seconds} s")
