"""Several trainings in one process: the bytes of separate ones, failures that stay alone, files made ahead."""

import json
import logging
import os
import random
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from base.errors import UserError
from base.jobs.alone import as_if_alone, saying_into
from eigv.method.model import VideoQA
from eigv.runs import several, shared_data
from eigv.runs.several import How, orders, train_all, train_one_and_ahead
from eigv.runs.training import train
from tests.eigv import numbered
from tests.eigv.runs import scripted
from tests.places import ROOT

NAMES = ("model.safetensors", "model.json", "history.csv")
RUNS = {"erm": {}, "eigv": {"method": "eigv"}, "app": {"features": "app", "seed": 1}, "again": {"seed": 2}}
"""Run by run, what differs from the settings of all."""
SETTINGS = scripted.settings(dropout=0.3, epochs=2).model_dump(mode="json")
MEDDLING = """
import os, random, warnings
import numpy, torch
from eigv.backbones.hga import Hga
from eigv.config.run import HgaSettings

class Meddling(Hga):
    settings_type = HgaSettings
    count = 0

    def __init__(self, *given, **named):
        super().__init__(*given, **named)
        Meddling.count += 1
        print(f"model {Meddling.count} of this module")
        torch.use_deterministic_algorithms(True)
        torch.set_num_threads(2)
        torch.backends.cudnn.benchmark = True
        random.seed(5), numpy.random.seed(5)
        os.environ["MEDDLED"] = "1"
        warnings.warn("meddled")
"""


HOLD = """
import sys; from pathlib import Path; from base.locks import exclusive
with exclusive(Path(sys.argv[1])): print("held", flush=True); input()
"""


@pytest.fixture
def how(tmp_path) -> How:
    return How(**numbered.write(tmp_path / "data"), device="cpu")


def listed(folder: Path, runs: dict[str, dict] = RUNS):
    entries = [
        {"settings": own, "out": f"{folder}/{name}", "state": f"{folder}/state/{name}", "name": name}
        | {"log": f"{folder}/{name}.log"}
        for name, own in runs.items()
    ]
    return orders(json.loads(json.dumps(entries)), SETTINGS, "--runs")


def alone(order, how: How, folder: Path) -> dict[str, bytes]:
    """The files of a run that is trained by itself."""
    settings = several._parsed(order, "it")
    train(settings, *how[:3], folder / order.name, folder / "state", "cpu")
    return files(folder / order.name)


def files(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in NAMES}


def test_several_runs_in_a_process_give_the_bytes_of_separate_processes(tmp_path, how):
    """The peers are processes of their own, at work one after the other."""
    runs = listed(tmp_path / "together")
    (tmp_path / "runs.json").write_text(json.dumps([order.model_dump(mode="json") for order in runs]))
    places = ["--video", how.video, "--questions", how.questions, "--text", how.text]
    command = [sys.executable, "-m", "eigv.cli", "train", *map(str, places), "--device", "cpu", "--threads", "1"]
    subprocess.run([*command, "--runs", str(tmp_path / "runs.json")], cwd=ROOT, check=True)
    for order in runs[1:3]:
        out = tmp_path / "apart" / order.name
        own = ["--settings", json.dumps(order.settings), "--out", str(out), "--state", f"{out}.state"]
        subprocess.run([*command, *own], cwd=ROOT, check=True)
        assert files(out) == files(order.out), order.name
    said = [order.log.read_text() for order in runs]
    assert all(f"{name}: 100%" in text for name, text in zip(RUNS, said, strict=True))
    assert "kept epoch" in said[0] and "eigv" not in said[0]


def test_the_files_of_a_data_set_are_read_once(tmp_path, how, monkeypatch):
    read = []
    for place in (shared_data.Videos, shared_data.Split):

        def counted(*given, place=place, original=place.read, **named):
            read.append((place.__name__, given[0] if place is shared_data.Split else given[1]))
            return original(*given, **named)

        monkeypatch.setattr(place, "read", counted)
    train_all(listed(tmp_path, {"a": {}, "b": {"seed": 3}, "c": {"features": "app"}, "d": {"features": "app"}}), how)
    assert read == [("Videos", "app+mot"), ("Split", "train"), ("Split", "val"), ("Videos", "app")]


def test_one_that_fails_leaves_the_others_alone(tmp_path, how):
    large = {"training": {"learning_rate": 1e30}}
    runs = listed(tmp_path, {"first": {}, "wrong": {"features": "smell"}, "large": large, "last": {"seed": 4}})
    with pytest.raises(UserError) as refused:
        train_all(runs, how)
    first, wrong, key, steps = str(refused.value).split("\n")
    assert (first, wrong) == ("2 of 4 runs failed:", "  wrong: the settings of wrong:")
    assert key.startswith("    `features`: ") and steps.startswith("  large: not finite in epoch 1, step ")
    assert [order.out.exists() for order in runs] == [True, False, False, True]
    assert files(runs[3].out) == alone(runs[3], how, tmp_path / "alone")


def test_the_same_list_again_trains_what_failed_alone(tmp_path, how, caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    runs = listed(tmp_path, {"a": {}, "b": {}, "c": {"seed": 1}})
    train_all(runs, how)
    (runs[1].out / "history.csv").write_text("changed by hand")
    watched = scripted.Scripted(monkeypatch)
    other = listed(tmp_path, {"a": {}, "b": {}, "c": {"seed": 2}})
    train_all(other, how)
    assert [line for line in caplog.messages if "trained before" in line] == ["a: trained before"]
    assert len(watched.steps) == 2 * 2 * scripted.STEPS  # b and c, two epochs each
    assert files(runs[1].out) == files(runs[0].out)


def test_files_that_come_from_another_run_are_told_by_its_model_and_its_weights(tmp_path, how):
    model, weights = tmp_path / "model.json", tmp_path / "model.safetensors"
    order = listed(tmp_path, {"a": {}})[0]
    known = [how.shelf(order).identity]
    for file, content in ((model, "1"), (weights, "1"), (weights, "22"), (model, "22")):
        file.write_text(content)
        known.append(how.shelf(order.model_copy(update={"before": model})).identity)
    assert len(set(known)) == 5


def test_nothing_is_handed_on_from_one_run_to_the_next(tmp_path, how, capfd):
    (tmp_path / "own.py").write_text(MEDDLING)
    own = {"backbone": "mine", "plugin": {"code": f"{tmp_path}/own.py:Meddling"}}
    runs = listed(tmp_path, {"a": own, "b": own | {"seed": 1}, "plain": {"method": "eigv", "seed": 3}})
    before = random.getstate(), torch.get_rng_state(), torch.get_num_threads()
    train_all(runs, how)
    assert random.getstate() == before[0] and torch.equal(torch.get_rng_state(), before[1])
    assert torch.get_num_threads() == before[2] and "MEDDLED" not in os.environ
    assert not torch.are_deterministic_algorithms_enabled() and not torch.backends.cudnn.benchmark
    assert [json.loads((order.out / "model.json").read_text())["deterministic"] for order in runs] == [
        True,
        True,
        False,
    ]
    assert all(order.log.read_text().count("model 1 of this module") == 1 for order in runs[:2])
    assert files(runs[2].out) == alone(runs[2], how, tmp_path / "alone")


def test_whatever_is_global_is_put_back_and_every_job_is_warned(tmp_path, recwarn):
    drawn = np.random.get_state()[1].copy()
    for _ in range(2):
        with as_if_alone():
            torch.set_default_dtype(torch.float64)
            torch.set_grad_enabled(False)
            np.random.seed(3)
            np.seterr(all="raise")
            os.chdir(tmp_path)
            sys.path.insert(0, "nowhere")
            warnings.warn("once a job", stacklevel=1)
    assert torch.get_default_dtype() == torch.float32 and torch.is_grad_enabled()
    assert (np.random.get_state()[1] == drawn).all() and np.geterr()["over"] == "warn"
    assert Path.cwd() != tmp_path and sys.path[0] != "nowhere"


def test_what_is_said_within_goes_into_a_file_and_what_follows_does_not(tmp_path, capfd):
    file = tmp_path / "folder/log"
    for text in ("one", "two"):
        with saying_into(file):
            print(text)
            subprocess.run(["sh", "-c", "echo of a process >&2"], check=True)
    print("after")
    assert sorted(file.read_text().split("\n")) == ["", "of a process", "of a process", "one", "two"]
    assert capfd.readouterr() == ("after\n", "")


# Ahead of their jobs.


def test_runs_that_are_made_ahead_wait_for_their_jobs_which_train_nothing(tmp_path, how, monkeypatch, capfd):
    own, *others = listed(tmp_path, RUNS)
    train_one_and_ahead(own, others, how)
    assert files(own.out) == alone(own, how, tmp_path / "alone")
    assert not any(order.out.exists() for order in others)
    capfd.readouterr()
    monkeypatch.setattr(VideoQA, "training_step", None)
    for order in others:
        train_one_and_ahead(order, others, how)
        assert f"{order.name}: 100%" in capfd.readouterr().err
    monkeypatch.undo()
    for order in others:
        assert files(order.out) == alone(order, how, tmp_path / "alone")
    assert not any(path.is_file() for path in (tmp_path / "state").rglob("*"))


def test_what_was_made_ahead_from_other_files_or_settings_is_made_again(tmp_path, how, monkeypatch):
    own, other = listed(tmp_path, {"own": {}, "other": {"seed": 1}})
    train_one_and_ahead(own, [other], how)
    changed = listed(tmp_path, {"other": {"seed": 2}})[0]
    train_one_and_ahead(changed, [], how)
    assert files(changed.out) == alone(changed, how, tmp_path / "alone")

    train_one_and_ahead(own, [other], how)
    numbered.write(tmp_path / "data", multiple_choice=True)
    train_one_and_ahead(other, [], how)
    assert files(other.out) == alone(other, how, tmp_path / "again")
    train_one_and_ahead(own, [other], how)
    train_one_and_ahead(other, [], how._replace(stage=9))
    watched = scripted.Scripted(monkeypatch)
    train_one_and_ahead(own, [other], how)
    assert len(watched.steps) == 2 * 2 * scripted.STEPS


def test_ahead_is_left_out_what_others_are_at_what_is_made_and_what_fails(tmp_path, how, caplog):
    caplog.set_level(logging.INFO)
    own, busy, made, wrong, left = listed(
        tmp_path, {"own": {}, "busy": {}, "made": {}, "wrong": {"features": "smell"}, "left": {"seed": 1}}
    )
    made.out.mkdir()
    (made.out / "model.json").write_text("from a job that ended meanwhile")
    os.utime(made.out / "model.json", (4e9, 4e9))
    command = [sys.executable, "-c", HOLD, str(how.shelf(busy).lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as other:
        other.stdout.readline()
        train_one_and_ahead(own, [busy, made, wrong, left], how)
        other.communicate(b"\n")
    assert own.out.is_dir() and how.shelf(left).is_full()
    assert not any(how.shelf(order).is_full() for order in (busy, made, wrong))
    assert "wrong, ahead of its job: the settings of wrong" in caplog.text
    assert "trained 1 more runs ahead" in caplog.text


def test_sigterm_ahead_ends_the_job_with_its_own_files(tmp_path, how, monkeypatch):
    own, other, last = listed(tmp_path, {"own": {}, "other": {"seed": 1, "method": "eigv"}, "last": {"seed": 2}})
    steps, step = 0, VideoQA.training_step

    def ended(*given):
        nonlocal steps
        steps += 1
        if steps == 2 * scripted.STEPS + 4:  # in the second epoch of the other
            os.kill(os.getpid(), signal.SIGTERM)
        return step(*given)

    monkeypatch.setattr(VideoQA, "training_step", ended)
    train_one_and_ahead(own, [other, last], how)
    assert steps == 2 * scripted.STEPS + 4
    assert files(own.out) == alone(own, how, tmp_path / "alone")
    steps = 100
    train_one_and_ahead(other, [], how)
    assert steps == 100 + 2  # no step is made twice
    assert files(other.out) == alone(other, how, tmp_path / "alone")


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({}, "--runs: expected a list"),
        ([{"out": "a"}], "--runs, run 1:\n  `state` is missing"),
        ([{"out": "a", "state": "b"}, {"out": "a", "state": "c"}], "--runs: a is the folder of two runs"),
    ],
)
def test_a_list_that_does_not_fit_is_refused(entries, message):
    with pytest.raises(UserError, match=message):
        orders(entries, {}, "--runs")
