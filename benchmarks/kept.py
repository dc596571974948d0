"""Runs kept in the repository: what a page of results is made of, and what the same runs made again are held against.

A data set's are `docs/runs/<configuration>/<data set>.jsonl.xz`: a line for each run and split, with its metrics, its
settings and commit, which questions it answered right and, where gold spans measure them, the clips of its rationales.
`lay_out` makes the files of them that tables and comparisons read; weights and probabilities are not kept.
"""

import json
import logging
import lzma
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from base.formats.explanations import CLIPS, NUMBERS, TEXTS
from base.formats.predictions import RATIONALE, read_correct
from base.formats.run_folder import RunFolder
from base.reading import read_csv
from base.writing import write_bytes, write_csv, write_json
from benchmarks.report import machine
from eigv.config.experiment import Config
from eigv.config.run_path import Run
from eigv.paper.results import Result, gather, test_splits
from eigv.paper.tables.footnotes import other_settings

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[1] / "docs" / "runs"
ABOUT = ("settings", "commit", "trained_by_commit", "versions", "finished")
"""What of `run.json` is kept; the folders of the machine are not."""
SELECTED = RATIONALE[0]


class Place(NamedTuple):
    """A run, and the split that it was asked."""

    run: Run
    split: str


def keep(config: Config, root: Path = ROOT) -> int:
    """Adds the runs that lie in the configuration's folder, in the place of those kept before; how many there are.

    Runs made with other settings than the configuration's are left out.
    """
    found = {place: line for place in _asked(config) if (line := _line(config, place))}
    for dataset in dict.fromkeys(place.run.dataset for place in found):
        file = _file(config, dataset, root)
        lines = _read(file) | {place: line for place, line in found.items() if place.run.dataset == dataset}
        text = "".join(json.dumps(lines[place], ensure_ascii=False) + "\n" for place in sorted(lines))
        file.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(file, lzma.compress(text.encode(), preset=9))
    return len({place.run for place in found})


def lay_out(config: Config, root: Path = ROOT) -> None:
    """Writes the kept runs to where the configuration looks for runs: metrics, answers, settings and costs.

    Runs that were kept with other settings than the configuration's are left out, with a warning.
    """
    for file in sorted(_file(config, "any", root).parent.glob("*.jsonl.xz")):
        for place, line in _read(file).items():
            if differ := other_settings(config, Result(place.run, line["metrics"], line["about"])):
                log.warning("%s was kept with other settings, and is left out: %s", place.run, ", ".join(differ))
                continue
            folder = RunFolder(config.runs_folder / str(place.run)).of_split(place.split)
            folder.path.mkdir(parents=True, exist_ok=True)
            answers = pd.DataFrame(line["asked"]).assign(correct=list(line["correct"]))
            write_csv(folder.predictions, answers.assign(**line["rationale"]))
            write_json(folder.about, line["about"])
            write_json(folder.metrics, line["metrics"])
            if line["explanations"]:
                explained = pd.DataFrame(line["explanations"])
                write_csv(folder.explanations, explained.assign(**dict.fromkeys(NUMBERS, 0)))
            if line["cost"]:
                cost = _cost(config, place.run)
                cost.parent.mkdir(parents=True, exist_ok=True)
                pd.DataFrame([line["cost"]]).to_csv(cost, sep="\t", index=False)


@contextmanager
def laid_out(config: Config, root: Path = ROOT) -> Iterator[Config]:
    """The configuration with the kept runs in the place of its own, in a folder that lasts as long as the context."""
    with tempfile.TemporaryDirectory() as folder:
        kept = config.model_copy(update={"results": Path(folder)})
        lay_out(kept, root)
        yield kept


def _file(config: Config, dataset: str, root: Path) -> Path:
    return root / config.name / f"{dataset}.jsonl.xz"


def _cost(config: Config, run: Run) -> Path:
    """Where Snakemake writes what a training cost."""
    return config.outcomes / "benchmarks" / "train" / f"{run}.tsv"


def _read(file: Path) -> dict[Place, dict[str, Any]]:
    if not file.is_file():
        return {}
    lines = (json.loads(line) for line in lzma.decompress(file.read_bytes()).decode().splitlines())
    return {Place(Run.of(line["run"]), line["split"]): line for line in lines}


def _asked(config: Config) -> Iterator[Place]:
    runs = [run for name in (*config.tables, *config.sweeps) for run in config.runs(name)]
    runs += [Run.of(text) for shown in config.explanations.values() for text in shown.runs]
    for run in dict.fromkeys(runs):
        for split in test_splits(config.datasets[run.dataset]):
            yield Place(run, split)


def _line(config: Config, place: Place) -> dict[str, Any] | None:
    """What is kept of a run on a split; None where it has not been evaluated, or was made with other settings."""
    results = gather(config, [place.run], place.split).results
    if not results or other_settings(config, results[0]):
        return None
    about, metrics = results[0].about, results[0].metrics
    folder = RunFolder(config.runs_folder / str(place.run)).of_split(place.split)
    answers, cost = read_correct(folder.predictions), _cost(config, place.run)
    of_test = place.split == "test"
    return {
        "run": str(place.run),
        "split": place.split,
        "about": {name: about[name] for name in ABOUT if name in about} | {"machine": machine()},
        "metrics": metrics,
        "cost": pd.read_csv(cost, sep="\t")[["s", "cpu_time"]].iloc[0].to_dict() if of_test and cost.is_file() else {},
        "asked": answers.drop(columns="correct").to_dict("list"),
        "correct": "".join(answers["correct"].astype(int).astype(str)),
        "rationale": _selected(folder) if "gold" in metrics.get("rationale", {}) else {},
        "explanations": _explanations(folder),
    }


def _selected(folder: RunFolder) -> dict[str, list[str]]:
    return {SELECTED: read_csv(folder.predictions, [SELECTED])[SELECTED].tolist()}


def _explanations(folder: RunFolder) -> dict[str, list[str]]:
    if not folder.explanations.is_file():
        return {}
    columns = [*TEXTS, CLIPS]
    table = read_csv(folder.explanations, columns)
    return {name: table[name].tolist() for name in columns}
