"""Twenty small runs in twenty processes and in one, with the same bytes: make bench-many.

Processor times, of everything from the start of Python to its end. The runs are one epoch on made-up data; what they
have in common, on any data, is what a process costs before its first step.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from base.formats.questions import write_annotations, write_summary
from base.formats.token_features import write_token_features
from base.formats.video_features import Origin, Sizes, write_video_features
from base.formats.vocabulary import write_vocabulary
from benchmarks.report import machine, write_section

VIDEOS, K, WIDTH, TOKENS = 120, 16, 256, 64
NAMES = ("model.safetensors", "model.json", "history.csv")
SETTINGS: dict[str, Any] = {
    "features": "app+mot",
    "backbones": {
        "hga": {"hidden": 32, "words": 32, "fusion": {"width": 64, "chunks": 8, "rank": 4}},
        "comem": {"hidden": 32, "words": 32},
        "mspan": {"hidden": 32},
    },
    "training": {"epochs": 1, "batch": 32},
}


def main() -> None:
    """Trains the runs in both ways and writes the section Many small runs of docs/benchmarks.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--dry", action="store_true", help="do not write docs/benchmarks.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        apart, together = compare(Path(name), options.runs)
    text = _section(options.runs, apart, together)
    if options.dry:
        print(text)
    else:
        write_section("Many small runs", text)


def compare(folder: Path, runs: int) -> tuple[float, float]:
    """Processor seconds of so many runs in a process each, and in one; `SystemExit` where a byte differs."""
    write_data(folder)
    entries: list[dict[str, Any]] = [
        {"settings": {"backbone": backbone, "method": method, "seed": number}}
        | {"out": str(folder / f"together/{number}"), "state": str(folder / f"state/{number}")}
        for number, (backbone, method) in enumerate(
            islice(cycle((b, m) for b in ("hga", "comem", "mspan") for m in ("erm", "eigv")), runs)
        )
    ]
    (folder / "runs.json").write_text(json.dumps(entries))
    together = _seconds(folder, SETTINGS, "--runs", str(folder / "runs.json"))
    apart = 0.0
    for number, entry in enumerate(entries):
        out = folder / f"apart/{number}"
        apart += _seconds(folder, SETTINGS | entry["settings"], "--out", str(out), "--state", f"{out}.state")
        for name in NAMES:
            if (out / name).read_bytes() != (folder / f"together/{number}" / name).read_bytes():
                raise SystemExit(f"{name} of run {number} differs between a process of its own and a shared one")
    return apart, together


def write_data(folder: Path) -> None:
    """Made-up features and two questions about each video, without a meaning, in the files that training reads."""
    rng = np.random.default_rng(0)
    ids = [f"v{number}" for number in range(VIDEOS)]
    table = pd.DataFrame({"video_id": ids, "status": "ok", "decoder": "pyav", "fingerprint": ""})
    path, origin = folder / "video.h5", Origin({}, {}, "paper", {}, {}, {})
    with write_video_features(
        path, table.assign(fps=10.0, duration=6.4), Sizes(K, 1, 1, (WIDTH, WIDTH)), "float16", origin
    ) as writer:
        for row in range(VIDEOS):
            for kind in ("appearance", "motion"):
                writer.features(kind, row, rng.standard_normal((K, WIDTH)), path)
    for split, part in {"train": ids[:80], "val": ids[80:100], "test": ids[100:]}.items():
        asked = pd.DataFrame({"video_id": np.repeat(part, 2), "question": "which", "type": "x"})
        asked = asked.assign(qid=[f"{split}{number}" for number in range(len(asked))])
        asked = asked.assign(answer=[f"w{number % 5}" for number in range(len(asked))])
        lengths = rng.integers(2, 12, len(asked))
        tokens = rng.standard_normal((lengths.sum(), TOKENS))
        write_annotations(folder / f"annotations/{split}.csv", asked)
        write_token_features(
            folder / f"text/text_{split}.h5", asked, lengths, TOKENS, iter([tokens]), {"encoder": "made up"}
        )
    write_vocabulary(folder / "annotations", [f"w{number}" for number in range(5)])
    write_summary(folder / "annotations", {split: {"questions_left_out": 0} for split in ("train", "val", "test")})


def _seconds(folder: Path, settings: dict[str, Any], *more: str) -> float:
    """Processor seconds of one command."""
    places = {"video": "video.h5", "questions": "annotations", "text": "text"}
    command = [sys.executable, "-m", "eigv.cli", "train", "--settings", json.dumps(settings), "--device", "cpu"]
    command += [word for name, place in places.items() for word in (f"--{name}", str(folder / place))]
    before = _spent()
    subprocess.run([*command, "--threads", "1", *more], check=True, stderr=subprocess.DEVNULL, env=os.environ)
    return _spent() - before


def _spent() -> float:
    of_children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return of_children.ru_utime + of_children.ru_stime


def _section(runs: int, apart: float, together: float) -> str:
    return f"""\
`make bench-many`, on {machine()}, one thread: {runs} runs of one epoch (160 questions, three
backbones, two methods) by `eigv train`, each in a process of its own and all in one (`--runs`, or `runs_per_job` in the
[workflow](how-to/many-small-runs.md)); processor time.

| | seconds | a run |
|---|---|---|
| {runs} processes | {apart:.1f} | {apart / runs:.2f} |
| one process | {together:.1f} | {together / runs:.2f} |
| ratio | {apart / together:.1f} | |

The weights, descriptions and histories of all {runs} runs are the same in both, byte for byte, or the benchmark fails.
"""


if __name__ == "__main__":
    main()
