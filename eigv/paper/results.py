"""Results of runs on disk, gathered over seeds into the cells of tables and the points of curves."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from base.formats.run_folder import METRICS, RunFolder
from base.settings import parse
from eigv.config.experiment import Config
from eigv.config.run_path import Run
from eigv.config.run_path import question_only as question_only_path
from extract.config import Dataset, TextSettings


class Key(NamedTuple):
    """What a cell is about."""

    dataset: str
    backbone: str
    features: str
    method: str
    split: str = "test"

    @classmethod
    def question_only(cls, dataset: str) -> Self:
        """The cell of the baseline that sees no video."""
        return cls(dataset, "question-only", "-", "question-only")


@dataclass(frozen=True)
class Result:
    """What one run gave on one split."""

    run: Run
    metrics: dict[str, Any]
    about: dict[str, Any]
    """Its `run.json`: settings, commit, versions."""


@dataclass(frozen=True)
class Cell:
    """The runs of one setting, over seeds, on one split."""

    dataset: str
    backbone: str
    method: str
    features: str
    split: str
    runs: tuple[Run, ...]
    """Those that were asked for, one a seed."""
    results: tuple[Result, ...]
    """Those that have been made."""

    @property
    def accuracy(self) -> float:
        """Mean over the seeds, in percent; NaN where nothing has been run."""
        return float(np.mean(self._accuracies)) if self.results else float("nan")

    @property
    def deviation(self) -> float:
        """Standard deviation over the seeds (of the sample); NaN for fewer than two."""
        return float(np.std(self._accuracies, ddof=1)) if len(self.results) > 1 else float("nan")

    @property
    def status(self) -> str:
        """Whether it has been run."""
        done = len(self.results)
        return "not run" if not done else "run" if done == len(self.runs) else "partly run"

    @property
    def _accuracies(self) -> list[float]:
        return [result.metrics["accuracy"] for result in self.results]


def gather(config: Config, runs: list[Run], split: str = "test") -> Cell:
    """The results on `split` of runs that differ in their seed only; what has not been run is left out."""
    folder = config.runs_folder
    first = runs[0]
    results = tuple(result for run in runs if (result := _read(folder / str(run), run, split)))
    return Cell(first.dataset, first.backbone, first.method, first.features, split, tuple(runs), results)


def test_splits(dataset: Dataset) -> list[str]:
    """The splits that runs on a data set are evaluated on."""
    return ["test", *([dataset.shifted_test] if dataset.shifted_test else [])]


def question_only(config: Config, dataset: str) -> Cell:
    """The baseline that sees no video: the fine-tuned text encoder by itself, where it has been evaluated.

    Of any seed, but not of an encoder that was chosen or tuned otherwise than the configuration's.
    """
    of_any_seed = config.runs_folder / question_only_path(dataset, "*")
    files = sorted(of_any_seed.parent.glob(f"{of_any_seed.name}/{METRICS}"))
    files = files or sorted(of_any_seed.parent.rglob(METRICS))  # made before seeds were part of the path
    runs = tuple(Run(dataset, "question-only", "erm", "-", number) for number in range(len(files)))
    results = tuple(r for run, file in zip(runs, files, strict=True) if (r := _read(file.parent, run, "test")))
    results = tuple(
        result
        for result in results
        if result.metrics.get("split", "test") == "test" and _is_of_encoder(result, config.text)
    )
    return Cell(dataset, "question-only", "question-only", "-", "test", runs, results)


def _is_of_encoder(result: Result, wanted: TextSettings) -> bool:
    """Whether a question-only result is of this encoder, whatever its seed; also where it does not say."""
    text = result.about.get("settings", {}).get("text")
    if text is None:
        return True

    reads, training = parse(TextSettings, text, f"the text of {result.run}").of_encoder()
    wanted_reads, wanted_training = wanted.of_encoder()
    return reads == wanted_reads and training | {"seed": None} == wanted_training | {"seed": None}


def _read(folder: Path, run: Run, split: str) -> Result | None:
    files = RunFolder(folder).of_split(split)
    metrics = files.read_metrics()
    return None if metrics is None else Result(run, metrics, files.read_about())
