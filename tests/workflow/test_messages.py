"""What a user is told before anything starts, and how long that takes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import ROOT
from tests.workflow.tiny import processor_seconds

pytestmark = pytest.mark.workflow


def refused(*arguments: str) -> str:
    """Runs Snakemake, expects it to stop before any job, and returns what it says."""
    command = [sys.executable, "-m", "snakemake", "--cores", "1", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0, said
    assert "steps" not in said
    return said


def test_the_paper_without_data_says_what_to_get_and_where_to_put_it():
    if (ROOT / "data/nextqa").exists():
        pytest.skip("this checkout has the paper's data")
    said = refused()
    for text in ("data/nextqa/train.csv", "data/msvd-qa/train_qa.json", "data/msrvtt-qa/train_qa.json"):
        assert text in said
    assert "github.com/doc-doc/NExT-QA" in said
    for text in ("weights/resnet152", "weights/resnext-101-kinetics.pth"):
        assert text in said


def test_a_target_that_a_configuration_lacks_is_said():
    said = refused("table2", "--configfile", "config/msvd-clips.yaml")
    assert "'msvd-clips' has no table2; it has table1, figure6" in said


def test_an_unknown_key_names_the_nearest():
    assert "did you mean `epochs`" in refused("--configfile", "config/demo.yaml", "--config", "training={epoch: 1}")


def test_an_unknown_run_is_refused():
    target = "results/demo/runs/demo-mc/mspam/eigv/app+mot/seed0/metrics.json"
    assert "mspam" in refused(target, "--configfile", "config/demo.yaml")


def test_help_is_quick():
    for module in ("eigv.cli", "extract.cli"):
        before = processor_seconds()
        subprocess.run([sys.executable, "-m", module, "--help"], cwd=ROOT, check=True, capture_output=True)
        assert processor_seconds() - before < 1


def plan(config: Path) -> tuple[str, float]:
    """What a dry run of a configuration says, and the seconds that it takes of the processor."""
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--configfile", str(config)]
    before = processor_seconds()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, processor_seconds() - before


def open_ended(folder: Path, videos: int) -> None:
    """Annotations in MSVD-QA's form, a question a video, and the empty folder of the videos."""
    (folder / "videos").mkdir(parents=True)
    entries = [{"id": n, "video_id": n, "question": "what is shown", "answer": "a cat"} for n in range(1, videos + 1)]
    for part, split in enumerate(("train", "val", "test")):
        (folder / f"{split}_qa.json").write_text(json.dumps(entries[part::3]))
    (folder / "youtube_mapping.txt").write_text("".join(f"clip{n} vid{n}\n" for n in range(1, videos + 1)))


@pytest.mark.parametrize(("videos", "seconds"), [(400, 5), (10_000, 20)])
def test_planning_is_quick(tmp_path, videos, seconds):
    open_ended(tmp_path / "data", videos)
    config = tmp_path / "config.yaml"
    config.write_text(f"""
name: planned
results: {tmp_path}/results
videos: {{v: {{folder: {tmp_path}/data/videos}}}}
datasets: {{d: {{format: msvd-qa, annotations: {tmp_path}/data, videos: v}}}}
text: {{encoder: "package:minilm"}}
features:
  appearance: {{network: resnet152, weights: random}}
  motion: {{network: resnext3d-101, weights: random}}
tables: {{table1: {{datasets: [d], backbones: [hga], methods: [erm, eigv], seeds: [0, 1, 2]}}}}
""")
    said, took = plan(config)
    assert took < seconds
    assert "train" in said and "decode" in said
