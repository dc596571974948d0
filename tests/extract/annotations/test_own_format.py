"""Annotation files in a format of the user's own: the very one that docs/datasets.md shows, through the commands."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.examples import python_in
from tests.places import ROOT


@pytest.fixture
def code(tmp_path: Path) -> str:
    """The reader, as a configuration names it, beside three splits of two questions each."""
    for split in ("train", "val", "test"):
        rows = [(f"{split}1", "What is it?", "a cat"), (f"{split}2", "Who is it?", "a dog")]
        pd.DataFrame(rows, columns=["clip", "question", "answer"]).to_csv(
            tmp_path / f"{split}.tsv", sep="\t", index=False
        )
    return f"{python_in('datasets.md', '## A format of your own', tmp_path / 'my_format.py')}:READER"


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-m", "extract.cli", *arguments]
    return subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False)


def read(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    settings = json.dumps({"format": code, "annotations": str(folder), "videos": "v"})
    return command("annotations", "--settings", settings, "--out", str(folder / "out"))


def test_the_example_is_read(tmp_path, code):
    done = read(tmp_path, code)
    assert done.returncode == 0, done.stderr
    assert pd.read_csv(tmp_path / "out/val.csv").to_dict("records") == [
        {"qid": "val-0", "video_id": "val1", "question": "What is it?", "type": "what", "answer": "a cat"},
        {"qid": "val-1", "video_id": "val2", "question": "Who is it?", "type": "who", "answer": "a dog"},
    ]


def test_the_doctor_takes_it_by_its_name_and_from_a_configuration(tmp_path, code):
    done = command("doctor", "--dataset", code, "--annotations", str(tmp_path))
    assert done.returncode == 0 and done.stdout.endswith(f"{code}: healthy\n")
    (tmp_path / "c.yaml").write_text(
        f"videos: {{v: {{folder: {tmp_path}/gone}}}}\n"
        f"datasets: {{mine: {{format: '{code}', annotations: {tmp_path}/elsewhere, videos: v}}}}\n"
    )
    (tmp_path / "over.yaml").write_text(
        f"videos: {{v: {{folder: {tmp_path}}}}}\ndatasets: {{mine: {{annotations: {tmp_path}}}}}"
    )
    for split in ("train", "val", "test"):
        for number in (1, 2):
            (tmp_path / f"{split}{number}.mp4").touch()
    done = command(
        "doctor", "--dataset", "mine", "--config", str(tmp_path / "c.yaml"), "--config", str(tmp_path / "over.yaml")
    )
    assert done.returncode == 0 and done.stdout.endswith("mine: healthy\n"), done.stdout + done.stderr


@pytest.mark.parametrize(
    ("right", "wrong", "expected"),
    [
        ("READER =", "READR =", "the annotation format: .*my_format.py has no 'READER'; did you mean 'READR'"),
        ("Reader(files, read, source=", "dict(source=", "type dict, expected extract.annotations.contract:Reader"),
        ("from pathlib", "from pathlip", "my_format.py, line 3, fails: ModuleNotFoundError"),
        ('table["answer"]', '""', r"train.tsv: row 1: it has an empty answer"),
    ],
)
def test_what_is_wrong_with_it_is_said_in_one_message(tmp_path, code, right, wrong, expected):
    file = tmp_path / "my_format.py"
    assert right in file.read_text()
    file.write_text(file.read_text().replace(right, wrong))
    done = read(tmp_path, code)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert re.search(expected, done.stderr), done.stderr


def test_a_file_that_is_not_there_and_a_name_that_is_none_are_refused(tmp_path, code):
    assert f"the file {tmp_path}/gone.py does not exist" in read(tmp_path, f"{tmp_path}/gone.py:READER").stderr
    assert "there is no format 'my_format'; there are custom, " in read(tmp_path, "my_format").stderr
    assert "a file is named with its ending" in read(tmp_path, "my_format:READER").stderr
