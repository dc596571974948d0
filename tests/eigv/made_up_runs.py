"""Folders of runs as training and evaluation leave them, with accuracies that a test chooses."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from base.formats.predictions import Predictions
from base.writing import write_json
from eigv.config.experiment import Config, settings_of_run
from eigv.config.run_path import Run

NETWORKS = {
    "appearance": {"network": "resnet152", "weights": "a.pth"},
    "motion": {"network": "r3d", "weights": "b.pth"},
}


def smoothed(run: Path, folder: Path) -> Path:
    """The model.json of a copy in `folder` of a run's model whose indicator smooths its scenes."""
    for name in ("model.json", "model.safetensors"):
        shutil.copy(run / name, folder / name)
    described = json.loads((folder / "model.json").read_text())
    described["settings"]["eigv"]["faithful"]["smoothed"] = True
    write_json(folder / "model.json", described)
    return folder / "model.json"


def gaps(chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which selections (n, K) miss a single clip between two that are chosen, (n,)."""
    return (chosen[:, :-2] & ~chosen[:, 1:-1] & chosen[:, 2:]).any(axis=1)


def write(
    config: Config, run: Run, accuracy: float, *, commit: str = "1" * 40, inputs=None, settings=None, warning=""
) -> None:
    """Writes `metrics.json` and `run.json` of a run."""
    folder = config.runs_folder / str(run)
    metrics = {"split": "test", "answer_from": "video", "accuracy": accuracy, "questions": 100, "by_type": {}}
    metrics |= {
        "questions_left_out": 0,
        "seed": run.seed,
        "inputs": NETWORKS | {"text_encoder": "bert"} | (inputs or {}),
    }
    if warning:
        metrics["rationale"] = {"warning": warning}
    write_json(folder / "metrics.json", metrics)
    write_json(folder / "run.json", {"settings": settings or settings_of_run(config, run), "commit": commit})


def answer(
    folder: Path, correct: ArrayLike, videos: list[str], *, qids: list[str] | None = None, types=None, **metrics: Any
) -> None:
    """Writes the `predictions.csv` and `metrics.json` of a run that was right where `correct` (Q,) says so."""
    right = np.asarray(correct, dtype=bool)
    qids = qids or [f"{video}_{n}" for n, video in enumerate(videos)]
    types = types or ["what"] * len(right)
    choices = np.where(right, 0, 1).tolist()
    Predictions(qids, videos, types, [0] * len(right), choices, right, np.ones((len(right), 2))).write(
        folder / "predictions.csv"
    )
    found = {"split": "test", "answer_from": "video", "accuracy": 100.0 * float(right.mean()), "seed": 0}
    write_json(folder / "metrics.json", found | {"questions": len(right)} | metrics)
