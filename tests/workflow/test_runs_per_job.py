"""Trainings and evaluations that share a process: each is still a job and a target of its own, with the same bytes."""

import csv
import shutil
from pathlib import Path

import pytest

from tests.workflow import whole

pytestmark = pytest.mark.workflow
NAMES = ("model.safetensors", "model.json", "history.csv", "metrics.json", "predictions.csv")
TOGETHER = ("--set-resources", "train:runs_per_job=20", "evaluate:runs_per_job=20")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with a workflow of three runs, finished by a process of trainings on one core."""
    folder = tmp_path_factory.mktemp("together")
    config = whole.settings()
    config["tables"]["table1"] |= {"methods": ["erm", "mixup", "eigv"], "question_only": False}
    config |= {"sweeps": {}, "rationales": {}, "explorers": {}}
    whole.prepare(folder, config)
    whole.snakemake(folder, "--cores", "1", "table1", *TOGETHER)
    return folder


def files(folder: Path) -> dict[str, bytes]:
    found = (path for name in NAMES for path in (folder / "results").rglob(name))
    return {str(path.relative_to(folder)): path.read_bytes() for path in found if "/encoder/" not in str(path)}


def test_one_process_trains_them_all_and_each_has_its_log(folder):
    logs = {path.parts[-3]: path.read_text() for path in (folder / "results").rglob("logs/train/**/seed0.log")}
    assert set(logs) == {"erm", "mixup", "eigv"}
    assert sum("trained 2 more runs ahead of their jobs" in text for text in logs.values()) == 1
    assert all(text.count("kept epoch") == 1 for text in logs.values())
    seconds = []
    for path in (folder / "results").rglob("benchmarks/train/**/seed0.tsv"):
        seconds += [float(row["s"]) for row in csv.DictReader(path.open(), delimiter="\t")]
    assert len(seconds) == 3 and sum(sorted(seconds)[:2]) < max(seconds)
    assert not [path for path in (folder / "results").rglob("state/runs/**/*") if path.is_file()]


def test_one_process_evaluates_them_all(folder):
    logs = [path.read_text() for path in (folder / "results").rglob("logs/evaluate/**/seed0.log")]
    assert len(logs) == 3 and all("test: accuracy" in text for text in logs)
    assert sum("evaluated 2 more runs ahead of their jobs" in text for text in logs) == 1
    assert not [path for path in (folder / "results").rglob("state/evaluations/**/*") if path.is_file()]


def test_how_many_share_a_process_reruns_nothing_and_changes_no_byte(folder):
    for how in ((), TOGETHER):
        assert "Nothing to be done" in whole.snakemake(folder, "--dry-run", "table1", *how)
    together = files(folder)
    run = folder / "results/runs/d/hga/mixup"
    shutil.rmtree(run)
    target = str(run.relative_to(folder) / "app+mot/seed0/metrics.json")
    assert whole.snakemake(folder, "--", target).count("Training ") == 1
    assert files(folder) == together


def test_a_target_of_one_run_trains_that_run_alone(folder):
    runs = folder / "results/runs/d/hga"
    shutil.rmtree(runs)
    target = str(runs.relative_to(folder) / "erm/app+mot/seed0/metrics.json")
    said = whole.snakemake(folder, *TOGETHER, "--", target)
    assert said.count("Training ") == 1
    assert {path.parent.parent.parent.name for path in runs.rglob("model.json")} == {"erm"}
    assert not list((folder / "results").rglob("*.ahead"))
