"""The folder of a run: what its files are called, and the results that an evaluation leaves in it."""

import platform
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from base.formats.predictions import Predictions
from base.provenance import commit, environment, versions
from base.reading import read_json, sha256
from base.writing import write_json

METRICS = "metrics.json"


def with_weights(file: Path | None) -> list[Path]:
    """What a training goes on from that is told `file`: a model with the weights beside it, gold spans, or nothing."""
    if file is None:
        return []
    weights = RunFolder(file.parent).weights
    return [file, weights] if weights.is_file() else [file]


@dataclass(frozen=True)
class RunFolder:
    """The files of one run, or of its evaluation on a further split."""

    path: Path

    @property
    def model(self) -> Path:
        """What is needed to build the model, and what it was trained on."""
        return self.path / "model.json"

    @property
    def weights(self) -> Path:
        """The weights of the model."""
        return self.path / "model.safetensors"

    @property
    def history(self) -> Path:
        """A row for each epoch of the training."""
        return self.path / "history.csv"

    @property
    def predictions(self) -> Path:
        """The answers of the run (`base.formats.predictions`)."""
        return self.path / "predictions.csv"

    @property
    def explanations(self) -> Path:
        """What the indicator and other explainers select, question by question (`eigv.explanations.comparison`)."""
        return self.path / "explanations.csv"

    @property
    def metrics(self) -> Path:
        """Accuracies and rationale statistics; no times and no paths, so that the same run gives the same bytes."""
        return self.path / METRICS

    @property
    def about(self) -> Path:
        """Settings, commit, versions, inputs and time."""
        return self.path / "run.json"

    def of_split(self, split: str) -> "RunFolder":
        """Where the results on `split` lie: those on test beside the model, others in a folder of the split's name."""
        return self if split == "test" else RunFolder(self.path / split)

    def write_results(
        self,
        predictions: Predictions,
        metrics: dict[str, Any],
        settings: dict[str, Any],
        inputs: Iterable[Path],
        started: float,
        **more: Any,
    ) -> None:
        """Writes what an evaluation gives; the metrics last, by which others know that it is whole.

        `inputs` are files that are recognised by their sha256, `started` is the time it began, as `time.time()` has it;
        `more` goes into `run.json` as it is.
        """
        predictions.write(self.predictions)
        about = {
            "settings": settings,
            **more,
            "commit": commit(),
            "versions": versions() | {"python": platform.python_version()},
            "environment": environment(),
            "inputs": {str(path): sha256(path) for path in inputs},
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(time.time() - started, 1),
        }
        write_json(self.about, about)
        write_json(self.metrics, metrics)

    def read_metrics(self) -> dict[str, Any] | None:
        """The metrics; None where the run has not been evaluated."""
        return read_json(self.metrics, "the metrics of a run") if self.metrics.is_file() else None

    def read_about(self) -> dict[str, Any]:
        """What `run.json` holds; nothing where it is not there."""
        return read_json(self.about, "the description of a run") if self.about.is_file() else {}
