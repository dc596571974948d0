"""Evaluations in one process: the bytes of separate ones, files made ahead, failures that stay alone."""

import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from base.errors import UserError
from eigv.runs import evaluation
from eigv.runs.ahead.evaluations import Evaluation, evaluate_one_and_ahead, evaluations
from eigv.runs.evaluation import evaluate
from eigv.runs.several import How
from eigv.runs.training import train
from tests.eigv import numbered
from tests.eigv.runs import scripted
from tests.places import ROOT

NAMES = ("metrics.json", "predictions.csv")


@pytest.fixture(scope="module")
def how(tmp_path_factory) -> How:
    return How(**numbered.write(tmp_path_factory.mktemp("data")), device="cpu")


@pytest.fixture(scope="module")
def models(how, tmp_path_factory) -> Path:
    """A folder with a plain run, and one that has an indicator."""
    folder = tmp_path_factory.mktemp("models")
    for method in ("erm", "eigv"):
        settings = scripted.settings(method=method, epochs=1)
        train(settings, *how.places, folder / method, folder / "state", "cpu")
    return folder


def asked(models: Path, folder: Path, *names: str, **more) -> list[Evaluation]:
    """The evaluations of some runs into `folder`."""
    entries = [
        {"model": f"{models}/{name}/model.json", "out": f"{folder}/{name}", "state": f"{folder}/state/{name}"}
        | {"split": "val", "inference": {"faithfulness": 2}}
        for name in names
    ]
    return evaluations(json.loads(json.dumps(entries)), "--ahead")


def files(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in NAMES}


def alone(one: Evaluation, how: How, folder: Path) -> dict[str, bytes]:
    """The files of an evaluation by itself."""
    evaluate(one.model, one.split, *how.places, "video", folder / "alone", "cpu", faithful=2)
    return files(folder / "alone")


def test_what_is_made_ahead_waits_for_its_job_which_evaluates_nothing(models, how, tmp_path, monkeypatch):
    own, other = asked(models, tmp_path, "erm", "eigv")
    metrics = evaluate_one_and_ahead(own, [other], how)
    assert files(own.out) == alone(own, how, tmp_path) and metrics["split"] == "val"
    assert not other.out.exists()
    expected = alone(other, how, tmp_path)
    monkeypatch.setattr(evaluation, "predict", None)
    assert "rationale" in evaluate_one_and_ahead(other, [], how)
    assert files(other.out) == expected
    assert not any(path.is_file() for path in (tmp_path / "state").rglob("*"))


def test_what_was_made_ahead_of_another_model_or_otherwise_is_made_again(models, how, tmp_path):
    own, other = asked(models, tmp_path, "erm", "eigv")
    evaluate_one_and_ahead(own, [other], how)
    changes = (
        (other.model_copy(update={"split": "train"}), how),
        (other.model_copy(update={"inference": own.inference.model_copy(update={"faithfulness": 3})}), how),
        (other.model_copy(update={"model": own.model}), how),
        (other, how._replace(stage=9)),
    )
    assert other.shelf(how).is_full()
    for changed, their in changes:
        assert not changed.shelf(their).is_full()
    same_shelf = changes[1][0]
    evaluate_one_and_ahead(same_shelf, [], how)
    assert json.loads((other.out / "metrics.json").read_text())["rationale"]["faithfulness"]["questions"] == 3


def test_ahead_is_left_out_what_is_not_trained_what_is_made_and_what_fails(models, how, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    own, late, made, wrong, left = asked(models, tmp_path, "erm", "late", "eigv", "wrong", "left")
    left = left.model_copy(update={"model": own.model})
    made.out.mkdir(parents=True)
    (made.out / "metrics.json").write_text("{}")
    os.utime(made.out / "metrics.json", (4e9, 4e9))
    wrong = wrong.model_copy(update={"model": made.model, "gold": tmp_path / "absent.json"})
    evaluate_one_and_ahead(own, [late, made, wrong, left], how)
    assert [one.shelf(how).is_full() for one in (late, made, wrong, left)] == [False, False, False, True]
    assert "eigv/model.json on val, ahead of its job: " in caplog.text and "evaluated 1 more runs" in caplog.text


def test_sigterm_ends_it_with_its_own_files(models, how, tmp_path, monkeypatch):
    own, other, last = asked(models, tmp_path, "erm", "eigv", "last")
    last = last.model_copy(update={"model": own.model})
    predict, calls = evaluation.predict, []

    def ended(*given):
        calls.append(given)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return predict(*given)

    monkeypatch.setattr(evaluation, "predict", ended)
    evaluate_one_and_ahead(own, [other, last], how)
    assert len(calls) == 2 and (own.out / "metrics.json").is_file()
    assert other.shelf(how).is_full() and not last.shelf(how).is_full()


def test_the_command_needs_a_state_for_what_is_ahead(models, how, tmp_path):
    command = [sys.executable, "-m", "eigv.cli", "evaluate", "--model", f"{models}/erm/model.json", "--ahead", "[{}]"]
    places = ["--video", how.video, "--questions", how.questions, "--text", how.text, "--out", tmp_path / "out"]
    done = subprocess.run([*command, *map(str, places)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "--ahead needs --state" in done.stderr


@pytest.mark.parametrize(
    ("entries", "message"),
    [({}, "--ahead: expected a list"), ([{"out": "a"}], "--ahead, evaluation 1:\n  `model` is missing")],
)
def test_a_list_that_does_not_fit_is_refused(entries, message):
    with pytest.raises(UserError, match=message):
        evaluations(entries, "--ahead")
