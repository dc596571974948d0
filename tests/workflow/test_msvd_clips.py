"""The real DAG on 11 real MSVD clips with their official questions and the paper's networks at full size."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from base.formats.token_features import TokenFeatures
from base.formats.video_features import VideoFeatures
from tests.places import ROOT

RESULTS = ROOT / "results/msvd-clips"
pytestmark = pytest.mark.workflow


def snakemake(*arguments: str) -> str:
    """Runs Snakemake as a user does; fails the test with its output."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def results(shared):
    shutil.rmtree(RESULTS, ignore_errors=True)
    snakemake("--configfile", "config/msvd-clips.yaml")
    return RESULTS


def test_features_of_every_clip(results):
    store = VideoFeatures.read(results / "videos/msvd/video.h5")
    assert len(store.ids) == 11 and set(store.status) == {"ok"}
    for kind in ("appearance", "motion"):
        values = store.features[kind].astype(np.float64)
        assert values.shape == (11, 16, 2048)
        assert np.isfinite(values).all() and (values.std(axis=(1, 2)) > 0).all()
    assert store.attributes["appearance_network"]["weights"] == "random (seed 0)"
    manifest = pd.read_csv(results / "videos/msvd/manifest.csv")
    assert (manifest["status"] == "missing").sum() == len(manifest) - 11
    wrong = manifest[manifest["video_id"] == "3qqEKTPxLNs_1_15"].iloc[0]
    assert wrong["backend"] == "pyav"


def test_tokens_of_every_question(results):
    summary = json.loads((results / "datasets/msvd-qa/annotations/summary.json").read_text())
    for split, counts in summary.items():
        tokens = TokenFeatures.read(results / f"datasets/msvd-qa/text/text_{split}.h5")
        assert len(tokens.qids) == counts["questions"]
        assert tokens.tokens.shape[1] == 384 and np.isfinite(tokens.tokens.astype(np.float32)).all()


def test_metrics_of_the_three_test_clips(results):
    for method in ("erm", "eigv"):
        run = results / f"runs/msvd-qa/hga/{method}/app+mot/seed0"
        metrics = json.loads((run / "metrics.json").read_text())
        assert metrics["questions"] == 81
        assert metrics["questions_left_out"] == 13157 - 81
        assert pd.read_csv(run / "predictions.csv")["video_id"].nunique() == 3
        assert {"commit", "versions", "inputs", "settings"} <= set(json.loads((run / "run.json").read_text()))


def test_the_table_says_that_weights_are_random(results):
    table = (results / "tables/table1.md").read_text()
    assert "random weights: not a result" in table and "questions left out" in table


def test_the_picture_is_one(results):
    picture = np.asarray(Image.open(results / "figures/figure6.png").convert("RGB"))
    assert picture.shape[1] > 1000 and picture.std() > 20


def test_one_run_by_its_path(results):
    target = "results/msvd-clips/runs/msvd-qa/hga/eigv/app+mot/seed0/metrics.json"
    before = (ROOT / target).read_bytes()
    (ROOT / target).unlink()
    said = snakemake(target, "--configfile", "config/msvd-clips.yaml")
    assert "1 of 1 steps (100%) done" in said
    assert (ROOT / target).read_bytes() == before


def test_nothing_to_do_the_second_time(results):
    snakemake("--configfile", "config/msvd-clips.yaml")
    assert "Nothing to be done" in snakemake("--configfile", "config/msvd-clips.yaml")
