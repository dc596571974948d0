"""The benchmark of rationales at its smallest: what make rationales SIZE=small does, on one of its sets."""

import subprocess
import sys

import pytest

from benchmarks.rationales.sets import SETS, SMALL, render
from tests.places import ROOT

OVER = "tests/workflow/small-rationales.yaml"
pytestmark = pytest.mark.workflow


def python(*arguments: str) -> str:
    """Runs a module as `make` does; fails the test with its output."""
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    return done.stdout


def test_its_results_are_written_of_every_table(tmp_path):
    render(tmp_path / "data/rationales", small=True)
    assert {path.name for path in (tmp_path / "data/rationales").iterdir()} == set(SETS)
    targets = [
        "rationales",
        "paper",
        "post-hoc-d8",
        "post-hoc-eigv-faithful-other-scene-8-shifted",
        "deletion",
        "strips",
    ]
    config = ["--configfile", "config/rationales.yaml", OVER, "--set-resources", "train:runs_per_job=20"]
    python("snakemake", "--cores", "2", "--directory", str(tmp_path), *config, "--", *targets)
    page = tmp_path / "page.md"
    python("benchmarks.rationales", "--folder", str(tmp_path), "--over", OVER, "--page", str(page))
    text = page.read_text()
    assert f"### {SMALL}, MSPAN" in text
    assert f"### Beside post-hoc explainers: {SMALL}, + Faithful rationale, test" in text
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("|")]
    for method in ("Plain backbone", "+ EIGV", "+ Faithful rationale", "+ EIGV, faithful scenes", "gold clips"):
        assert rows.count(method) >= 2, method  # on test and on the shifted one
    assert "nan" not in text
    assert "](images/rationales-deletion.png)" in text
    assert (tmp_path / "images/rationales-strips.png").is_file()
