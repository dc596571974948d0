"""From video files to one feature file: through shards, over kills, under every policy."""

import itertools
import json
import os
import random
import re
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

from base.errors import UserError
from base.formats.manifest import read_manifest, write_manifest
from base.formats.statuses import FAILED, SHORT, ZEROS
from base.formats.store import attributes
from base.formats.video_features import VideoFeatures
from eigv.runs.data import Videos
from extract.config import AppearanceSettings, FeaturesSettings, NetworkSettings, SamplingSettings, VideoCollection
from extract.features.comparison import SAME, compare
from extract.features.exported import export_features
from extract.features.extractor import Extractor
from extract.features.inspection import inspect
from extract.features.merge import merge
from extract.features.shards import ahead, extract_shard
from extract.layouts import open_layout, recognise
from extract.videos.decode import decode_shard, write_shards
from extract.videos.judgement import leave_out
from extract.videos.probe import probe
from tests.places import ROOT

SMALL = FeaturesSettings(
    sampling=SamplingSettings(clips=4, frames=4),
    appearance=AppearanceSettings(network="efficientnet-lite0", size=64),
    motion=NetworkSettings(network="resnext3d-tiny", weights="random", size=56),
    shards=2,
)
IDS = ["nine_frames", "text_named", "decord_video_90", "one_frame"]


def prepare(shared, folder, features=SMALL, ids=IDS, policy="skip", shards=2):
    """The manifest, and the CSVs of its shards."""
    collection = VideoCollection(folder=shared / "data/videos/awkward", unreadable=policy)
    write_manifest(folder / "manifest.csv", probe(ids, collection, features.sampling, 2, folder / "notes"))
    manifest = read_manifest(folder / "manifest.csv")
    paths = [folder / f"{number}.csv" for number in range(shards)]
    write_shards(manifest, collection, paths)
    return collection, manifest[~leave_out(manifest, collection)], paths


def both_kinds(part):
    """A shard with both kinds of features, from its three files."""
    frames, appearance, motion = part
    return frames, {"appearance": appearance, "motion": motion}


def run_all(shared, folder, features=SMALL, ids=IDS, policy="skip", shards=2) -> VideoFeatures:
    collection, used, paths = prepare(shared, folder, features, ids, policy, shards)
    parts = []
    for shard in paths:
        part = tuple(shard.with_suffix(f".{kind}.h5") for kind in ("frames", "appearance", "motion"))
        decode_shard(read_manifest(shard), collection, features, part[0], 1)
        extract_shard("appearance", part[0], features, part[1], "cpu")
        extract_shard("motion", part[0], features, part[2], "cpu")
        parts.append(part)
    merge([both_kinds(part) for part in parts], features, used, folder / "video.h5")
    assert not list(folder.glob(".*")), "half files, locks or notes are left"
    return VideoFeatures.read(folder / "video.h5")


@pytest.mark.parametrize(("policy", "rows"), [("skip", 3), ("zeros", 4)])
def test_from_files_to_features(shared, tmp_path, policy, rows):
    store = run_all(shared, tmp_path, policy=policy, shards=3)
    assert store.ids == [name for name in IDS if policy == "zeros" or name != "text_named"]
    assert store.features["appearance"].shape == (rows, 4, 1280)
    assert store.features["motion"].shape == (rows, 4, 192)
    assert store.attributes["motion_network"]["weights"] == "random (seed 0)"
    usable = [n for n, status in enumerate(store.status) if status != ZEROS]
    assert all(store.features["appearance"][n].astype(np.float32).std() > 0 for n in usable)
    if policy == "zeros":
        assert store.status[1] == ZEROS and not store.features["appearance"][1].any()
    with h5py.File(tmp_path / "video.h5") as file:
        assert file["appearance_index"].shape == (rows, 4, 1)
        assert set(file["decoder"].asstr()[:]) <= {"decord", "pyav", ""}
        assert all(len(value) == 64 for value in file["fingerprint"].asstr()[:])


def test_the_vectors_of_all_frames_are_kept_beside_the_middle_one(shared, tmp_path):
    appearance = SMALL.appearance.model_copy(update={"frames": "every"})
    run_all(shared, tmp_path, SMALL.model_copy(update={"appearance": appearance}), policy="zeros")
    (tmp_path / "middle").mkdir()
    middle = run_all(shared, tmp_path / "middle", policy="zeros")
    store = VideoFeatures.read(tmp_path / "video.h5", ("appearance", "frames"))
    frames = store.features["frames"]
    assert frames.shape == (4, 4, 4, 1280) and np.shares_memory(frames, store.joined)
    np.testing.assert_array_equal(frames[:, :, 2], store.features["appearance"])
    np.testing.assert_allclose(store.features["appearance"], middle.features["appearance"], atol=2e-3, rtol=2e-3)
    assert not np.array_equal(frames[0, :, 0], frames[0, :, 2])
    np.testing.assert_array_equal(store.joined.reshape(4, 4, 5, 1280)[:, :, 1:], frames)
    assert any(line.startswith("frames ") for line in inspect(tmp_path / "video.h5").text.splitlines())
    with open_layout(recognise(tmp_path / "video.h5")) as source:
        export_features("hcrn", source, tmp_path / "hcrn", None)
    with open_layout(recognise(tmp_path / "hcrn")) as back:
        np.testing.assert_array_equal(back.read["frames"](store.ids[0]), frames[0].astype(np.float32))


@pytest.mark.parametrize(
    ("kind", "choice", "other"), [("appearance", "app", "motion"), ("motion", "mot", "appearance")]
)
def test_one_kind_of_features_makes_a_file_of_its_own(shared, tmp_path, kind, choice, other):
    both = run_all(shared, tmp_path)
    used = read_manifest(tmp_path / "manifest.csv").set_index("video_id").loc[both.ids].reset_index()
    parts = [(tmp_path / f"{n}.frames.h5", {kind: tmp_path / f"{n}.{kind}.h5"}) for n in (0, 1)]
    merge(parts, SMALL, used, tmp_path / "one.h5")
    one = Videos.read(tmp_path / "one.h5", choice)
    np.testing.assert_array_equal(one.features.numpy(), both.features[kind].astype(np.float32))
    np.testing.assert_array_equal(one.store.frame_index, both.frame_index)
    for wanted in ("app+mot", {"app": "mot", "mot": "app"}[choice]):
        with pytest.raises(UserError, match=rf"one\.h5 has no {other} features, which a run with {re.escape(wanted)}"):
            Videos.read(tmp_path / "one.h5", wanted)
    assert "one and the same number" not in inspect(tmp_path / "one.h5").text
    with open_layout(recognise(tmp_path / "one.h5")) as a, open_layout(recognise(tmp_path / "video.h5")) as b:
        assert compare(a, b).verdict == SAME
        with pytest.raises(UserError, match=f"has no {other} features"):
            export_features("npy", a, tmp_path / "npy", None)


def test_provenance_says_what_could_change_a_number(shared, tmp_path):
    attributes = run_all(shared, tmp_path).attributes
    for kind in ("appearance", "motion"):
        about = attributes[f"{kind}_network"]
        assert {"network", "weights", "sha256", "mean", "std", "scale", "size", "precision", "device"} <= set(about)
    assert {"sampling", "resize", "preset", "config", "commit", "versions"} <= set(attributes)


@pytest.mark.parametrize("reduce", ["mean", "max"])
def test_all_frames_of_a_clip_in_one_appearance_vector(shared, tmp_path, reduce):
    appearance = SMALL.appearance.model_copy(update={"frames": reduce})
    every = run_all(shared, tmp_path, SMALL.model_copy(update={"appearance": appearance}), ids=["nine_frames"])
    (tmp_path / "one").mkdir()
    sampling = SamplingSettings(clips=1, frames=1)
    one = run_all(shared, tmp_path / "one", SMALL.model_copy(update={"sampling": sampling}), ids=["nine_frames"])
    assert every.features["appearance"].shape == (1, 4, 1280)
    assert not np.array_equal(every.features["appearance"][0, 0], one.features["appearance"][0, 0])
    with h5py.File(tmp_path / "video.h5") as file:
        assert (file["appearance_index"][:] == file["frame_index"][:]).all()


def test_more_videos_at_once_change_nothing_but_rounding(shared, tmp_path):
    ids = ["nine_frames", "decord_video_90", "one_frame"]
    stores = []
    for batch in (1, 2):
        (tmp_path / str(batch)).mkdir()
        features = SMALL.model_copy(update={"batch": batch, "storage": "float32"})
        stores.append(run_all(shared, tmp_path / str(batch), features, ids=ids, shards=1))
    for kind in ("appearance", "motion"):
        np.testing.assert_allclose(stores[0].features[kind], stores[1].features[kind], rtol=1e-3, atol=1e-4)


def test_a_killed_shard_goes_on_whatever_memory_is_free(shared, tmp_path, monkeypatch):
    ids = ["nine_frames", "decord_video_90", "one_frame"]
    collection, _, paths = prepare(shared, tmp_path, ids=ids, shards=1)
    decode_shard(read_manifest(paths[0]), collection, SMALL, tmp_path / "frames.h5", 1)
    memory, seen = {"videos": 2, "killed": True}, []

    class Pretended(Extractor):
        def __init__(self, *given):
            super().__init__(*given)
            self.videos_at_once = memory["videos"]

        def __call__(self, pictures):
            if pictures.shape[1] == SMALL.sampling.clips:  # else it looks for the width of a feature
                if seen and memory["killed"]:
                    raise KeyboardInterrupt
                seen.append(len(pictures))
            return super().__call__(pictures)

    monkeypatch.setattr("extract.features.extractor.Extractor", Pretended)
    out = tmp_path / "appearance.h5"
    with pytest.raises(KeyboardInterrupt):
        extract_shard("appearance", tmp_path / "frames.h5", SMALL, out, "cpu")
    memory.update(videos=3, killed=False)
    extract_shard("appearance", tmp_path / "frames.h5", SMALL, out, "cpu")
    assert seen == [2, 1]  # the two that were done are not made again
    with h5py.File(out) as file:
        assert np.isfinite(file["features"][:]).all() and attributes(file)["videos_at_once"] == 2


def test_shards_that_do_not_fit_are_named(shared, tmp_path):
    run_all(shared, tmp_path)
    manifest = read_manifest(tmp_path / "manifest.csv")
    parts = [tuple(tmp_path / f"{n}.{kind}.h5" for kind in ("frames", "appearance", "motion")) for n in (0, 1)]
    with pytest.raises(UserError, match="no shard holds decord_video_90"):
        merge([both_kinds(parts[0])], SMALL, manifest[manifest["video_id"] == "decord_video_90"], tmp_path / "out.h5")
    with pytest.raises(UserError, match="another shard holds"):
        merge([both_kinds(parts[0]), both_kinds(parts[0])], SMALL, manifest.head(1), tmp_path / "out.h5")
    with pytest.raises(UserError, match="holds other videos"):
        merge([both_kinds((parts[0][0], parts[1][1], parts[0][2]))], SMALL, manifest.head(1), tmp_path / "out.h5")
    with h5py.File(parts[0][1], "r+") as file:
        file["features"][0, 0, 0] = np.nan
    with pytest.raises(UserError, match="feature of nine_frames is not finite"):
        merge([both_kinds(parts[0])], SMALL, manifest.head(1), tmp_path / "out.h5")
    assert not (tmp_path / "out.h5").exists()


def test_a_video_that_can_not_be_decoded_any_more_stops_the_shard_and_no_work_is_lost(shared, tmp_path):
    collection, _, paths = prepare(shared, tmp_path, ids=["nine_frames", "one_frame"], policy="error", shards=1)
    shard = read_manifest(paths[0])
    gone = shard.assign(path=["/gone.mp4", shard["path"][1]])
    with pytest.raises(UserError, match=r"1 of 2 videos cannot be decoded:\n  nine_frames: no such file"):
        decode_shard(gone, collection, SMALL, tmp_path / "frames.h5", 1)
    assert not (tmp_path / "frames.h5").exists()
    skip = collection.model_copy(update={"unreadable": "skip"})
    decode_shard(gone, skip, SMALL, tmp_path / "frames.h5", 1)
    with h5py.File(tmp_path / "frames.h5") as file:
        assert file["status"].asstr()[:].tolist() == [FAILED, SHORT]


def test_jobs_are_made_ahead_in_order_and_errors_arrive():
    assert list(ahead(lambda n: n * n, range(5))) == [0, 1, 4, 9, 16]
    with pytest.raises(ZeroDivisionError):
        list(ahead(lambda n: 1 / n, [1, 0, 2]))


@pytest.mark.slow
def test_kills_and_sigterm_at_random_points_change_no_number(shared, tmp_path):
    ids = ["nine_frames", "decord_video_0", "one_frame", "odd_319x241_yuv444p", "vfr_3rates", "torchcodec_h264_10bits"]
    features = SMALL.model_copy(update={"sampling": SamplingSettings(clips=8, frames=8)})
    (tmp_path / "whole").mkdir()
    run_all(shared, tmp_path / "whole", features, ids, shards=1)
    collection, used, paths = prepare(shared, tmp_path, features, ids, shards=1)
    part = [tmp_path / f"0.{kind}.h5" for kind in ("frames", "appearance", "motion")]
    both = json.dumps(
        {name: value.model_dump(mode="json") for name, value in (("collection", collection), ("features", features))}
    )
    commands = [["decode", "--settings", both, "--shard", str(paths[0]), "--processes", "1", "--out", str(part[0])]]
    for kind, out in zip(("appearance", "motion"), part[1:], strict=True):
        one = ["features", kind, "--settings", features.model_dump_json(), "--frames", str(part[0]), "--threads", "1"]
        commands.append([*one, "--out", str(out)])
    chance = random.Random(7)
    kills = 0
    for command, out in zip(commands, part, strict=True):
        for attempt in itertools.count():
            process = subprocess.Popen(
                [sys.executable, "-m", "extract.cli", *command], cwd=ROOT, start_new_session=True
            )
            if attempt < 4:
                half = out.with_name(f".{out.name}.half")
                until = time.monotonic() + 30
                while not half.exists() and process.poll() is None and time.monotonic() < until:
                    time.sleep(0.01)
                time.sleep(chance.uniform(0, 0.5))
                kills += process.poll() is None
                if attempt % 2:
                    process.terminate()  # its workers are to end by themselves
                elif process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
            if process.wait() == 0:
                break
    assert kills >= 4
    merge([both_kinds(part)], features, used, tmp_path / "video.h5")
    with h5py.File(tmp_path / "video.h5") as resumed, h5py.File(tmp_path / "whole/video.h5") as whole:
        assert set(resumed) == set(whole)
        for name in whole:
            assert resumed[name][:].tobytes() == whole[name][:].tobytes() or name in (
                "ids",
                "status",
                "decoder",
                "fingerprint",
            )
            assert (resumed[name][:] == whole[name][:]).all()
