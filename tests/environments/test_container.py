"""What can be read off the Containerfile without building it: there is no container runtime where the tests run."""

import re
import subprocess
import sys

import pytest
import yaml

from tests.places import ROOT


def instructions() -> list[tuple[str, str]]:
    """The Containerfile's instructions with their arguments, continued lines joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Containerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line]


def test_the_python_is_that_of_the_lock_and_of_conda():
    (image,) = [value for name, value in instructions() if name == "FROM"]
    python = re.fullmatch(r"docker\.io/library/python:([\d.]+)-slim-bookworm", image)[1]
    assert f"pip-compile with Python {python}\n" in (ROOT / "requirements.lock").read_text()
    assert f"python={python}" in yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]


def test_the_packages_are_those_of_the_lock_and_come_before_the_code():
    steps = [" ".join(step) for step in instructions()]
    wanted = ["COPY requirements.lock ./", "RUN pip install --requirement requirements.lock", "COPY . ./"]
    places = [steps.index(step) for step in wanted]
    assert places == sorted(places)
    assert [step for step in steps[places[-1] :] if "pip" in step] == ["RUN pip install --no-deps --editable ."]


def test_what_is_copied_is_there_and_not_left_out():
    for name, value in instructions():
        if name == "COPY":
            for source in value.split()[:-1]:
                assert (ROOT / source).exists()
    # Docker's patterns mean here what git's do.
    command = ["git", "ls-files", "--cached", "--ignored", "--exclude-from", ".dockerignore"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("needs a git checkout")
    assert listed.stdout == ""


@pytest.mark.workflow
def test_the_command_of_the_header_plans_in_a_folder_without_the_code(tmp_path):
    """As in the image, where code and data lie apart; the data set is an empty folder with one question a split."""
    (tmp_path / "videos").mkdir()
    for split in ("train", "val", "test"):
        (tmp_path / f"{split}_qa.json").write_text('[{"id": 1, "video_id": 1, "question": "what", "answer": "cat"}]')
    (tmp_path / "youtube_mapping.txt").write_text("clip1 vid1\n")
    (tmp_path / "yours.yaml").write_text("""
name: yours
results: results
videos: {v: {folder: videos}}
datasets: {d: {format: msvd-qa, annotations: ., videos: v}}
text: {encoder: "package:minilm"}
features: {appearance: {network: resnet152, weights: random}, motion: {network: resnext3d-101, weights: random}}
tables: {table1: {datasets: [d], backbones: [hga], methods: [erm], seeds: [0]}}
""")
    (options,) = re.findall(r"apptainer exec --nv eigv\.sif snakemake (.*)", (ROOT / "Containerfile").read_text())
    arguments = options.replace("/opt/eigv", str(ROOT)).split()
    command = [sys.executable, "-m", "snakemake", *arguments, "--dry-run"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "train" in done.stdout
