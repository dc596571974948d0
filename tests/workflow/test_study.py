"""The study at its smallest: one run of make study SIZE=small, from the real questions to its row in the page."""

import subprocess
import sys

import pytest

from tests.places import ROOT, SHARED

OVER = "tests/workflow/small-study.yaml"
pytestmark = [
    pytest.mark.workflow,
    pytest.mark.slow,
    pytest.mark.skipif(not (SHARED / "data/real").is_dir(), reason="needs ../shared/data/real"),
]


def python(folder, *arguments: str) -> None:
    """Runs a module as `make` does; fails the test with its output."""
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]


def test_a_run_of_real_questions_comes_to_its_row(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    folder = tmp_path / "study"
    folder.mkdir()
    (tmp_path / "shared").symlink_to(SHARED)
    python(folder, "benchmarks.study.sets", "data/study", "--small")
    run = "results/study/runs/real-msvd/mspan/erm/app+mot/seed0"
    targets = [f"{run}/metrics.json", f"{run}/test-shuffled/metrics.json"]
    config = ["--configfile", "config/study.yaml", OVER]
    python(ROOT, "snakemake", "--cores", "2", "--directory", str(folder), *config, "--", *targets)
    page = tmp_path / "page.md"
    python(ROOT, "benchmarks.study", "--folder", str(folder), "--over", OVER, "--page", str(page))
    text = page.read_text()
    (row,) = [line for line in text.partition("### MSVD-QA\n")[2].splitlines() if line.startswith("| MSPAN ")]
    cells = [cell.strip() for cell in row.split("|")[2:-1]]
    assert cells[0] == "1"  # seed
    assert len(cells) == 4  # accuracy, best epoch, and of another video
    assert "- `make study-table1`: 1 of 8 runs are there" in text
