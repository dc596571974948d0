"""The real DAG from folders of real videos, without annotations, to feature files that are clean."""

import subprocess
import sys

import pandas as pd
import pytest

from tests.extract.videos.test_probe import AWKWARD
from tests.places import ROOT

pytestmark = pytest.mark.workflow

CONFIG = """
name: clips
results: {folder}/results
videos:
  msvd: {{folder: {videos}/msvd}}
  general: {{folder: {videos}/general}}
  awkward: {{folder: {videos}/awkward, unreadable: skip}}
features:
  shards: 2
  appearance: {{network: efficientnet-lite0, size: 112}}
  motion: {{network: resnext3d-tiny}}
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_what_is_missing_is_said_before_anything_starts(tmp_path):
    config = CONFIG.format(folder=tmp_path, videos=tmp_path).replace("efficientnet-lite0", "resnet152")
    (tmp_path / "config.yaml").write_text(config)
    done = run("snakemake", "--cores", "1", "videos", "--configfile", str(tmp_path / "config.yaml"))
    said = done.stdout + done.stderr
    assert done.returncode != 0 and "steps" not in said
    for text in (f"{tmp_path}/general/<video id>.mp4", "weights/resnet152-394f9c45.pth", "download.pytorch.org"):
        assert text in said


def test_every_collection_of_real_clips_becomes_a_clean_feature_file(shared, tmp_path):
    (tmp_path / "config.yaml").write_text(CONFIG.format(folder=tmp_path, videos=shared / "data/videos"))
    done = run("snakemake", "--cores", "all", "videos", "--configfile", str(tmp_path / "config.yaml"))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    for name, count in {"msvd": 11, "general": 9, "awkward": 13}.items():
        file = tmp_path / f"results/videos/{name}/video.h5"
        shown = run("extract.cli", "inspect", str(file))
        assert shown.returncode == 0 and shown.stdout.endswith("\nclean\n"), shown.stdout
        assert f"features of {count} videos" in shown.stdout
        assert not list((file.parent / "shards").glob(".*")), "notes or half files are left"
    manifest = pd.read_csv(tmp_path / "results/videos/awkward/manifest.csv", index_col="video_id")
    assert manifest["status"].to_dict() == {name: status for name, (status, _, _) in AWKWARD.items()}
