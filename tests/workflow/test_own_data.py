"""The example of docs/datasets.md works as it is printed."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from extract.demo.dataset import generate
from extract.demo.settings import DemoSettings
from tests.places import ROOT

pytestmark = pytest.mark.workflow


def printed(language, part):
    """The one block of a language in the section about one's own data."""
    section = (ROOT / "docs/datasets.md").read_text().partition("## Your own")[2].partition("\n## ")[0]
    (block,) = re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)
    return block.replace("my-data/", f"{part}/")


def test_the_example_of_one_s_own_data(tmp_path):
    folder = tmp_path / "my-data"
    (folder / "videos").mkdir(parents=True)
    for name, language in (("questions.csv", "csv"), ("gold.json", "json"), ("config.yaml", "yaml")):
        (folder / name).write_text(printed(language, folder))
    names = list(dict.fromkeys(pd.read_csv(folder / "questions.csv")["video"]))
    generate(tmp_path / "demo", DemoSettings(train=len(names) - 3, val=1, test=1, test_shifted=1))
    rendered = sorted((tmp_path / "demo/videos").iterdir())
    for name, video in zip(names, rendered, strict=True):
        shutil.copy(video, folder / f"videos/{name}{video.suffix}")
    path = os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()])
    said = ""
    gold = f"snakemake --cores 2 --configfile {folder}/config.yaml -- {folder}/results/datasets/mine/gold.json"
    for command in [*printed("sh", folder).strip().splitlines(), gold]:
        done = subprocess.run(
            command, shell=True, cwd=ROOT, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, command + done.stdout[-3000:] + done.stderr[-6000:]
        said += done.stdout
    assert "mine: healthy" in said
    results = folder / "results"
    assert "HGA" in (results / "tables/table1.md").read_text()
    annotations = results / "datasets/mine/annotations"
    videos = [set(pd.read_csv(annotations / f"{split}.csv")["video_id"]) for split in ("train", "val", "test")]
    assert [len(found) for found in videos] == [8, 1, 1] and len(set.union(*videos)) == 10
    assert set(json.loads((results / "datasets/mine/gold.json").read_text())) == {"kitchen_0", "garden_0"}
    metrics = json.loads((results / "runs/mine/hga/eigv/app+mot/seed0/metrics.json").read_text())
    assert f"all {metrics['accuracy']:>16.2f} %  of 2" in said
    only = json.loads((results / "runs/mine/question-only/seed0/metrics.json").read_text())
    assert only["questions"] == 2 and set(only["by_type"]) == {"what", "where"}
