"""What the demo shows is true: plain training answers most questions, and the indicator finds the clips that hold them.

On fewer videos than `make demo` has, from the pixels on, for open answers; and after `make demo` its Table 1.
"""

import json
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from tests.places import ROOT
from tests.workflow.tiny import TOGETHER, snakemake

pytestmark = pytest.mark.workflow
RESULTS, DATA = ROOT / "results/learns", ROOT / "results/learns-data"
CONFIG = ["--configfile", "config/demo.yaml", "tests/workflow/learns.yaml"]
RUNS = "runs/demo-oe/mspan/{method}/app+mot/seed0/metrics.json"
VIDEOS = ["--train", "110", "--val", "20", "--test", "30", "--test-shifted", "1"]
# Chance is 18 % (docs/demo-data.md); a selection of every clip has an IoP and IoU of 53 %.
# Ten below what was measured: 69 %; 78 %, 81, 70.
LEAST = {"erm": {"accuracy": 59}, "faithful": {"accuracy": 68, "iop": 71, "iou": 60}}


@pytest.fixture(scope="module")
def measured() -> dict[str, dict]:
    """The metrics of each method."""
    for folder in (RESULTS, DATA):
        shutil.rmtree(folder, ignore_errors=True)
    makefile = (ROOT / "Makefile").read_text()
    settings = makefile.split("DEMO_VIDEOS = ")[1].split("--settings '")[1].split("'")[0]
    command = [sys.executable, "-m", "extract.cli", "demo-data", "--out", str(DATA), *VIDEOS, "--settings", settings]
    subprocess.run(command, cwd=ROOT, check=True)
    files = {method: RESULTS / RUNS.format(method=method) for method in LEAST}
    targets = [str(file.relative_to(ROOT)) for file in files.values()]
    snakemake(*targets, "--set-resources", *TOGETHER, *CONFIG)
    return {method: json.loads(file.read_text()) for method, file in files.items()}


@pytest.mark.parametrize("method", LEAST)
def test_it_learns(measured, method):
    metrics = measured[method]
    found = {"accuracy": metrics["accuracy"]}
    if "rationale" in metrics:
        found |= metrics["rationale"]["gold"]["clips"]["selected"]
    assert {name: found[name] for name in LEAST[method] if found[name] < LEAST[method][name]} == {}, found


# Another processor rounds otherwise, and training amplifies it: between two of them (Intel Xeon, AMD EPYC) numbers
# fell by up to 7.5, the standard error of an accuracy here being 3.
MARGIN = 10.0
# Accuracy, IoP and IoU of Table 1 of `make demo`, test and then test-shifted.
SHOWN = {
    ("demo-oe", "erm"): ((81.5,), (81.8,)),
    ("demo-oe", "eigv"): ((65.3, 65.0, 49.7), (65.0, 66.3, 48.6)),
    ("demo-oe", "faithful"): ((84.9, 76.9, 65.8), (78.6, 80.3, 67.0)),
    ("demo-oe", "eigv-faithful"): ((77.7, 76.9, 65.8), (71.4, 80.3, 67.0)),
    ("demo-mc", "erm"): ((72.8,), (67.5,)),
    ("demo-mc", "eigv"): ((67.2, 82.5, 65.5), (62.1, 83.5, 65.9)),
    ("demo-mc", "faithful"): ((73.2, 84.0, 72.3), (70.4, 83.2, 69.1)),
    ("demo-mc", "eigv-faithful"): ((53.6, 84.0, 72.3), (67.5, 83.2, 69.1)),
}


@pytest.mark.parametrize(("dataset", "method"), SHOWN)
def test_the_numbers_of_make_demo(dataset, method):
    """Run by .github/workflows/demo.yml."""
    file = ROOT / "results/demo/tables/table1.csv"
    if not file.is_file():
        pytest.skip(f"make demo has not run here: there is no {file}")
    table = pd.read_csv(file).set_index(["dataset", "method", "split"])[["accuracy", "iop", "iou"]]
    for split, shown in zip(("test", "test-shifted"), SHOWN[dataset, method], strict=True):
        found = table.loc[(dataset, method, split)].dropna().tolist()
        assert len(found) == len(shown)
        assert all(value >= least - MARGIN for value, least in zip(found, shown, strict=True)), (split, found)
