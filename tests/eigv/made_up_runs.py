"""Folders of runs as training and evaluation leave them, with accuracies that a test chooses."""

from base.writing import write_json
from eigv.config.experiment import Config, section
from eigv.config.run_path import Run

NETWORKS = {
    "appearance": {"network": "resnet152", "weights": "a.pth"},
    "motion": {"network": "r3d", "weights": "b.pth"},
}


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
    write_json(folder / "run.json", {"settings": settings or section(config, run), "commit": commit})
