"""The wheel, installed into an environment in somebody else's repository: all data are in it, and our commit."""

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from base.formats.questions import CANDIDATES
from base.formats.video_features import VideoFeatures
from base.provenance import commit
from eigv.config.experiment import load
from tests.eigv import made_up_runs
from tests.extract import feature_files
from tests.places import ROOT

VIDEOS = ["1", "2"]
RUN = "nextqa/hga/erm/app+mot/seed0"
pytestmark = pytest.mark.slow


class Installed(NamedTuple):
    repository: Path
    """Somebody else's, with the environment in it."""
    environment: Path

    def run(self, *command: str | Path) -> str:
        """What a program of the environment prints, started in the other repository; it must succeed."""
        clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        program = [self.environment / "bin" / command[0], *command[1:]]
        done = subprocess.run(program, cwd=self.repository, env=clean, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def pip(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--wheel-dir", folder, ROOT)
    (found,) = folder.iterdir()
    return found


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Installed:
    """The wheel alone; what it needs is borrowed from the environment of the tests, which has the checkout in it."""
    repository = tmp_path_factory.mktemp("other")
    environment = repository / "environment"
    somebody = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
    subprocess.run(["git", "init", "--quiet"], cwd=repository, check=True)
    subprocess.run(["git", *somebody, "commit", "--quiet", "--allow-empty", "-m", "theirs"], cwd=repository, check=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    pip("--python", environment / "bin/python", "install", "--no-deps", "--no-index", wheel)
    (packages,) = environment.glob("lib/python*/site-packages")
    # A folder that is named here is searched last, and path files in it, as that of the checkout, are not read.
    (packages / "borrowed.pth").write_text("\n".join({sysconfig.get_path(kind) for kind in ("purelib", "platlib")}))
    return Installed(repository, environment)


def test_the_packages_are_the_wheel_s(installed):
    places = installed.run(
        "python", "-c", "import base, eigv, extract; print(base.__file__, eigv.__file__, extract.__file__)"
    )
    assert all(Path(place).is_relative_to(installed.environment) for place in places.split())


def test_every_file_of_the_packages_is_in_it(wheel):
    listed = subprocess.run(
        ["git", "ls-files", "base", "eigv", "extract"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("needs a git checkout")
    assert set(listed.stdout.split()) <= set(zipfile.ZipFile(wheel).namelist())


@pytest.mark.parametrize("program", ["eigv", "eigv-extract"])
def test_the_version_names_the_commit_that_was_built(installed, wheel, program):
    version = wheel.name.split("-")[1].partition("+")[0]
    assert installed.run(program, "--version") == f"eigv {version}, commit {commit()}\n"


def test_a_table_has_the_published_values(installed, tmp_path):
    paper = load([ROOT / "config/config.yaml"]).model_copy(update={"results": tmp_path})
    for run in paper.runs("table1"):
        made_up_runs.write(paper, run, 40.0 + run.seed)
    config = ["--config", ROOT / "config/config.yaml", "--config", json.dumps({"results": str(tmp_path)})]
    assert "| 41.0 ± 1.0 (+0.0) | 53.7 (+3.7) |" in installed.run("eigv", "table", "table1", *config)


def test_an_explorer_of_imported_features_which_name_our_commit(installed, tmp_path):
    theirs = feature_files.write_npy(tmp_path / "theirs", feature_files.made_up(VIDEOS), VIDEOS)
    asked = {"qid": ["q1", "q2"], "video_id": VIDEOS, "question": "what is shown?", "type": "what", "answer": "cat"}
    (tmp_path / "questions").mkdir()
    pd.DataFrame(asked).to_csv(tmp_path / "questions/test.csv", index=False)
    settings = {"collection": {"features": theirs.model_dump(mode="json")}, "features": {}}
    made = ["--questions", tmp_path / "questions", "--manifest", tmp_path / "manifest.csv"]
    installed.run("eigv-extract", "import", "--settings", json.dumps(settings), *made, "--out", tmp_path / "video.h5")
    store = VideoFeatures.read(tmp_path / "video.h5")
    assert np.isfinite(store.features["motion"]).all() and store.attributes["commit"] == commit()

    (tmp_path / "runs" / RUN).mkdir(parents=True)
    answered = pd.DataFrame(asked).drop(columns="question")
    answered = answered.assign(prediction="cat", correct=1, top="cat:0.9000 dog:0.1000")
    answered.to_csv(tmp_path / "runs" / RUN / "predictions.csv", index=False)
    where = [*made, "--runs", tmp_path / "runs", "--video", tmp_path / "video.h5", "--out", tmp_path / "page.html"]
    installed.run("eigv", "explorer", "--settings", json.dumps({"runs": [RUN]}), *where)
    page = (tmp_path / "page.html").read_text()
    assert "what is shown?" in page and page.rstrip().endswith("</html>")


def test_a_score(installed, tmp_path):
    (tmp_path / "q.csv").write_text(
        f"video,question,answer,{','.join(CANDIDATES)},split\n"
        "a,what,0,p,q,r,s,t,train\nb,what,0,p,q,r,s,t,val\nc,what,3,p,q,r,s,t,test\nc,who,1,p,q,r,s,t,test\n"
    )
    (tmp_path / "p.json").write_text('{"c_0": 3, "c_1": 0}')
    where = ["--dataset", "custom", "--annotations", tmp_path / "q.csv", "--out", tmp_path / "metrics.json"]
    installed.run("eigv", "score", tmp_path / "p.json", *where)
    assert json.loads((tmp_path / "metrics.json").read_text())["accuracy"] == 50
