"""Runs that read one kind of features plan and make that kind alone."""

import re

import pytest

from base.formats.video_features import VideoFeatures
from tests.workflow import whole

pytestmark = pytest.mark.workflow


def planned(said: str) -> set[str]:
    """The kinds of features that a dry run would make."""
    return set(re.findall(r"output: \S+/shards/\S+\.(appearance|motion)\.h5", said))


def test_runs_with_appearance_alone_make_no_motion_features(tmp_path):
    config = whole.settings() | {"sweeps": {}, "rationales": {}, "explorers": {}}
    config["tables"]["table1"] |= {"methods": ["eigv"], "features": ["app"], "question_only": False}
    # Published weights that are not there: nobody asks for them.
    config["features"]["motion"] = {"network": "resnext3d-101"}
    whole.prepare(tmp_path, config)
    runs = "results/runs/d/hga/eigv/{}/seed0/metrics.json"
    assert planned(whole.snakemake(tmp_path, "--dry-run")) == {"appearance"}
    assert planned(whole.snakemake(tmp_path, "--dry-run", "videos")) == {"appearance"}
    assert planned(whole.snakemake(tmp_path, "--dry-run", runs.format("mot"))) == {"motion"}
    assert planned(whole.snakemake(tmp_path, "--dry-run", runs.format("app+mot"))) == {"appearance", "motion"}
    whole.snakemake(tmp_path)
    store = VideoFeatures.read(tmp_path / "results/videos/v/appearance.h5")
    assert store.features["appearance"].shape[2] > 0 and store.features["motion"].shape[2] == 0
    assert "+ EIGV" in (tmp_path / "results/tables/table1.md").read_text()
    assert (tmp_path / "results/report.html").is_file()
