"""The demo's DAG with --use-conda, in environments that a stand-in for conda makes of environment.yml.

A checkout of its own holds the demo cut down to one run. What all this leaves open is said in standin_conda.py.
"""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

pytest.importorskip("rattler", reason="needs py-rattler, which the stand-in for conda parses, solves and links with")

from rattler import PrefixRecord

from tests.environments.pins import read_environment
from tests.environments.standin_conda import CALLS, install_conda
from tests.places import ROOT

RUN = "demo-oe/mspan/eigv/app+mot/seed0"
pytestmark = pytest.mark.workflow


def one_run() -> dict:
    """The demo's configuration with one data set and one run, and one of everything that shows it."""
    config = yaml.safe_load((ROOT / "config/demo.yaml").read_text())
    runs = {"datasets": ["demo-oe"], "backbones": ["mspan"], "methods": ["eigv"], "seeds": [0]}
    # A sweep over the value that the run has anyway trains nothing more.
    sweep = {"key": "eigv.objective.beta", "values": [config["eigv"]["objective"]["beta"]], **runs}
    for other in ("overrides", "explanations", "curves"):
        del config[other]
    del config["datasets"]["demo-mc"]
    config["features"]["shards"] = 1
    config["text"]["finetuning"]["steps"] = 1
    config["training"]["epochs"] = 1
    return config | {
        "tables": {"table1": runs},
        "sweeps": {"figure5a": sweep},
        "rationales": {"figure6": {"run": RUN}},
        "explorers": {"explorer": {"runs": [RUN]}},
    }


@pytest.fixture(scope="module")
def conda(tmp_path_factory) -> Path:
    """The folder of the stand-in's command."""
    environment = read_environment((ROOT / "environment.yml").read_text())
    return install_conda(tmp_path_factory.mktemp("conda"), environment)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """A copy of what a run needs of this repository, with a tiny data set."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("base", "eigv", "extract", "profiles", "workflow"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Snakefile", "environment.yml"):
        shutil.copy(ROOT / name, folder)
    (folder / "one-run.yaml").write_text(yaml.safe_dump(one_run()))
    sizes = ["--train", "6", "--val", "2", "--test", "2", "--test-shifted", "2"]
    subprocess.run([sys.executable, "-m", "extract.cli", "demo-data", *sizes], cwd=folder, check=True)
    return folder


def snakemake(conda: Path, checkout: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--configfile", "one-run.yaml", *arguments]
    path = os.pathsep.join([str(conda), *os.get_exec_path()])
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.run(command, cwd=checkout, env=os.environ | {"PATH": path}, text=True, check=False, **streams)


def test_a_plan_makes_no_environment(conda, checkout, tmp_path):
    done = snakemake(conda, checkout, "--sdm", "conda", "--dry-run", "--conda-prefix", str(tmp_path))
    assert done.returncode == 0, done.stdout
    assert "Conda environment environment.yml will be created." in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_every_job_runs_in_the_linked_environment(conda, checkout):
    done = snakemake(conda, checkout, "--use-conda", "--printshellcmds")
    assert done.returncode == 0, done.stdout[-6000:]
    (linked,) = (checkout / ".snakemake/conda").glob("*/conda-meta")  # one environment for all rules

    records = [PrefixRecord.from_path(file) for file in linked.glob("*.json")]
    pins = read_environment((ROOT / "environment.yml").read_text()).conda
    assert all(any(pin.matches(record) for record in records) for pin in pins) and len(records) == len(pins)

    asked = Counter(re.findall(r"^Shell command: .*\bpython -m (\w+\.cli \S+)", done.stdout, re.MULTILINE))
    assert Counter((linked.parent / CALLS).read_text().splitlines()) == asked
    assert {"extract.cli features", "extract.cli finetune", "eigv.cli train", "eigv.cli rationale"} <= asked.keys()
    assert "EIGV" in (checkout / "results/demo/tables/table1.md").read_text()


def test_the_packages_are_found_from_any_folder(conda, checkout, tmp_path):
    """Environments do not hold them, and get no PYTHONPATH from outside: those beside the Snakefile are found."""
    code = shutil.copytree(checkout, tmp_path / "code", ignore=shutil.ignore_patterns(".snakemake", "results", "data"))
    with (code / "base/command_line.py").open("a") as file:
        file.write('\nprint("found")\n')
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "data").symlink_to(checkout / "data")
    shutil.copy(code / "one-run.yaml", folder)
    options = ["--snakefile", str(code / "Snakefile"), "--conda-prefix", str(checkout / ".snakemake/conda")]
    target = "results/demo/datasets/demo-oe/all_annotations"
    done = snakemake(conda, folder, "--use-conda", *options, "--", target)
    assert done.returncode == 0, done.stdout[-6000:]
    assert "found" in (folder / "results/demo/logs/annotations/demo-oe.log").read_text()


@pytest.mark.parametrize(
    ("pattern", "line", "said"),
    [
        (r"- numpy==\S+", "- num py==1.0", "num py==1.0"),
        (r"- numpy==\S+", "- nunpy==1.0", "No candidates were found for nunpy ==1.0"),
        (r"- numpy==\S+", "- numpy==0.1", "No candidates were found for numpy ==0.1"),
        (r"- torch==\S+", "- torch=2.0", "torch=2.0"),
    ],
    ids=["misspelt specification", "misspelt name", "a version that is not there", "misspelt pip line"],
)
def test_an_environment_that_cannot_be_made_stops_the_run(conda, checkout, tmp_path, pattern, line, said):
    ignored = shutil.ignore_patterns(".snakemake", "results")
    broken = shutil.copytree(checkout, tmp_path / "checkout", ignore=ignored)
    file = broken / "environment.yml"
    file.write_text(re.sub(pattern, line, file.read_text()))
    done = snakemake(conda, broken, "--use-conda")
    assert done.returncode != 0
    assert "CreateCondaEnvironmentException" in done.stdout and said in done.stdout
    assert not (broken / "results").exists()
