"""The workflow looks again at videos that have changed since, once, and at nothing else."""

import os
import shutil
import subprocess
import sys

import pytest

from base.formats.manifest import read_manifest
from tests.extract.videos.make import write
from tests.places import ROOT

pytestmark = pytest.mark.workflow


def test_new_and_replaced_videos_are_probed_once_more(tmp_path):
    (tmp_path / "v").mkdir()
    for name, count in (("a.mp4", 16), ("b.mp4", 16), ("longer.mkv", 20)):
        write(tmp_path / name, count)
    shutil.copy(tmp_path / "a.mp4", tmp_path / "v")
    (tmp_path / "config.yaml").write_text("""
name: changed
results: results
videos: {mine: {folder: v}}
datasets: {}
features: {appearance: {network: resnet152, weights: random}, motion: {network: resnext3d-101, weights: random}}
""")
    manifest = "results/videos/mine/manifest.csv"

    def probes(*options):
        """Whether the workflow probes, and runs without an error."""
        command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--configfile", "config.yaml"]
        command += ["--cores", "2", *options, "--", manifest]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return "rule probe" in done.stdout + done.stderr

    def frames():
        return dict(read_manifest(tmp_path / manifest)[["video_id", "frames"]].to_numpy().tolist())

    assert probes() and frames() == {"a": 16}
    os.utime(tmp_path / "v/a.mp4")
    (tmp_path / "v/notes.txt").write_text("nothing")
    assert not probes("--dry-run")
    shutil.copy(tmp_path / "longer.mkv", tmp_path / "v/B.MKV")
    shutil.copy(tmp_path / "longer.mkv", tmp_path / "v/a.mp4")
    assert probes("--dry-run") and probes("--dry-run")
    assert probes() and frames() == {"B": 20, "a": 20}
    assert not probes("--dry-run")
