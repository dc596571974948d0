"""The demo's DAG on a tiny rendered data set: everything is made, and a kill changes nothing."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from extract.stores import TokenFeatures, VideoFeatures

ROOT = Path(__file__).resolve().parents[2]
RESULTS, DATA = ROOT / "results/tiny", ROOT / "results/tiny-data"
CONFIG = ["--configfile", "config/demo.yaml", "tests/workflow/tiny.yaml"]
SNAKEMAKE = [sys.executable, "-m", "snakemake", "--cores", "2", "--rerun-incomplete"]
pytestmark = pytest.mark.workflow


def snakemake(*arguments: str) -> str:
    done = subprocess.run([*SNAKEMAKE, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def results():
    shutil.rmtree(RESULTS, ignore_errors=True)
    shutil.rmtree(DATA, ignore_errors=True)
    sizes = ["--train", "10", "--val", "4", "--test", "4", "--test-shifted", "4"]
    subprocess.run([sys.executable, "-m", "extract.cli", "demo-data", "--out", str(DATA), *sizes], cwd=ROOT, check=True)
    snakemake(*CONFIG)
    return RESULTS


def _numbers(results: Path) -> dict[str, bytes]:
    """Everything that must not change, however often a run was killed."""
    names = ("metrics.json", "predictions.csv", "table1.csv", "history.csv", "model.safetensors")
    return {str(path.relative_to(results)): path.read_bytes() for name in names for path in results.rglob(name)}


def test_features(results):
    store = VideoFeatures.read(results / "videos/demo/video.h5")
    assert store.features["appearance"].shape == (22, 16, 1280)
    assert store.features["motion"].shape == (22, 16, 192)
    for values in store.features.values():
        assert (values.astype(np.float32).std(axis=(1, 2)) > 0).all()
    assert not list((results / "videos/demo/shards").glob("*.h5"))


def test_text_of_every_split(results):
    for dataset, sequences in (("demo-mc", 5), ("demo-oe", 1)):
        for split in ("train", "val", "test", "test-shifted"):
            assert TokenFeatures.read(results / f"datasets/{dataset}/text/text_{split}.h5").sequences == sequences


def test_table_and_pictures(results):
    table = pd.read_csv(results / "tables/table1.csv")
    assert len(table) == 2 * 2 * 2  # data sets, methods, test and test-shifted
    assert table["accuracy"].between(0, 100).all()
    assert "+ EIGV" in (results / "tables/table1.md").read_text()
    assert len(list((results / "figures").glob("*.png"))) == 2


def test_deleting_metrics_reruns_one_evaluation_and_no_training(results):
    (results / "runs/demo-oe/hga/eigv/app+mot/seed0/metrics.json").unlink()
    said = snakemake("results/tiny/runs/demo-oe/hga/eigv/app+mot/seed0/metrics.json", "--dry-run", *CONFIG)
    assert "evaluate" in said and "rule train" not in said
    said = snakemake("results/tiny/runs/demo-oe/hga/eigv/app+mot/seed0/metrics.json", *CONFIG)
    assert "1 of 1 steps (100%) done" in said


def test_a_kill_in_the_middle_changes_nothing(results):
    snakemake(*CONFIG)
    whole = _numbers(results)
    shutil.rmtree(results)
    for seconds in (25, 45):
        process = subprocess.Popen(
            [*SNAKEMAKE, *CONFIG],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        snakemake("--unlock", *CONFIG)
    snakemake(*CONFIG)
    assert _numbers(results) == whole


def test_an_ablation_by_its_path(results):
    target = "results/tiny/runs/demo-mc/hga/disrupt-q/mot/seed3/metrics.json"
    snakemake(target, *CONFIG)
    metrics = json.loads((ROOT / target).read_text())
    questions = pd.read_csv(results / "datasets/demo-mc/annotations/test.csv")
    assert metrics["seed"] == 3 and metrics["questions"] == len(questions)


def test_planning_is_quick(results):
    started = time.perf_counter()
    snakemake("--dry-run", "--forceall", *CONFIG)
    assert time.perf_counter() - started < 10  # under 5 s on a quiet machine
