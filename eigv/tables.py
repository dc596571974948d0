"""Tables of test accuracies: mean and standard deviation over seeds, the gain over plain training, footnotes."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from eigv.config import Run, Table
from extract.files import read_json, write_csv, write_text

BACKBONE_TITLES = {"comem": "Co-Mem", "hga": "HGA", "mspan": "MSPAN"}
METHOD_TITLES = {
    "mixup": "+ Mixup",
    "intervener": "+ Intervener",
    "disrupt-q": "+ Disrupt-Q",
    "disrupt-v": "+ Disrupt-V",
    "disruptor": "+ Disruptor",
    "eigv": "+ EIGV",
}
FEATURE_TITLES = {"app+mot": "", "app": ", appearance only", "mot": ", motion only"}


def write_table(name: str, table: Table, shifted: dict[str, str], runs: Path, out: Path) -> None:
    """Writes `{name}.csv`, one row a cell, and `{name}.md`, laid out as in the paper.

    `shifted` names the second test split of each data set that has one; it becomes a column of its own.
    """
    cells = collect(table, shifted, runs)
    write_csv(out / f"{name}.csv", cells)
    write_text(out / f"{name}.md", markdown(name, table, cells))


def collect(table: Table, shifted: dict[str, str], runs: Path) -> pd.DataFrame:
    """One row for each data set, split, backbone, method and feature setting."""
    rows = []
    for run in (
        Run(d, b, m, f, 0)
        for f in table.features
        for b in table.backbones
        for m in table.methods
        for d in table.datasets
    ):
        for split in ["test", *([shifted[run.dataset]] if run.dataset in shifted else [])]:
            part = "metrics.json" if split == "test" else f"{split}/metrics.json"
            files = [runs / str(run._replace(seed=seed)) / part for seed in table.seeds]
            metrics = [read_json(file, "the metrics of a run") for file in files]
            rows.append(_cell(run, split, table, metrics))
    cells = pd.DataFrame(rows)
    same = ["dataset", "split", "backbone", "features"]
    plain = cells[cells["method"] == "erm"].set_index(same)["accuracy"]
    cells["gain"] = [
        float(cell["accuracy"] - plain[key])
        if cell["method"] != "erm" and (key := tuple(cell[same])) in plain
        else np.nan
        for _, cell in cells.iterrows()
    ]
    return cells


def _cell(run: Run, split: str, table: Table, metrics: list[dict[str, Any]]) -> dict[str, Any]:
    accuracies = np.array([m["accuracy"] for m in metrics])
    notes = {note for m in metrics for note in _notes(m)}
    return {
        "dataset": run.dataset,
        "split": split,
        "backbone": run.backbone,
        "method": run.method,
        "features": run.features,
        "accuracy": round(float(accuracies.mean()), 4),
        "deviation": round(float(accuracies.std(ddof=1)), 4) if len(accuracies) > 1 else np.nan,
        "seeds": " ".join(map(str, table.seeds)),
        "questions": metrics[0]["questions"],
        "questions_left_out": metrics[0]["questions_left_out"],
        "notes": "; ".join(sorted(notes)),
    }


def _notes(metrics: dict[str, Any]) -> list[str]:
    notes = []
    for kind in ("appearance", "motion"):
        network = metrics["inputs"][kind]
        if str(network.get("weights", "")).startswith("random"):
            notes.append(f"{kind} features from {network['network']} with random weights: not a result")
    if metrics["questions_left_out"]:
        left_out, all_questions = metrics["questions_left_out"], metrics["questions"] + metrics["questions_left_out"]
        notes.append(f"{left_out} of {all_questions} questions left out, their videos are missing or unreadable")
    if "warning" in metrics.get("rationale", {}):
        notes.append(metrics["rationale"]["warning"])
    return notes


def markdown(name: str, table: Table, cells: pd.DataFrame) -> str:
    """The table as people read it: backbones and methods down, data sets across."""
    columns = list(dict.fromkeys(zip(cells["dataset"], cells["split"], strict=True)))
    titles = [dataset if split == "test" else f"{dataset} ({split})" for dataset, split in columns]
    footnotes: dict[str, int] = {}
    lines = [
        f"# {name.capitalize()}: accuracy on test, percent",
        "",
        f"| Model | {' | '.join(titles)} |",
        "|---" * (len(titles) + 1) + "|",
    ]
    for features in table.features:
        for backbone in table.backbones:
            for method in table.methods:
                picked = cells[
                    (cells["features"] == features) & (cells["backbone"] == backbone) & (cells["method"] == method)
                ].set_index(["dataset", "split"])
                title = METHOD_TITLES.get(method, BACKBONE_TITLES.get(backbone, backbone) + FEATURE_TITLES[features])
                texts = [_cell_text(picked.loc[column], footnotes) for column in columns]
                lines.append(f"| {title} | {' | '.join(texts)} |")
    seeds = ", ".join(map(str, table.seeds))
    lines += ["", f"Mean ± standard deviation over the seeds {seeds}; in brackets the gain over plain training."]
    lines += [f"[{number}] {note}." for note, number in footnotes.items()]
    return "\n".join(lines) + "\n"


def _cell_text(cell: pd.Series, footnotes: dict[str, int]) -> str:
    text = f"{cell['accuracy']:.1f}"
    if not np.isnan(cell["deviation"]):
        text += f" ± {cell['deviation']:.1f}"
    if not np.isnan(cell["gain"]):
        text += f" ({cell['gain']:+.1f})"
    notes = [note for note in str(cell["notes"]).split("; ") if note]
    marks = "".join(f"[{footnotes.setdefault(note, len(footnotes) + 1)}]" for note in notes)
    return f"{text} {marks}".strip()
