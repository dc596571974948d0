"""Two files of features, and what `compare` and `inspect` say of them."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from base.errors import UserError
from base.formats.manifest import ManifestRow, manifest_of, write_manifest
from base.reading import sha256
from extract.cli import app
from extract.config import AppearanceSettings, FeaturesSettings, NetworkSettings, SamplingSettings
from extract.features.comparison import DIFFERENT, ORDER, OTHER_IDS, ROUNDING, SAME, SAMPLING, compare
from extract.layouts import open_layout, recognise
from tests.extract import feature_files as make
from tests.extract.features.test_shards import run_all

NAMES = [f"v{n}" for n in range(12)]


def verdict(first, second):
    with open_layout(recognise(first)) as a, open_layout(recognise(second)) as b:
        return compare(a, b)


@pytest.fixture
def first(tmp_path):
    return make.write_ours(tmp_path / "a.h5", make.made_up(NAMES))


def changed(features, change):
    return {kind: {name: change(values) for name, values in of.items()} for kind, of in features.items()}


def test_the_same(first, tmp_path):
    second = make.write_ours(tmp_path / "b.h5", make.made_up(NAMES))
    found = verdict(first, second)
    assert found.verdict == SAME and "Every number is equal" in found.text
    assert (found.videos["cosine"] > 1 - 1e-12).all() and not found.videos["max_difference"].any()


def test_the_same_up_to_rounding(first, tmp_path):
    second = make.write_ours(tmp_path / "b.h5", make.made_up(NAMES), storage="float16")
    assert verdict(first, second).verdict == ROUNDING


def test_the_same_in_another_order_of_videos_or_of_clips(first, tmp_path):
    second = make.write_ours(tmp_path / "b.h5", make.made_up(NAMES), NAMES[::-1])
    found = verdict(first, second)
    assert found.verdict == ORDER and "ids are in another order" in found.text
    shuffled = changed(make.made_up(NAMES), lambda values: values[[2, 0, 3, 1]])
    found = verdict(first, make.write_ours(tmp_path / "c.h5", shuffled))
    assert found.verdict == ORDER and "clips of a video are in another order" in found.text


def test_one_network_that_saw_other_frames(first, tmp_path):
    rng = np.random.default_rng(5)
    other = changed(make.made_up(NAMES), lambda values: values + 0.3 * rng.random(values.shape))
    found = verdict(first, make.write_ours(tmp_path / "b.h5", other))
    assert found.verdict == SAMPLING and 0.9 < found.videos["cosine"].mean() < 0.9999


def test_different_networks(first, tmp_path):
    found = verdict(first, make.write_ours(tmp_path / "b.h5", make.made_up(NAMES, seed=1)))
    assert found.verdict == DIFFERENT


def test_the_same_numbers_under_other_ids(first, tmp_path):
    features = make.made_up(NAMES)
    moved = {k: dict(zip(NAMES, [of[n] for n in NAMES[1:] + NAMES[:1]], strict=True)) for k, of in features.items()}
    a = make.write_ours(tmp_path / "b.h5", moved)
    renamed = {k: {f"x{n}": of[n] for n in NAMES} for k, of in features.items()}
    assert verdict(first, make.write_ours(tmp_path / "c.h5", renamed)).verdict == OTHER_IDS
    # Shifted by one, the rows do not meet; but each video is found under another id.
    found = verdict(first, a)
    assert found.verdict == OTHER_IDS and "12 of the 12 videos that differ: v0 is there as v11" in found.text


def test_two_videos_under_each_others_ids(first, tmp_path):
    features = make.made_up(NAMES)
    for of in features.values():
        of["v3"], of["v7"] = of["v7"], of["v3"]
    found = verdict(first, make.write_ours(tmp_path / "b.h5", features))
    assert found.verdict == OTHER_IDS
    assert "2 of the 2 videos that differ: v3 is there as v7, v7 is there as v3. All else is the same" in found.text
    for of in features.values():
        of["v5"] = of["v5"] + 1
    found = verdict(first, make.write_ours(tmp_path / "c.h5", features))
    assert found.verdict not in (SAME, OTHER_IDS) and "2 of the 3 videos that differ" in found.text


def test_other_widths_other_videos_other_kinds(first, tmp_path):
    narrow = changed(make.made_up(NAMES), lambda values: values[:, :-1])
    assert "wide" in verdict(first, make.write_ours(tmp_path / "b.h5", narrow)).text
    found = verdict(first, make.write_ours(tmp_path / "c.h5", make.made_up(["elsewhere"])))
    assert found.verdict == DIFFERENT and "No id is in both" in found.text


def test_a_foreign_layout_can_be_compared_with_ours(first, tmp_path):
    make.write_npy(tmp_path / "npy", make.made_up(NAMES), NAMES)
    assert verdict(first, tmp_path / "npy").verdict == ORDER  # sorted by name: v0, v1, v10, ...
    names = ["12", "7"]
    ours = make.write_ours(tmp_path / "ours.h5", make.made_up(names))
    make.write_hcrn(tmp_path / "hcrn", make.made_up(names), names)
    assert verdict(ours, tmp_path / "hcrn").verdict == SAME


@pytest.mark.slow
def test_real_features_of_one_network_and_of_two(shared, tmp_path):
    ids = ["odd_319x241_yuv444p", "torchcodec_h264_10bits", "imageio_newtonscradle", "moviepy_no_duration"]
    ids += ["torchcodec_av1_video", "vfr_3rates"]
    base = FeaturesSettings(
        sampling=SamplingSettings(clips=4, frames=4),
        appearance=AppearanceSettings(network="efficientnet-lite0", size=96),
        motion=NetworkSettings(network="resnext3d-tiny", size=56),
    )
    changes = {
        "base": {},
        "sampling": {"sampling": SamplingSettings(clips=4, frames=4, positions="hcrn")},
        "network": {"motion": NetworkSettings(network="resnext3d-tiny", size=56, weights="random")},
    }
    files = {}
    for name, change in changes.items():
        (tmp_path / name).mkdir()
        run_all(shared, tmp_path / name, base.model_copy(update=change), ids)
        files[name] = tmp_path / name / "video.h5"
    assert verdict(files["base"], files["sampling"]).verdict == SAMPLING
    found = verdict(files["base"], files["network"])
    assert found.verdict == DIFFERENT and "appearance: the same." in found.text
    assert "motion_network.weights: motion-resnext3d-tiny.safetensors | random (seed 0)" in found.text


def test_the_commands_print_and_set_the_exit_status(first, tmp_path):
    second = make.write_ours(tmp_path / "b.h5", make.made_up(NAMES, seed=1))
    runner = CliRunner()
    same = runner.invoke(app, ["compare", str(first), str(first)])
    assert same.exit_code == 0 and same.stdout.startswith("THE SAME\n")
    different = runner.invoke(app, ["compare", str(first), str(second), "--csv", str(tmp_path / "videos.csv")])
    assert different.exit_code == 1 and len((tmp_path / "videos.csv").read_text().splitlines()) == 1 + 2 * len(NAMES)
    clean = runner.invoke(app, ["inspect", str(first)])
    assert clean.exit_code == 0 and clean.output.endswith("clean\n")
    for text in ("features of 12 videos", "decord", "appearance", "24", "sampling"):
        assert text in clean.output


def test_inspect_says_what_is_not_clean(tmp_path):
    features = make.made_up(NAMES)
    features["appearance"]["v5"][:] = 0
    path = make.write_ours(tmp_path / "a.h5", features)
    with h5py.File(path, "r+") as file:
        file["motion"][NAMES.index("v3"), 0, 0] = np.nan
    found = CliRunner().invoke(app, ["inspect", str(path)])
    assert found.exit_code == 1
    assert "motion feature is not finite for 1 videos: v3" in found.output
    assert "appearance feature is one and the same number throughout for 1 videos: v5" in found.output


def test_inspect_says_which_videos_have_changed(first, tmp_path):
    path = Path(shutil.copy(first, tmp_path / "video.h5"))
    video = tmp_path / "v3.mp4"
    video.write_bytes(b"1234")
    row = ManifestRow("v3", "ok", path=str(video), bytes=4, sha256=sha256(video), modified="long ago")
    write_manifest(tmp_path / "manifest.csv", manifest_of([row, ManifestRow("v4", "missing")]))
    assert CliRunner().invoke(app, ["inspect", str(path)]).exit_code == 0
    video.write_bytes(b"12345")
    (tmp_path / "v4.WEBM").write_bytes(b"1")
    said = CliRunner().invoke(app, ["inspect", str(path)])
    assert said.exit_code == 1
    assert "videos have changed since: 1 new (first v4), 1 replaced (first v3); the next run" in said.output


def test_inspect_reads_foreign_layouts_and_shards(shared, tmp_path):
    make.write_npy(tmp_path / "npy", make.made_up(NAMES), NAMES)
    assert "layout npy" in CliRunner().invoke(app, ["inspect", str(tmp_path / "npy")]).output
    run_all(shared, tmp_path, ids=["nine_frames", "text_named"], shards=1, policy="zeros")
    for part, kind in (("0.frames.h5", "decoded frames"), ("0.motion.h5", "feature shard")):
        shown = CliRunner().invoke(app, ["inspect", str(tmp_path / part)])
        assert shown.exit_code == 0 and kind in shown.output and "commit" in shown.output


def test_inspect_names_a_file_that_is_damaged(first, tmp_path):
    first.write_bytes(first.read_bytes()[: first.stat().st_size // 2])
    said = CliRunner().invoke(app, ["inspect", str(first)])
    assert isinstance(said.exception, UserError) and f"{first} is not a whole HDF5 file" in str(said.exception)
    first.write_bytes(b"no HDF5")
    said = CliRunner().invoke(app, ["inspect", str(first)])
    assert isinstance(said.exception, UserError) and f"{first} is not a whole HDF5 file" in str(said.exception)


@pytest.mark.parametrize("kind", ["appearance", "motion"])
def test_inspect_names_a_first_array_that_is_damaged(tmp_path, kind):
    make.write_npy(tmp_path, make.made_up(NAMES), NAMES)
    damaged = min((tmp_path / kind).iterdir())
    np.save(tmp_path / "number.npy", np.float32(1))
    for content, message in (
        (damaged.read_bytes()[:50], "is not an array that can be read"),
        (b"", "is not an array that can be read"),
        ((tmp_path / "number.npy").read_bytes(), "has shape ()"),
    ):
        damaged.write_bytes(content)
        said = CliRunner().invoke(app, ["inspect", str(tmp_path)])
        assert isinstance(said.exception, UserError) and f"{damaged} {message}" in str(said.exception)
