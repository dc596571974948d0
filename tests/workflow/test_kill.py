"""SIGKILL of the README's plain command in a checkout: the same command goes on, to the same bytes."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.places import ROOT
from tests.workflow.tiny import CONFIG, DATA

COMMAND = [sys.executable, "-m", "snakemake", "--cores", "2", "table1", *CONFIG]
NAMES = ("metrics.json", "predictions.csv", "table1.csv", "history.csv", "model.safetensors")
METHODS = ("erm", "eigv")  # of Table 1 in tiny.yaml
CODE = ("Snakefile", "base", "config", "eigv", "extract", "profiles", "tests", "workflow")
pytestmark = pytest.mark.workflow


@pytest.fixture
def checkout(tiny_demo, tmp_path, monkeypatch) -> Path:
    """A folder with this code, the tiny demo's data, and nothing made yet, in which no other test is at work."""
    monkeypatch.delenv("SNAKEMAKE_PROFILE")  # with locks, as a user's
    for name in CODE:
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / DATA.name).symlink_to(DATA)
    return tmp_path


@contextlib.contextmanager
def at_work(checkout: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The command, at work in a group of processes of its own, of which nothing is left afterwards."""
    with (checkout / "said").open("wb") as said:
        process = subprocess.Popen(COMMAND, cwd=checkout, stdout=said, stderr=said, start_new_session=True)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until(happened: Callable[[], bool], process: subprocess.Popen[bytes], checkout: Path) -> None:
    while not happened():
        assert process.poll() is None, (checkout / "said").read_text()[-6000:]
        time.sleep(0.02)


def numbers(results: Path) -> dict[str, bytes]:
    """Everything that must not change, however often a run was killed, of the runs of Table 1."""
    found = {str(path.relative_to(results)): path.read_bytes() for name in NAMES for path in results.rglob(name)}
    # What was trained ahead and not fetched yet lies among the states.
    found = {path: content for path, content in found.items() if not path.startswith("state/")}
    runs = {path: Path(path).parts for path in found if path.startswith("runs/")}
    # Runs of other tables have other methods or features, or settings in their paths.
    others = {path for path, parts in runs.items() if "=" in path or parts[3] not in METHODS or parts[4] != "app+mot"}
    assert {parts[3] for parts in runs.values()} >= set(METHODS)
    return {path: content for path, content in found.items() if path not in others}


def test_a_kill_changes_nothing(checkout, tiny_demo):
    made = checkout / "results/tiny"

    def networks_run() -> bool:
        return any(made.glob("videos/demo/shards/*.frames.h5"))

    def one_output_of_several_is_there() -> bool:
        """Without `rerun-incomplete` Snakemake would stop here."""
        folders = made.glob("datasets/*/text")
        return any((text / "text_train.h5").exists() and not (text / "text_test.h5").exists() for text in folders)

    def a_training_has_begun() -> bool:
        return any(made.glob("state/runs/**/last.pt"))

    for happened in (networks_run, one_output_of_several_is_there):
        with at_work(checkout) as process:
            wait_until(happened, process, checkout)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        assert any((checkout / ".snakemake/locks").iterdir())

    with at_work(checkout) as process:
        wait_until(a_training_has_begun, process, checkout)
        beside = subprocess.run(COMMAND, cwd=checkout, capture_output=True, text=True, check=False)
        assert beside.returncode != 0 and "cannot be locked" in beside.stderr
        process.kill()  # Snakemake alone: its jobs work on
        process.wait()
        again = subprocess.run(COMMAND, cwd=checkout, capture_output=True, text=True, check=False)
        assert again.returncode == 0, again.stdout[-3000:] + again.stderr[-6000:]
    assert numbers(made) == numbers(tiny_demo)
