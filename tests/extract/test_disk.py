"""A disk that is full, and a folder that can not be written: one message, no half file, and going on afterwards."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from extract import command_line, stores
from extract.config import Appearance, Features, Network, Sampling, VideoCollection
from extract.videos.probe import probe, write_manifest
from extract.videos.survey import survey

ROOT = Path(__file__).resolve().parents[2]
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
        assert not survey(path, Sampling()).breaks_off

    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    assert demo_data(small_disk).returncode == 0
    assert len(list(small_disk.rglob("*.mp4"))) == 15
    assert all(path.stat().st_mtime_ns == written for path, written in whole.items())


def test_hdf5_on_a_full_disk_is_reported_and_leaves_nothing(small_disk, monkeypatch, capsys):
    def write() -> None:
        with stores.create(small_disk / "video.h5", "decoded frames", {}) as file:
            file["appearance"] = np.random.default_rng(0).integers(0, 255, (8, 1 << 20), np.uint8)

    with pytest.raises(SystemExit) as stopped:
        command_line.run(write)
    assert stopped.value.code == 2
    assert "the disk is full" in capsys.readouterr().err
    assert not list(small_disk.iterdir())


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
    features = Features(
        sampling=Sampling(clips=4, frames=4),
        appearance=Appearance(network="efficientnet-lite0", size=128),
        motion=Network(network="resnext3d-tiny", size=56),
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
