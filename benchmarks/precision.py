"""Whether a run in bf16 answers as well as one in float32: make bench-precision.

Small models, trained and evaluated in both, with several seeds: on made-up features that name the answer, and on real
questions where the features of `config/precision.yaml` have been made. What has been run is kept in `KEPT` and not run
again, so that the command goes on after a kill; remove that folder to measure anew.
"""

import argparse
import hashlib
import itertools
import json
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import pandas as pd
import torch

from base.formats.run_folder import RunFolder
from base.provenance import commit
from base.reading import read_json
from base.writing import write_json
from benchmarks.report import machine, write_section
from eigv.config.experiment import load
from eigv.config.run import RunSettings
from eigv.plan.paths import Paths
from eigv.runs.evaluation import evaluate
from eigv.runs.training import train
from tests.eigv import synthetic

CONFIG = Path("config/precision.yaml")
BACKBONES, METHODS, NUMBERS = ("hga", "comem", "mspan"), ("erm", "eigv"), ("float32", "bf16")
MADE_UP = "made up"
REAL = {"NExT-QA": "nextqa", "MSVD-QA": "msvd"}
HOW = {
    MADE_UP: {"epochs": 14, "batch": 16, "learning_rate": 3e-3},
    "real": {"epochs": 2, "batch": 64, "learning_rate": 1e-3, "questions": 2000},
}
DEARER = "comem"
"""The backbone that is left out on real questions: a run of it takes as long as those of the others together."""
KEPT = Path("results/precision/cells")
SIZES: dict[str, Any] = {
    "comem": {"hidden": 48, "words": 64, "dropout": 0.0},
    "hga": {"hidden": 48, "words": 64, "dropout": 0.0, "fusion": {"width": 512, "chunks": 32, "rank": 8}},
    "mspan": {"hidden": 48, "scales": 2, "rounds": 1, "dropout": 0.0},
}


class Files(TypedDict):
    """The files of a data set, by the names of the commands' options."""

    video: Path
    questions: Path
    text: Path


class Cell(NamedTuple):
    """One run: trained, and evaluated on test."""

    data: str
    backbone: str
    method: str
    numbers: str
    seed: int
    files: Files
    how: dict[str, Any]


def main() -> None:
    """Trains every cell and writes the section Precision of docs/benchmarks.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry", action="store_true", help="do not write docs/benchmarks.md")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each kind")
    parser.add_argument("--data", help="of data whose names begin so alone")
    parser.add_argument("--backbone", choices=BACKBONES, help="this one alone")
    parser.add_argument("--method", choices=METHODS, help="this one alone")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        cells = [
            Cell(data, backbone, method, numbers, seed, files, how)
            for data, (files, how) in _sources(Path(name)).items()
            if data.startswith(options.data or "")
            for backbone, method in itertools.product(BACKBONES, METHODS)
            if options.backbone in (None, backbone) and options.method in (None, method)
            if data == MADE_UP or backbone != DEARER
            for seed, numbers in itertools.product(range(options.seeds), NUMBERS)
        ]
        with ProcessPoolExecutor(len(os.sched_getaffinity(0)), get_context("spawn")) as pool:
            runs = pd.DataFrame(pool.map(once, cells))
    table = compared(runs)
    text = _section(table, options.seeds)
    print(text)
    if not (options.dry or options.data or options.backbone or options.method):
        write_section("Precision", text)


def once(cell: Cell) -> dict[str, Any]:
    """What `run` gives, from where it was kept if it has been run by this code with these settings."""
    named = [cell.data.replace(" ", "-"), cell.backbone, cell.method, cell.numbers, cell.seed]
    settings = json.dumps([_settings(cell).model_dump(mode="json"), machine(), commit()])
    file = KEPT / f"{'-'.join(map(str, named))}-{hashlib.sha256(settings.encode()).hexdigest()[:12]}.json"
    if file.is_file():
        return dict(read_json(file, "a run that was kept"))
    found = run(cell)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(file, found)
    return found


def run(cell: Cell) -> dict[str, Any]:
    """Its accuracy on test in percent, its answers, and the processor time of its training in seconds."""
    torch.set_num_threads(1)
    settings = _settings(cell)
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        began = time.process_time()
        train(settings, **cell.files, out=out, state=out / "state", device="cpu")
        took = time.process_time() - began
        model = RunFolder(out).model
        metrics = evaluate(model, "test", **cell.files, answer_from="video", out=out, device="cpu")
        about = json.loads((out / "run.json").read_text())
        if {about["trained_in"], about["evaluated_in"]} != {cell.numbers}:
            raise RuntimeError(f"asked for {cell.numbers}, and calculated in {about['trained_in']}")
        answers = pd.read_csv(RunFolder(out).predictions)["prediction"].tolist()
    named = {name: getattr(cell, name) for name in ("data", "backbone", "method", "numbers", "seed")}
    return named | {"accuracy": metrics["accuracy"], "answers": answers, "took": took}


def _settings(cell: Cell) -> RunSettings:
    return RunSettings.model_validate(
        {
            "backbone": cell.backbone,
            "method": cell.method,
            "features": "app+mot",
            "seed": cell.seed,
            "backbones": SIZES,
            "eigv": {"intervener": {"alpha": 0.2}, "disruptor": {"negatives": 1}, "objective": {"beta": 0.1}},
            "training": cell.how | {"precision": cell.numbers},
        }
    )


def compared(runs: pd.DataFrame) -> pd.DataFrame:
    """A row for each data set, backbone and method: accuracy over seeds in both, and how many answers are the same.

    Two runs in float32 with different seeds are held beside the pairs of one seed.
    """
    rows = []
    for names, group in runs.groupby(["data", "backbone", "method"], sort=False):
        by = {numbers: found.set_index("seed") for numbers, found in group.groupby("numbers")}
        full, half = by["float32"], by["bf16"]
        pairs = itertools.combinations(full.index, 2)
        accuracy = {numbers: found["accuracy"] for numbers, found in by.items()}
        difference = accuracy["bf16"] - accuracy["float32"]
        rows.append(
            dict(zip(("data", "backbone", "method"), names, strict=True))
            | {f"{numbers}, %": _spread(accuracy[numbers]) for numbers in NUMBERS}
            | {
                "difference": f"{difference.mean():+.1f}",
                "same answers, %": f"{_mean(_same(full, half, seed, seed) for seed in full.index):.0f}",
                "of two seeds, %": f"{_mean(_same(full, full, *two) for two in pairs):.0f}",
                "time": f"{half['took'].sum() / full['took'].sum():.2f}",
                "within": abs(difference.mean()) <= max(accuracy["float32"].std(), accuracy["bf16"].std(), 0),
            }
        )
    return pd.DataFrame(rows)


def _same(one: pd.DataFrame, other: pd.DataFrame, first: int, second: int) -> float:
    pairs = list(zip(one["answers"].loc[first], other["answers"].loc[second], strict=True))
    return 100 * sum(a == b for a, b in pairs) / len(pairs)


def _mean(values: Any) -> float:
    found = list(values)
    return sum(found) / len(found) if found else float("nan")


def _spread(accuracies: pd.Series) -> str:
    return f"{accuracies.mean():.1f} ± {accuracies.std():.1f}" if len(accuracies) > 1 else f"{accuracies.mean():.1f}"


def _sources(folder: Path) -> dict[str, tuple[Files, dict[str, Any]]]:
    """The files of each data set that is there, and how it is trained on."""
    made = synthetic.write(folder, multiple_choice=True, videos=400)
    files = Files(video=made["video"], questions=made["questions"], text=made["text"])
    found = {MADE_UP: (files, HOW[MADE_UP])}
    paths = Paths.of(load([CONFIG]))
    for name, dataset in REAL.items():
        text = Path(paths.text("test", dataset))
        if text.is_file():
            video, questions = Path(paths.video(dataset)), Path(paths.questions(dataset))
            found[name] = Files(video=video, questions=questions, text=text.parent), HOW["real"]
    return found


def _section(table: pd.DataFrame, seeds: int) -> str:
    within = int(table.pop("within").sum())
    return f"""\
`make bench-precision` on {machine()}, one thread a run: small models (`benchmarks/precision.py`), trained and evaluated
in float32 and in bf16, {seeds} seeds; accuracies on test with the standard deviation over seeds. Made up: some clips'
features name the answer, chance is 20 %. Real questions are those of ../shared, where it is there; their absolute
accuracies compare with no published number. In {within} of {len(table)} rows the means differ by no more than the
larger standard deviation.

{table.to_markdown(index=False, disable_numparse=True)}

- Same answers: to the test questions, of two runs that differ in the numbers alone, beside two runs in float32 that
  differ in the seed.
- Time: processor time of training, bf16 over float32. It is below 1 only where there are matrix units for bf16.
"""


if __name__ == "__main__":
    main()
