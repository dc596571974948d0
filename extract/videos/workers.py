"""Work on files that cannot be trusted, each in a process that may hang, crash or ask for too much memory.

A worker does many jobs, one at a time, and is replaced when it dies or exceeds a limit; only the job that it was at is
lost. Each has a pipe of its own, so that one that dies in the middle of a message harms no other. Libraries have one
pipe for all: concurrent.futures breaks with the first worker that dies, pebble (5.2) with one that is killed while it
hands over its result, and there a worker that ends with status 0 is waited for until its time is over.
"""

import multiprocessing
import os
import resource
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple

from base.jobs.temporary import short_names
from extract.config import VideoCollection
from extract.videos.reader import VideoError

AHEAD = 2
"""Jobs for each worker that may be done before their turn to be yielded; bounds the results that wait in memory."""


class Outcome(NamedTuple):
    """What became of one job."""

    value: Any
    """What the function returned; None where it was lost."""
    error: str = ""
    """The decoder's reason, or what became of the process; empty for a job that was done."""
    died: bool = False
    """Whether it took its process with it: a crash, a hang, or too much memory."""


@dataclass(frozen=True)
class Limits:
    """What one job may take."""

    seconds: float = 600.0
    gigabytes: float = 8.0
    """GiB of address space beyond what an idle worker has."""

    @classmethod
    def of(cls, collection: VideoCollection) -> "Limits":
        """The limits of a collection."""
        return cls(collection.time_limit, collection.memory_limit)


def run_apart(function: Callable[[Any], Any], jobs: Sequence[Any], processes: int, limits: Limits) -> Iterator[Outcome]:
    """Runs `function` on each job in worker processes; yields the outcomes in the order of the jobs.

    `VideoError` and `MemoryError` in a job, a worker's death and a time limit are its outcome; any other error is a
    mistake of ours and is raised here, with the worker's traceback. `function` is a module's own.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, function.__module__])
    _start_server()
    workers = [_Worker(context, function, limits) for _ in range(max(1, min(processes, len(jobs))))]
    done: dict[int, Outcome] = {}
    started = yielded = 0
    try:
        while yielded < len(jobs):
            for worker in workers:
                if worker.job is None and started < min(len(jobs), yielded + (1 + AHEAD) * len(workers)):
                    worker.start(started, jobs[started])
                    started += 1
            for worker in _ready(workers):
                number = worker.job
                assert number is not None
                done[number] = worker.outcome()
            while yielded in done:
                yield done.pop(yielded)
                yielded += 1
    finally:
        for worker in workers:
            worker.stop()


def _start_server() -> None:
    """Starts the process that workers are forked from. Each of them is to calculate in one thread."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    before = {name: os.environ.get(name) for name in threads}
    os.environ.update(threads)
    try:
        with short_names():
            forkserver.ensure_running()
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def _ready(workers: list["_Worker"]) -> list["_Worker"]:
    """Waits until at least one worker has something to say, has died, or has used up its time."""
    busy = {worker.pipe: worker for worker in workers if worker.job is not None}
    until = min(worker.deadline for worker in busy.values())
    heard = [busy[pipe] for pipe in wait(list(busy), max(0.0, until - time.monotonic()))]  # type: ignore[index]
    return heard or [worker for worker in busy.values() if worker.deadline <= time.monotonic()]


class _Worker:
    """The parent's side of one worker; its process is started when there is a job for it."""

    def __init__(self, context: Any, function: Callable[[Any], Any], limits: Limits) -> None:
        self._context = context
        self._function = function
        self._limits = limits
        self._process: Any = None
        self.pipe: Connection
        self.job: int | None = None
        self.deadline = float("inf")

    def start(self, number: int, job: Any) -> None:
        if self._process is not None and not self._process.is_alive():
            self.stop()  # it died between two jobs
        if self._process is None:
            self.pipe, theirs = self._context.Pipe()
            arguments = (theirs, self._function, self._limits.gigabytes)
            self._process = self._context.Process(target=_work, args=arguments, daemon=True)
            self._process.start()
            theirs.close()
        self.job = number
        self.deadline = time.monotonic() + self._limits.seconds
        self.pipe.send(job)

    def outcome(self) -> Outcome:
        """The outcome of the present job: what the worker sent, or why it did not."""
        self.job = None
        if not self.pipe.poll():
            self.stop()
            return Outcome(None, f"the decoder hangs: nothing after {self._limits.seconds:g} seconds", died=True)
        try:
            kind, value = self.pipe.recv()
        except (EOFError, OSError):  # the latter where it died in the middle of its message
            return Outcome(None, self._cause_of_death(), died=True)
        if kind == "mistake":
            raise RuntimeError(f"a worker process failed:\n{value}")
        return Outcome(value) if kind == "value" else Outcome(None, value)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self.pipe.close()
            self._process = None

    def _cause_of_death(self) -> str:
        self._process.join(10)
        code = self._process.exitcode
        self.stop()
        if code is None or code >= 0:
            return f"the decoder ended its process (exit status {code})"
        hint = {signal.SIGKILL: "; the system may have run out of memory"}.get(signal.Signals(-code), "")
        return f"the decoder crashed ({signal.Signals(-code).name}{hint})"


def _work(pipe: Connection, function: Callable[[Any], Any], gigabytes: float) -> None:
    """The worker's side: does jobs until its parent has no more of them, or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops its workers
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    limit = _address_space() + int(gigabytes * 2**30)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        try:
            answer = ("value", function(job))
        except VideoError as error:
            answer = ("error", str(error))
        except MemoryError:
            answer = ("error", f"the decoder wants more than {gigabytes:g} GiB of memory")
        except Exception:
            answer = ("mistake", traceback.format_exc())
        pipe.send(answer)


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


def _address_space() -> int:
    """Bytes of address space that this process has."""
    with open("/proc/self/statm") as file:  # noqa: PTH123  (not a path of ours)
        return int(file.read().split()[0]) * resource.getpagesize()
