"""What is to be read in Snakemake's output while jobs run, and when one fails."""

import subprocess
import sys

import pytest

from tests.places import ROOT
from tests.workflow.test_messages import open_ended

pytestmark = pytest.mark.workflow

CONFIG = """
name: failing
results: {folder}/results
videos: {{v: {{folder: {folder}/data/videos}}}}
datasets: {{d: {{format: msvd-qa, annotations: {folder}/data, videos: v}}}}
features: {{appearance: {{network: resnet152, weights: random}}, motion: {{network: resnext3d-101, weights: random}}}}
"""


def test_a_failed_job_shows_the_last_lines_of_its_log(tmp_path):
    """Under the plain command, without a profile, from a folder of the user's own."""
    open_ended(tmp_path / "data", 30)
    (tmp_path / "config.yaml").write_text(CONFIG.format(folder=tmp_path))
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--snakefile", str(ROOT / "Snakefile")]
    target = f"{tmp_path}/results/videos/v/manifest.csv"
    done = subprocess.run(
        [*command, target, "--configfile", "config.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    log = tmp_path / "results/logs/probe/v.log"
    _, _, shown = done.stderr.partition(f"The end of {log}:\n")
    lines = log.read_text().splitlines()
    assert shown.startswith("\n".join(lines[-30:]) + "\n"), done.stderr
    assert len(lines) > 30 and lines[-31] not in shown
