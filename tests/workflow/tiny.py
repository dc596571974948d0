"""The demo at its smallest, as several tests run it (tiny.yaml over config/demo.yaml)."""

import resource
import shutil
import subprocess
import sys
from pathlib import Path

from tests.places import ROOT

RESULTS, DATA = ROOT / "results/tiny", ROOT / "results/tiny-data"
CONFIG = ["--configfile", "config/demo.yaml", "tests/workflow/tiny.yaml"]
TOGETHER = [f"{rule}:runs_per_job=20" for rule in ("train", "evaluate", "evaluate_shifted")]
"""As `make demo` has it: a process trains or evaluates many runs, which is most of the time of small ones."""
SNAKEMAKE = [sys.executable, "-m", "snakemake", "--cores", "2"]


def snakemake(*arguments: str) -> str:
    """Runs Snakemake on this machine, expects it to succeed, and returns what it says."""
    done = subprocess.run([*SNAKEMAKE, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    return done.stdout + done.stderr


def processor_seconds() -> float:
    """Time that this process has spent in others it waited for: of the processor, so that other work does not count."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def make() -> Path:
    """Renders the data and makes everything of the demo anew; the folder of its results."""
    shutil.rmtree(RESULTS, ignore_errors=True)
    shutil.rmtree(DATA, ignore_errors=True)
    sizes = ["--train", "10", "--val", "4", "--test", "4", "--test-shifted", "4"]
    subprocess.run([sys.executable, "-m", "extract.cli", "demo-data", "--out", str(DATA), *sizes], cwd=ROOT, check=True)
    said = snakemake("--set-resources", *TOGETHER, *CONFIG)
    assert "Exception" not in said  # of rules that were tried for a file that another makes
    return RESULTS
