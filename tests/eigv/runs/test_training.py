"""Training learns, is deterministic, survives a kill, and its evaluation is traceable."""

import json
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
import torch

from base.errors import UserError
from base.jobs import resume
from base.jobs.device import working_device
from eigv.config.run import RunSettings
from eigv.method.model import VideoQA
from eigv.runs.evaluation import evaluate
from eigv.runs.training import train
from tests.eigv import synthetic
from tests.places import ROOT

SMALL = {
    "backbone": "hga",
    "features": "app+mot",
    "seed": 0,
    "backbones": {
        "amu": {"hidden": 16, "words": 16},
        "comem": {"hidden": 16, "words": 16, "dropout": 0.0},
        "hga": {"hidden": 32, "words": 16, "dropout": 0.0, "fusion": {"width": 64, "chunks": 8, "rank": 4}},
        "hme": {"hidden": 16, "words": 16, "text_slots": 8, "dropout": 0.0, "text_dropout": 0.0},
        "mspan": {"hidden": 16, "dropout": 0.0},
    },
    "eigv": {"disruptor": {"negatives": 2}, "objective": {"beta": 0.1}, "intervener": {"alpha": 0.2}},
}


def settings(method, **training):
    return RunSettings.model_validate(
        SMALL | {"method": method, "training": {"epochs": 12, "batch": 16, "learning_rate": 0.005} | training}
    )


def run(run_settings, data, folder):
    train(run_settings, **data, out=folder, state=folder / "state", device="cpu")
    return evaluate(folder / "model.json", "test", **data, answer_from="video", out=folder, device="cpu")


@pytest.mark.parametrize("multiple_choice", [True, False], ids=["multiple-choice", "open-ended"])
@pytest.mark.parametrize("method", ["erm", "eigv"])
def test_a_run_beats_chance(tmp_path, method, multiple_choice):
    data = synthetic.write(tmp_path, multiple_choice=multiple_choice, videos=400)
    # Mixed samples take more and smaller steps.
    how = (
        {"epochs": 40, "batch": 8, "learning_rate": 0.001}
        if method == "eigv"
        else {"epochs": 30, "learning_rate": 0.003}
    )
    metrics = run(settings(method, stop_after=8, **how), data, tmp_path / "run")
    assert metrics["accuracy"] > 70  # chance is 20
    predictions = pd.read_csv(tmp_path / "run/predictions.csv")
    assert metrics["accuracy"] == pytest.approx(100 * predictions["correct"].mean())
    assert len(predictions) == metrics["questions"] == 100
    assert ("causal_clips" in predictions.columns) == (method == "eigv")
    history = pd.read_csv(tmp_path / "run/history.csv")
    assert history["val_accuracy"].max() == metrics["val_accuracy"]
    if method == "eigv":
        watched = {"causal_share", "causal_spread", "causal_agreement", "question_effect", "contrastive_loss"}
        assert watched | {"answer_loss", "train_accuracy", "clean_accuracy", "gradient_norm"} <= set(history.columns)
        assert 0 <= metrics["rationale"]["causal_share"] <= 1


@pytest.mark.parametrize("features", ["app+mot", "app"])
@pytest.mark.parametrize("backbone", ["amu", "comem", "hme", "mspan"])
def test_a_run_of_another_backbone_beats_chance(tmp_path, backbone, features):
    data = synthetic.write(tmp_path, multiple_choice=False, videos=400)
    other = settings("erm", epochs=10, learning_rate=0.003).model_copy(
        update={"backbone": backbone, "features": features}
    )
    assert run(other, data, tmp_path / "run")["accuracy"] > 60


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(tmp_path, monkeypatch):
    data = synthetic.write(tmp_path, multiple_choice=True)
    run(settings("eigv", epochs=4), data, tmp_path / "whole")

    class KilledError(Exception):
        pass

    steps = 0
    step = VideoQA.training_step

    def counted(*args):
        nonlocal steps
        steps += 1
        if steps == 6:  # in the third epoch
            raise KilledError
        return step(*args)

    monkeypatch.setattr(VideoQA, "training_step", counted)
    with pytest.raises(KilledError):
        run(settings("eigv", epochs=4), data, tmp_path / "broken")
    assert not (tmp_path / "broken/model.json").exists()
    run(settings("eigv", epochs=4), data, tmp_path / "broken")
    assert steps == 6 + 4  # two epochs were not trained again
    for name in ("model.safetensors", "metrics.json", "history.csv", "predictions.csv"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "broken" / name).read_bytes(), name


def dropping_out(**training):
    """Settings under which every step draws from the generators of PyTorch and of the method."""
    hga = SMALL["backbones"]["hga"] | {"dropout": 0.3}
    return settings("eigv", epochs=3, batch=8, **training).model_copy(
        update={
            "backbones": RunSettings.model_validate(SMALL | {"method": "eigv", "backbones": {"hga": hga}}).backbones
        }
    )


@pytest.fixture
def interruptible():
    """A shell starts what it runs in the background with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(
    ("ended_by", "at"),
    [*(("SIGTERM", n) for n in (1, 6, 8, 12)), *(("SIGTERM in validation", n) for n in (4, 12)), ("a kill", 6)],
)
def test_a_run_that_ends_within_an_epoch_goes_on_after_the_same_step(tmp_path, monkeypatch, caplog, ended_by, at):
    """Four steps an epoch."""
    data = synthetic.write(tmp_path, multiple_choice=True)
    run(dropping_out(), data, tmp_path / "whole")
    model, steps = VideoQA, 0
    step, predict = model.training_step, model.predict

    def training_step(*args):
        nonlocal steps
        steps += 1
        if steps == at and ended_by == "SIGTERM":
            os.kill(os.getpid(), signal.SIGTERM)  # the step is finished all the same
        if steps == at + 1 and ended_by == "a kill":
            os.kill(os.getpid(), signal.SIGINT)
        return step(*args)

    def predicted(*args, **named):
        if steps == at and ended_by == "SIGTERM in validation":
            os.kill(os.getpid(), signal.SIGTERM)
        return predict(*args, **named)

    if ended_by == "a kill":
        monkeypatch.setattr(resume, "SAVE_EVERY", 0.0)
    monkeypatch.setattr(model, "training_step", training_step)
    monkeypatch.setattr(model, "predict", predicted)
    with pytest.raises(KeyboardInterrupt if ended_by == "a kill" else SystemExit) as ended:
        run(dropping_out(), data, tmp_path / "broken")
    if ended_by != "a kill":
        assert ended.value.code == 143
        assert f"ended by SIGTERM in epoch {-(-at // 4)} after step {(at - 1) % 4 + 1};" in caplog.text
    assert not (tmp_path / "broken/model.json").exists()
    before, steps = steps, 100
    run(dropping_out(), data, tmp_path / "broken")
    assert steps == 100 + 12 - at  # no step is made twice
    assert before == (at + 1 if ended_by == "a kill" else at)
    for name in ("model.safetensors", "history.csv", "predictions.csv"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "broken" / name).read_bytes(), name


def test_the_command_ends_with_143_at_sigterm_and_the_same_command_goes_on(tmp_path):
    data = synthetic.write(tmp_path, multiple_choice=False)
    patient = {"backbone": "patient", "features": "app+mot", "method": "erm", "seed": 0}
    patient |= {"plugin": {"code": "tests/cluster/patient.py:Patient"}, "training": {"epochs": 4, "batch": 8}}
    options = {"settings": json.dumps(patient), **data, "out": tmp_path / "run", "state": tmp_path / "state"}
    lines = tmp_path / "lines"
    options |= {"device": "cpu", "name": "a run", "announce": lines}
    command = [sys.executable, "-m", "eigv.cli", "train"]
    command += [part for name, value in options.items() for part in (f"--{name}", str(value))]

    waiting = tmp_path / "a second a step"
    waiting.touch()
    slow = os.environ | {"EIGV_TEST_PATIENT": str(waiting)}
    first = subprocess.Popen(command, cwd=ROOT, env=slow, stderr=subprocess.PIPE, text=True)
    while not lines.exists() or "epoch 1 of 4" not in lines.read_text():
        assert first.poll() is None
        time.sleep(0.1)
    first.terminate()
    said = first.communicate(timeout=60)[1]
    assert first.returncode == 143
    assert "the same command goes on from there" in said and "Traceback" not in said
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0
    assert (tmp_path / "run/model.safetensors").is_file() and not (tmp_path / "state").exists()
    announced = lines.read_text().splitlines()
    assert announced[0] == "a run: begins, 4 epochs" and announced[2] == "a run: goes on in epoch 2 of 4"
    ends = [*(f"a run: epoch {n} of 4" for n in range(1, 5)), "a run: done"]
    assert [line.split(",")[0] for line in (announced[1], *announced[3:])] == ends
    assert "left" in announced[1] and "left" in announced[4]


def test_a_state_of_other_settings_is_not_used(tmp_path):
    data = synthetic.write(tmp_path, multiple_choice=True)
    first, second = settings("erm", epochs=2), settings("erm", epochs=2, learning_rate=0.001)
    run(first, data, tmp_path / "a")
    run(second, data, tmp_path / "b")
    assert (tmp_path / "a/model.safetensors").read_bytes() != (tmp_path / "b/model.safetensors").read_bytes()


def test_the_device_is_recorded_with_the_model_and_with_its_results(tmp_path):
    data = synthetic.write(tmp_path, multiple_choice=True)
    with working_device("cpu", torch.get_num_threads(), deterministic=True):
        run(settings("erm", epochs=1), data, tmp_path / "run")
    torch.use_deterministic_algorithms(False)
    model, about = (json.loads((tmp_path / "run" / name).read_text()) for name in ("model.json", "run.json"))
    assert (model["device"], model["deterministic"]) == ("cpu", True)
    assert (about["trained_on"], about["evaluated_on"]) == ("cpu", "cpu")


def test_metrics_hold_no_times_and_no_paths(tmp_path):
    data = synthetic.write(tmp_path, multiple_choice=True)
    run(settings("erm", epochs=1), data, tmp_path / "run")
    assert str(tmp_path) not in (tmp_path / "run/metrics.json").read_text()
    assert {"commit", "versions", "settings", "seconds"} <= set(json.loads((tmp_path / "run/run.json").read_text()))


def test_features_of_another_width_are_refused(tmp_path):
    data = synthetic.write(tmp_path, multiple_choice=True)
    run(settings("erm", epochs=1), data, tmp_path / "run")
    model = json.loads((tmp_path / "run/model.json").read_text())
    model["settings"]["features"] = "app"
    (tmp_path / "run/model.json").write_text(json.dumps(model))
    with pytest.raises(UserError, match="motion features are 0 wide, the model was trained on 4"):
        evaluate(tmp_path / "run/model.json", "test", **data, answer_from="video", out=tmp_path / "run", device="cpu")


def test_a_question_without_features_is_named(tmp_path):
    data = synthetic.write(tmp_path, multiple_choice=True)
    path = data["questions"] / "train.csv"
    table = pd.read_csv(path)
    table.loc[0, "video_id"] = "unknown"
    table.to_csv(path, index=False)
    with pytest.raises(UserError, match="has no features for unknown"):
        run(settings("erm", epochs=1), data, tmp_path / "run")
