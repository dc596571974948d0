"""A disk that is full, and a folder that cannot be written: one message, no half file, and going on afterwards."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from base import command_line
from base.formats import store
from base.formats.manifest import write_manifest
from base.jobs import resume
from eigv.backbones import ClipWidths
from eigv.config.run import RunSettings
from eigv.runs import training
from eigv.runs.model_files import ModelCard, save
from extract.config import (
    AppearanceSettings,
    FeaturesSettings,
    FineTuningSettings,
    NetworkSettings,
    SamplingSettings,
    TextSettings,
    VideoCollection,
)
from extract.text import tokens
from extract.text.finetune import finetune
from extract.videos.probe import probe
from extract.videos.survey import survey
from tests.eigv import synthetic
from tests.extract.small_fine_tuning import tiny, write_annotations
from tests.places import ROOT

SIZES = ["--train", "12", "--val", "1", "--test", "1", "--test-shifted", "1"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("only root can mount a small file system")
    yield disk
    subprocess.run(["umount", disk], check=True)


def demo_data(out: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "extract.cli", "demo-data", "--out", str(out), *SIZES]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_full_disk_leaves_whole_files_only_and_the_rerun_goes_on(small_disk):
    done = demo_data(small_disk)
    assert done.returncode == 2
    assert "error: the disk is full" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(small_disk.rglob("*.partial*"))
    whole = {path: path.stat().st_mtime_ns for path in small_disk.rglob("*.mp4")}
    assert 0 < len(whole) < 15
    for path in whole:
        assert not survey(path, SamplingSettings()).breaks_off

    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    assert demo_data(small_disk).returncode == 0
    assert len(list(small_disk.rglob("*.mp4"))) == 15
    assert all(path.stat().st_mtime_ns == written for path, written in whole.items())


def test_hdf5_on_a_full_disk_is_reported_and_leaves_nothing(small_disk, monkeypatch, capsys):
    def write() -> None:
        with store.create(small_disk / "video.h5", "decoded frames", {}) as file:
            file["appearance"] = np.random.default_rng(0).integers(0, 255, (8, 1 << 20), np.uint8)

    with pytest.raises(SystemExit) as stopped:
        command_line.run(write)
    assert stopped.value.code == 2
    assert "the disk is full" in capsys.readouterr().err
    assert not list(small_disk.iterdir())


def train(data: dict[str, Path], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trains a run into a folder; its state, two hundredfold the size of its weights, is saved at every step."""
    monkeypatch.setattr(resume, "SAVE_EVERY", 0.0)
    settings = {"backbone": "hga", "features": "app+mot", "method": "erm", "seed": 0, "training": {"epochs": 1}}
    small = {"hidden": 32, "words": 16, "fusion": {"width": 64, "chunks": 8, "rank": 4}}
    settings = RunSettings.model_validate(settings | {"backbones": {"hga": small}})
    training.train(settings, **data, out=folder / "run", state=folder / "state", device="cpu")


def fails_on_a_full_disk(run: Callable[[], object], file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Runs what a command line would run; it is to stop with an error that names the file, and to leave no half one."""
    with pytest.raises(SystemExit) as stopped:
        command_line.run(run)
    assert stopped.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"error: the disk is full: {file}"
    assert not list(file.parent.rglob("*.partial*"))


def fill(disk: Path, left: int) -> Path:
    """A file that leaves so many bytes of a disk."""
    free = os.statvfs(disk)
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(free.f_bavail * free.f_frsize - left))
    return ballast


@pytest.mark.parametrize("left", [0, 20_000, 150_000])
def test_the_state_of_a_training_on_a_full_disk(small_disk, tmp_path, monkeypatch, capsys, left):
    data = synthetic.write(tmp_path, multiple_choice=True)
    train(data, tmp_path / "whole", monkeypatch)
    (small_disk / "state").mkdir()
    ballast = fill(small_disk, left)
    fails_on_a_full_disk(lambda: train(data, small_disk, monkeypatch), small_disk / "state/last.pt", capsys)
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    train(data, small_disk, monkeypatch)
    weights = "run/model.safetensors"
    assert (small_disk / weights).read_bytes() == (tmp_path / "whole" / weights).read_bytes()


def test_weights_on_a_full_disk(small_disk, capsys):
    card = ModelCard(RunSettings(backbone="hga", method="erm", features="app", seed=0), ClipWidths(8, 0), 8, 5)
    state = {"weight": torch.zeros(1 << 19)}
    fails_on_a_full_disk(lambda: save(small_disk, card, state), small_disk / "model.safetensors", capsys)
    assert not list(small_disk.iterdir())


def test_a_fine_tuned_encoder_on_a_full_disk(small_disk, tmp_path, capsys, caplog):
    questions = write_annotations(tmp_path / "questions", multiple_choice=True)
    settings = TextSettings(encoder=tiny(tmp_path / "bert"), finetuning=FineTuningSettings(epochs=1))

    def run() -> None:
        finetune(questions, settings, small_disk / "encoder", tmp_path / "state", "cpu")

    fails_on_a_full_disk(run, small_disk / "encoder", capsys)
    assert not list(small_disk.iterdir())
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    with caplog.at_level(logging.INFO):
        run()
    assert "going on in epoch 2 after step 0" in caplog.text  # no step is made again
    written = {path.name for path in (small_disk / "encoder").iterdir()}
    assert {"model.safetensors", "head.safetensors", "finetuning.json"} <= written


def test_token_features_on_a_full_disk(small_disk, tmp_path, capsys, monkeypatch):
    questions = write_annotations(tmp_path / "questions", multiple_choice=True)
    settings = TextSettings(encoder=tiny(tmp_path / "bert"), finetuning=FineTuningSettings(epochs=0))
    finetune(questions, settings, tmp_path / "encoder", tmp_path / "state", "cpu")
    monkeypatch.setattr(tokens, "PART", 100)
    made = []
    monkeypatch.setattr(
        tokens, "encode", lambda *args, encode=tokens.encode, **rest: made.append(args[2]) or encode(*args, **rest)
    )

    def write(folder: Path, state: Path) -> Path:
        tokens.write_tokens(questions, {"val": folder / "t.h5"}, tmp_path / "encoder", settings, state, "cpu")
        return folder / "t.h5"

    whole = write(tmp_path, tmp_path / "tokens").read_bytes()
    parts = len(made)
    state = small_disk / "tokens"
    state.mkdir()
    ballast = fill(small_disk, 120_000)
    fails_on_a_full_disk(lambda: write(tmp_path / "b", state), state / f"val/{made[1].start:09d}.npy", capsys)
    ballast.unlink()
    assert write(tmp_path / "b", state).read_bytes() == whole
    assert len(made) == 2 * parts + 1  # the part that did not fit is made again, those before it are not


def test_a_log_on_the_full_disk_leaves_the_exit_status():
    command = [sys.executable, "-m", "eigv.cli", "train", "--settings", "no such file"]
    command += [x for name in ("video", "questions", "text", "out", "state") for x in (f"--{name}", "nowhere")]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, cwd=ROOT, env=buffered, stdout=full, stderr=full, check=False)
    assert done.returncode == 2


def test_a_folder_without_write_permission_is_named(tmp_path, request):
    if os.getuid() == 0:  # to whom permissions mean nothing; a read-only disk does
        folder = request.getfixturevalue("small_disk")
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    else:
        folder = tmp_path / "closed"
        folder.mkdir(mode=0o555)
    done = demo_data(folder / "demo")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert str(folder) in done.stderr
    assert "no permission" in done.stderr or "read-only" in done.stderr


def test_a_shard_on_a_full_disk_keeps_what_it_has_and_is_completed(small_disk, shared):
    folder = shared / "data/videos/awkward"
    ids = ["odd_319x241_yuv444p", "vfr_3rates", "torchcodec_h264_10bits", "nine_frames"]
    features = FeaturesSettings(
        sampling=SamplingSettings(clips=4, frames=4),
        appearance=AppearanceSettings(network="efficientnet-lite0", size=128),
        motion=NetworkSettings(network="resnext3d-tiny", size=56),
    )
    collection = VideoCollection(folder=folder)
    home = small_disk.parent
    write_manifest(home / "shard.csv", probe(ids, collection, features.sampling, 1, home / "notes"))
    both = {"collection": collection.model_dump(mode="json"), "features": features.model_dump(mode="json")}
    command = [sys.executable, "-m", "extract.cli", "decode", "--settings", json.dumps(both), "--processes", "1"]
    command += ["--shard", str(home / "shard.csv"), "--out"]

    def decode(out: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, str(out)], cwd=ROOT, capture_output=True, text=True, check=False)

    full = decode(small_disk / "frames.h5")
    assert full.returncode == 2, full.stderr
    assert "error: the disk is full" in full.stderr and "Traceback" not in full.stderr
    assert not (small_disk / "frames.h5").exists()
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    again = decode(small_disk / "frames.h5")
    assert again.returncode == 0, again.stderr
    assert decode(home / "whole.h5").returncode == 0
    with h5py.File(small_disk / "frames.h5") as resumed, h5py.File(home / "whole.h5") as whole:
        assert set(resumed) == set(whole)
        for name in whole:
            assert (resumed[name][:] == whole[name][:]).all(), name
