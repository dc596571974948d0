"""Trainings that are killed at random moments and started again end with the same bytes: make kills.

SIGKILL, which nothing can prepare for: once a run by itself, once several runs in one process.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.many_runs import NAMES, SETTINGS, write_data

RUNS = [("hga", "eigv"), ("comem", "erm"), ("mspan", "eigv")]
"""Backbone and method of each run; the first is the one by itself."""


def main() -> None:
    """Kills both kinds of trainings; exits with 1 where a byte differs from those that nobody disturbed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="How often each is killed.")
    parser.add_argument("--epochs", type=int, default=40, help="Epochs of a run.")
    parser.add_argument("--seed", type=int, default=0, help="Of the moments.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_data(folder)
        for label, runs in (("a run by itself", RUNS[:1]), (f"{len(RUNS)} runs in a process", RUNS)):
            kills = disturb(folder / str(len(runs)), folder, runs, options.kills, options.epochs, options.seed)
            print(f"{label}: killed {kills} times, the same bytes as undisturbed", flush=True)


def disturb(folder: Path, data: Path, runs: list[tuple[str, str]], kills: int, epochs: int, seed: int) -> int:
    """Trains `runs` undisturbed, and again with so many kills; how many there were. `SystemExit` where a byte differs.

    A kill comes as long after a start as the whole training took at most, so that it also meets the start and the end.
    A training that ends before its kill is begun anew, all of it, until there have been as many as asked for.
    """
    moments = random.Random(seed)
    begun = time.monotonic()
    subprocess.run(_command(folder / "calm", data, runs, epochs), check=True, stderr=subprocess.DEVNULL)
    longest = time.monotonic() - begun
    done, finished = 0, False
    while done < kills or not finished:
        process = subprocess.Popen(_command(folder / "killed", data, runs, epochs), stderr=subprocess.DEVNULL)
        try:
            process.wait(None if done >= kills else moments.uniform(0.05, 0.5) * longest)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            done, finished = done + 1, False
            continue
        if process.returncode:
            raise SystemExit(f"a training failed with status {process.returncode} after {done} kills")
        _same_bytes(folder, len(runs))
        finished = True
        if done < kills:
            for path in sorted((folder / "killed").rglob("*"), reverse=True):
                path.unlink() if path.is_file() else path.rmdir()
    return done


def _command(folder: Path, data: Path, runs: list[tuple[str, str]], epochs: int) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    training = {"training": SETTINGS["training"] | {"epochs": epochs}}
    entries = [
        {"settings": {"backbone": backbone, "method": method, "seed": 0} | training}
        | {"out": str(folder / str(number)), "state": str(folder / f"state{number}")}
        for number, (backbone, method) in enumerate(runs)
    ]
    words = {"settings": json.dumps(SETTINGS), "device": "cpu", "threads": "1"}
    if len(entries) == 1:
        words |= {"settings": json.dumps(SETTINGS | entries[0]["settings"])}
        words |= {name: str(entries[0][name]) for name in ("out", "state")}
    else:
        (folder / "runs.json").write_text(json.dumps(entries))
        words["runs"] = str(folder / "runs.json")
    words |= {name: str(data / place) for name, place in (("video", "video.h5"), ("questions", "annotations"))}
    words["text"] = str(data / "text")
    return [sys.executable, "-m", "eigv.cli", "train", *(word for key in words for word in (f"--{key}", words[key]))]


def _same_bytes(folder: Path, runs: int) -> None:
    for number in range(runs):
        for name in NAMES:
            calm, killed = (folder / which / str(number) / name for which in ("calm", "killed"))
            if calm.read_bytes() != killed.read_bytes():
                raise SystemExit(f"{name} of run {number} differs from that of a training that nobody disturbed")


if __name__ == "__main__":
    main()
