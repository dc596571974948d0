"""SIGKILL at random moments of a training, which then goes on: the files are those of one that was never killed.

    python -m tests.kills --kills 20        # or: make kills

A run by itself, several in a process (`--runs`), and a job that trains others ahead of theirs, as the workflow does.
Each is killed so many times, and begun again from nothing where it was done before that.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.eigv import synthetic
from tests.places import ROOT

NAMES = ("model.safetensors", "model.json", "history.csv")
RUNS: dict[str, dict[str, Any]] = {"eigv": {}, "erm": {"method": "erm"}, "app": {"features": "app", "seed": 3}}
"""What differs from `SETTINGS`, run by run."""
SETTINGS: dict[str, Any] = {
    "backbone": "hga",
    "method": "eigv",
    "features": "app+mot",
    "seed": 0,
    "backbones": {"hga": {"hidden": 16, "words": 16, "dropout": 0.3, "fusion": {"width": 32, "chunks": 4, "rank": 2}}},
    "training": {"epochs": 8, "batch": 8},
}


class Case:
    """Commands that make the files of some runs, in a folder, one after the other."""

    def __init__(self, name: str, folder: Path, data: dict[str, Path]) -> None:
        self.name, self.folder, self.data = name, folder / name, data

    def commands(self) -> list[list[str]]:
        entries = [
            {"settings": own, "out": str(self.folder / run), "state": str(self.folder / "state" / run), "name": run}
            for run, own in self.runs.items()
        ]
        if self.name == "several":
            return [self._command({"settings": json.dumps(SETTINGS), "runs": json.dumps(entries)})]
        jobs = []
        for number, entry in enumerate(entries):
            settings = SETTINGS | entry["settings"]
            others = [other | {"settings": SETTINGS | other["settings"]} for other in entries[number + 1 :]]
            own = entry | {"settings": json.dumps(settings), "ahead": json.dumps(others)}
            jobs.append(self._command(own))
        return jobs

    @property
    def runs(self) -> dict[str, dict[str, Any]]:
        return {"eigv": RUNS["eigv"]} if self.name == "alone" else RUNS

    def files(self) -> dict[str, bytes]:
        return {f"{run}/{name}": (self.folder / run / name).read_bytes() for run in self.runs for name in NAMES}

    def left(self) -> list[Path]:
        """What lies beside the files of the runs and the receipts of `--runs`, and should not."""
        kept = {self.folder / name for name in self.files()}
        places = (path for path in self.folder.rglob("*") if path.is_file() and path.name[-10:] != ".done.json")
        return [path for path in places if path not in kept]

    def begin_anew(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _command(self, options: dict[str, str]) -> list[str]:
        places = {name: str(path) for name, path in self.data.items()} | {"device": "cpu", "threads": "1"}
        words = [word for name, value in {**places, **options}.items() for word in (f"--{name}", value)]
        return [sys.executable, "-m", "eigv.cli", "train", *words]


def check(case: Case, kills: int, dice: random.Random) -> list[float]:
    """Kills a case so many times; the moments, in seconds from the start of a process.

    `AssertionError` where a file differs from that of an undisturbed case, or where something is left behind.
    """
    case.begin_anew()
    took = []
    for command in case.commands():
        begun = time.monotonic()
        subprocess.run(command, cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
        took.append(time.monotonic() - begun)
    expected = case.files()
    assert not case.left(), case.left()
    moments: list[float] = []
    while len(moments) < kills:
        case.begin_anew()
        for command, seconds in zip(case.commands(), took, strict=True):
            moments += _until_done(command, seconds, kills - len(moments), dice)
        found = case.files()
        different = [name for name in expected if found[name] != expected[name]]
        assert not different, f"{case.name}: {', '.join(different)} differ after kills at {moments}"
        assert not case.left(), f"{case.name}: {case.left()} is left after kills at {moments}"
    return moments


def _until_done(command: list[str], seconds: float, kills: int, dice: random.Random) -> Iterator[float]:
    """Gives a command until it succeeds, killed at most so many times at moments of the `seconds` that it takes."""
    while True:
        moment = dice.uniform(0, seconds) if kills > 0 else None
        with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, start_new_session=True) as process:
            try:
                said = process.communicate(timeout=moment)[1]
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                assert moment is not None
                kills -= 1
                yield moment
                continue
        assert process.returncode == 0, said.decode()[-3000:]
        return


def main() -> None:
    """Kills every case, and says when."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="of each case")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the moments")
    options = parser.parse_args()
    print(f"moments of --seed {options.seed}")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as folder:
        data = synthetic.write(Path(folder, "data"), multiple_choice=True)
        for name in ("alone", "several", "ahead"):
            moments = check(Case(name, Path(folder), data), options.kills, random.Random(options.seed))
            said = " ".join(f"{moment:.1f}" for moment in moments)
            print(f"{name}: the same bytes after {len(moments)} kills, after {said} s", flush=True)


if __name__ == "__main__":
    main()
