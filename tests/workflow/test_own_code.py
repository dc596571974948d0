"""Code of the user's own in the real workflow: a change of its file reruns what it makes."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from eigv.config.experiment import load
from eigv.plan.plan import Plan
from tests.examples import python_in
from tests.places import ROOT
from tests.workflow.test_messages import refused

pytestmark = pytest.mark.workflow


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A data set, features and a backbone, each in code of one's own, as the documentation shows them."""
    code = {
        "format": python_in("datasets.md", "## A format of your own", tmp_path / "my_format.py"),
        "layout": python_in("formats.md", "**A layout of your own**", tmp_path / "my_layout.py"),
        "backbone": python_in("method.md", "## Adding a backbone", tmp_path / "late_fusion.py"),
    }
    for split in ("train", "val", "test"):
        table = pd.DataFrame({"clip": [split], "question": ["What is it?"], "answer": ["a cat"]})
        table.to_csv(tmp_path / f"{split}.tsv", sep="\t", index=False)
    (tmp_path / "features").mkdir()
    (tmp_path / "config.yaml").write_text(f"""
name: own
results: {tmp_path}/results
videos: {{v: {{features: {{layout: "{code["layout"]}:LAYOUT", path: {tmp_path}/features}}}}}}
datasets: {{d: {{format: "{code["format"]}:READER", annotations: {tmp_path}, videos: v}}}}
plugins: {{late-fusion: "{code["backbone"]}:LateFusion"}}
""")
    return tmp_path / "config.yaml"


def snakemake(config: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "snakemake", "--cores", "1", *arguments, "--configfile", str(config)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    return done.stdout + done.stderr


def test_a_change_of_a_format_reads_the_annotations_anew(config):
    folder = config.parent / "results/datasets/d/all_annotations"
    snakemake(config, str(folder))
    assert "Nothing to be done" in snakemake(config, str(folder))
    file = config.with_name("my_format.py")
    file.write_text(file.read_text().replace('"answer": table["answer"]', '"answer": table["answer"].str.upper()'))
    snakemake(config, str(folder))
    assert pd.read_csv(folder / "val.csv")["answer"].tolist() == ["A CAT"]


def inputs(config: Path, target: str) -> list[str]:
    """The inputs of each job that a target needs, but for jobs that have a message of their own."""
    said = snakemake(config, target, "--dry-run")
    return [line for line in said.splitlines() if line.startswith("    input: ")]


def test_each_piece_of_code_is_an_input_of_what_it_makes(config):
    folder = config.parent
    lines = inputs(config, f"{folder}/results/videos/v/video.h5")
    for code, other in {"my_format": "val.tsv", "my_layout": "features"}.items():
        (line,) = (line for line in lines if f"{folder}/{code}.py" in line)
        assert f"{folder}/{other}" in line
    assert Plan(load([config])).runs.own_files("late-fusion") == [f"{folder}/late_fusion.py"]


def test_the_builder_of_a_network_is_an_input_of_its_features_alone(tmp_path):
    (tmp_path / "videos").mkdir()
    (tmp_path / "net.py").write_text("")
    (tmp_path / "config.yaml").write_text(f"""
name: own
results: {tmp_path}/results
videos: {{v: {{folder: {tmp_path}/videos}}}}
features:
  shards: 2
  networks:
    mine: {{kind: appearance, builder: "{tmp_path}/net.py:build", size: 64, mean: [0, 0, 0], std: [1, 1, 1],
           file: weights, source: mine}}
  appearance: {{network: mine, weights: random}}
  motion: {{network: resnext3d-tiny}}
""")
    lines = [line for line in inputs(tmp_path / "config.yaml", "videos") if f"{tmp_path}/net.py" in line]
    assert len(lines) == 2 and all(".frames.h5" in line for line in lines)


def test_code_that_is_not_there_or_cannot_be_loaded_is_said_before_anything_starts(config):
    target = str(config.parent / "results/datasets/d/all_annotations")
    file = config.with_name("my_format.py")
    file.write_text(file.read_text().replace("READER =", "READR ="))
    assert "has no 'READER'; did you mean 'READR'" in refused(target, "--configfile", str(config))
    for name in ("my_format", "my_layout", "late_fusion"):
        config.with_name(f"{name}.py").unlink()
    # Features are read for what is shown; for the annotations alone they are not.
    table = "tables={table1: {datasets: [d], backbones: [late-fusion], methods: [erm]}}"
    said = refused(target, "--configfile", str(config), "--config", table)
    assert "these files are needed and not there" in said
    assert all(f"    {config.parent}/{name}.py\n" in said for name in ("my_format", "my_layout", "late_fusion"))
