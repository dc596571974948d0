"""What a user is told before anything starts."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
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
    assert "backbone mspan" in said  # named in the table, and not in this version


def test_an_unknown_key_names_the_nearest():
    assert "did you mean `epochs`" in refused("--configfile", "config/demo.yaml", "--config", "training={epoch: 1}")


def test_an_unknown_run_is_refused():
    target = "results/demo/runs/demo-mc/mspan/eigv/app+mot/seed0/metrics.json"
    assert "mspan" in refused(target, "--configfile", "config/demo.yaml")


def test_help_is_quick():
    for module in ("eigv.cli", "extract.cli"):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", module, "--help"], cwd=ROOT, check=True, capture_output=True)
        assert time.perf_counter() - started < 2  # under 1 s on a quiet machine
