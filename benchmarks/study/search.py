"""The settings of make study, chosen on val alone: `python -m benchmarks.study.search [--cores N] [data set ...]`.

On each data set plain training and EIGV have the same number of points, one run each, of MSPAN, on a seed that no table
has. Other backbones follow it; of the other methods those of `LIKE_PLAIN` follow plain training, all others EIGV. The
best are written between two lines of config/study.yaml. Runs lie beside those of the tables and are not made twice, so
that a search that was killed goes on.
"""

import argparse
import itertools
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import yaml

from base.formats.run_folder import RunFolder
from benchmarks.report import write_between
from eigv.config.experiment import Config, load
from eigv.config.names import Value
from eigv.config.run_path import Run, point

CONFIG = Path(__file__).resolve().parents[2] / "config" / "study.yaml"
BEGINNING, END = "  # chosen: made by `make study-search`", "  # end of chosen"
DATASETS = ("real-nextqa", "real-msvd", "real-msrvtt")
BACKBONE = "mspan"
SEED = 100
RATE, DROPOUT, BETA = "training.learning_rate", f"backbones.{BACKBONE}.dropout", "eigv.objective.beta"
RATES = (3.0e-4, 1.0e-3)
SEARCHED: dict[str, tuple[dict[str, Value], ...]] = {
    "erm": tuple({RATE: rate, DROPOUT: dropout} for rate in RATES for dropout in (0.2, 0.4)),
    "eigv": tuple({RATE: rate, DROPOUT: 0.2, BETA: beta} for rate in RATES for beta in (0.01, 0.75)),
}
"""By method the points that are tried. Each names all that the search may change: none depends on what it chose."""
LIKE_PLAIN = ("erm", "parts", "faithful")
"""The methods that have the settings of plain training."""
WITH_DROPOUT = ("comem", "hcrn", "hga", "hme", "mspan")
OFFICIAL = "-official"
"""What ends the names of data sets whose EIGV keeps the official code's beta."""


def runs_of(dataset: str, method: str) -> list[Run]:
    """The runs of a method, in the order of its points."""
    return [Run(dataset, BACKBONE, method, "app+mot", SEED, point(at)) for at in SEARCHED[method]]


def accuracies(config: Config, dataset: str, method: str) -> list[float | None]:
    """The best accuracy on val of each point, in percent; None where it has not been run."""
    files = [RunFolder(config.runs_folder / str(run)).history for run in runs_of(dataset, method)]
    return [float(pd.read_csv(file)["val_accuracy"].max()) if file.is_file() else None for file in files]


def best(config: Config, dataset: str, method: str) -> tuple[dict[str, Value], float] | None:
    """The best point, the first of several, and its accuracy; None before all have been run."""
    found = accuracies(config, dataset, method)
    there = [value for value in found if value is not None]
    if len(there) < len(found):
        return None
    return SEARCHED[method][there.index(max(there))], max(there)


def chosen(config: Config, before: str = "") -> Iterator[str]:
    """Lines of `overrides` for each data set and those that follow it: new ones where all its points have been run,
    else those that were chosen `before`."""
    for dataset in DATASETS:
        sides = {method: found for method in SEARCHED if (found := best(config, dataset, method))}
        if len(sides) < len(SEARCHED):
            yield from (line for line in before.splitlines() if dataset in line)
            continue
        for method, (_, accuracy) in sides.items():
            tried = ", ".join(f"{value:.1f}" for value in accuracies(config, dataset, method) if value is not None)
            yield f"  # {dataset}, {method}: {accuracy:.1f} on val, of {tried}"
        followed = followers(config, dataset)
        official = [name for name in followed if name.endswith(OFFICIAL)]
        eigv, plain = sides["eigv"][0], sides["erm"][0]
        yield _override({"dataset": [name for name in followed if name not in official]}, eigv)
        if official:
            yield _override({"dataset": official}, {RATE: eigv[RATE], DROPOUT: eigv[DROPOUT]})
        yield _override({"dataset": followed, "method": list(LIKE_PLAIN)}, plain)


def tried(config: Path) -> dict[tuple[str, str], list[float]]:
    """What the search found, as it stands in the configuration: by data set and method, the accuracy of each point."""
    block = config.read_text(encoding="utf-8").partition(BEGINNING)[2].partition(END)[0]
    lines = re.findall(r"^  # (\S+), (\S+): .* on val, of (.*)$", block, re.MULTILINE)
    return {(dataset, method): [float(value) for value in values.split(", ")] for dataset, method, values in lines}


def followers(config: Config, dataset: str) -> list[str]:
    """The data set itself, its parts, and itself under other names."""
    return [name for name in config.datasets if name == dataset or name.startswith(f"{dataset}-")]


def _override(when: dict[str, list[str]], at: dict[str, Value]) -> str:
    """The line that gives a point to some runs: to those of every method, or of some over it."""
    said: dict[str, object] = {"when": when, "training": {"learning_rate": at[RATE]}}
    said["backbones"] = {name: {"dropout": at[DROPOUT]} for name in WITH_DROPOUT}
    if BETA in at:
        said["eigv"] = {"objective": {"beta": at[BETA]}}
    return "  - " + yaml.safe_dump(said, default_flow_style=True, sort_keys=False, width=10_000).strip()


def search(config: Path, cores: str, datasets: Sequence[str]) -> int:
    """Makes the runs; returns the exit status of Snakemake."""
    folder = load([config]).runs_folder
    runs = [run for dataset, method in itertools.product(datasets, SEARCHED) for run in runs_of(dataset, method)]
    files = [str(RunFolder(folder / str(run)).history) for run in runs]
    together = ["--set-resources", "train:runs_per_job=20"]
    command = ["snakemake", "--cores", cores, "--configfile", str(config), *together, "--", *files]
    return subprocess.run(command, check=False).returncode


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cores", default="all")
    parser.add_argument("--config", type=Path, default=CONFIG)
    parser.add_argument("datasets", nargs="*", help="else all that are searched")
    asked = parser.parse_args()
    status = search(asked.config, asked.cores, asked.datasets or DATASETS)
    if status:
        sys.exit(status)
    before = asked.config.read_text(encoding="utf-8").partition(BEGINNING)[2].partition(END)[0]
    write_between(BEGINNING, END, "\n".join(chosen(load([asked.config]), before)), asked.config)


if __name__ == "__main__":
    main()
