"""The real DAG on features that someone else extracted: no video is needed."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from extract.stores import VideoFeatures
from tests.extract import feature_files as make
from tests.workflow.test_messages import open_ended, refused

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.workflow

CONFIG = """
name: imported
results: {folder}/results
videos:
  v:
    features: {{layout: hcrn, path: {folder}/official, widths: [24, 16], ids: "vid{{}}",
                mapping: {folder}/data/youtube_mapping.txt}}
datasets: {{d: {{format: msvd-qa, annotations: {folder}/data, videos: v}}}}
text: {{encoder: "package:minilm", finetuning: {{epochs: 0}}}}
backbones: {{hga: {{hidden: 16, words: 16, fusion: {{width: 16, chunks: 2, rank: 2}}}}}}
training: {{epochs: 1, batch: 8}}
"""
RUN = "runs/d/hga/eigv/app+mot/seed0"


def test_training_starts_from_official_files(tmp_path):
    open_ended(tmp_path / "data", 30)
    shutil.rmtree(tmp_path / "data/videos")
    names = [str(number) for number in range(1, 31)]
    features = make.made_up(names)
    (tmp_path / "config.yaml").write_text(CONFIG.format(folder=tmp_path))
    target = [f"{tmp_path}/results/{RUN}/metrics.json", "--configfile", str(tmp_path / "config.yaml")]
    said = refused(*target)
    assert "the features of v (hcrn)" in said and "_motion_feat.h5" in said
    make.write_hcrn(tmp_path / "official", features, names)
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *target]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    store = VideoFeatures.read(tmp_path / "results/videos/v/video.h5")
    row = store.ids.index("clip7")
    np.testing.assert_array_equal(store.features["motion"][row], features["motion"]["7"].astype(np.float16))
    predictions = pd.read_csv(tmp_path / "results" / RUN / "predictions.csv")
    assert len(predictions) == 10 and predictions["causal_spans"].isna().all()
