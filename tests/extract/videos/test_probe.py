"""The manifest: what is where, and whether it can be read; what cannot says why."""

import json
import os
import shutil
import tempfile
from pathlib import Path

import pandas as pd
import pytest

from base.errors import UserError
from base.formats.manifest import read_manifest, write_manifest
from base.formats.statuses import CUT, DAMAGED, FAILED, MISSING, OK, SHORT
from extract.config import SamplingSettings, VideoCollection
from extract.videos import probe as module
from extract.videos.judgement import leave_out
from extract.videos.places import Places
from extract.videos.probe import examine, probe

AWKWARD = {
    "audio_only": (FAILED, "it holds no video stream", ""),
    "decord_corrupted": (DAMAGED, "49 frames can be decoded (1 of them damaged) and 1 cannot", "pyav"),
    "decord_video_0": (SHORT, "3 frames, a clip has 16", "decord"),
    "decord_video_90": (SHORT, "3 frames, a clip has 16", "decord"),
    "imageio_newtonscradle": (
        OK,
        "50 frames a second and its timestamps give 43.9",
        "pyav",
    ),  # a GIF
    "moviepy_no_duration": (OK, "", "pyav"),
    "moviepy_result_0bytes": (FAILED, "Invalid data found", ""),
    "nine_frames": (SHORT, "9 frames, a clip has 16", "decord"),
    "odd_319x241_yuv444p": (OK, "its pixels are 3856:2871 and not square", "decord"),
    "one_frame": (SHORT, "1 frames, a clip has 16", "decord"),
    "text_named": (FAILED, "Invalid data found", ""),
    "tiny_36x8": (OK, "its pixels are 32:81 and not square", "decord"),
    "torchcodec_av1_video": (OK, "", "pyav"),
    "torchcodec_h264_10bits": (OK, "", "decord"),
    "truncated_TZ860P4iTaM_first120kB": (CUT, "the file breaks off after 72 frames", "pyav"),
    "vfr_3rates": (
        OK,
        "14.17 frames a second and its timestamps give 12.4",
        "pyav",
    ),
}
"""The status, the reason and the reader that each awkward file gets."""


def look(tmp_path, folder, ids, stage=0, **settings):
    collection = VideoCollection(folder=folder, **{"missing": "skip", "unreadable": "skip"} | settings)
    return probe(ids, collection, SamplingSettings(), 2, tmp_path / "notes", stage)


def test_each_awkward_file_has_its_expected_status(shared, tmp_path):
    folder = shared / "data/videos/awkward"
    assert set(AWKWARD) == {path.stem for path in folder.iterdir()}
    manifest = look(tmp_path, folder, list(AWKWARD)).set_index("video_id")
    for name, (status, reason, backend) in AWKWARD.items():
        row = manifest.loc[name]
        assert (row["status"], row["backend"]) == (status, backend), name
        assert reason in row["reason"] and bool(reason) == bool(row["reason"]), name


def test_every_msvd_and_general_clip_is_clean(shared, tmp_path):
    for folder in ("msvd", "general"):
        files = [path for path in (shared / "data/videos" / folder).iterdir() if path.suffix != ".json"]
        manifest = look(tmp_path, files[0].parent, [path.stem for path in files])
        assert set(manifest["status"]) == {OK}


def test_missing_and_unreadable_videos_are_all_named_at_once(shared, tmp_path):
    ids = ["nowhere", "elsewhere", "text_named", "nine_frames"]
    with pytest.raises(UserError) as error:
        look(tmp_path, shared / "data/videos/awkward", ids, missing="error", unreadable="error")
    for name in ("nowhere", "elsewhere", "text_named", "awkward/nowhere.*"):
        assert name in str(error.value)
    assert "nine_frames" not in str(error.value)


def test_a_missing_folder_is_an_error_of_its_own(tmp_path):
    with pytest.raises(UserError, match=r"video folder .* does not exist"):
        look(tmp_path, tmp_path / "no", ["a"])


def test_a_folder_in_the_place_of_a_file(shared, tmp_path):
    (tmp_path / "v/folder.mp4").mkdir(parents=True)
    (tmp_path / "v/both.mp4").mkdir()
    shutil.copy(shared / "data/videos/awkward/nine_frames.mp4", tmp_path / "v/both.avi")
    manifest = look(tmp_path, tmp_path / "v", ["folder", "both"])
    assert manifest["status"].tolist() == [FAILED, SHORT]
    assert manifest["reason"][0] == "it is not a file"


def test_a_file_that_may_not_be_read(shared):
    path = Path(tempfile.mkdtemp()) / "closed.mp4"
    shutil.copy(shared / "data/videos/awkward/nine_frames.mp4", path)
    path.chmod(0)
    path.parent.chmod(0o755)
    was = os.geteuid()
    try:
        if was == 0:
            os.seteuid(65534)  # whom permissions bind, unlike root
        row = examine(module._Job("closed", path, SamplingSettings(), "sha256"))
        assert (row.status, row.reason) == (FAILED, "Permission denied")
    finally:
        os.seteuid(was)
        shutil.rmtree(path.parent)


@pytest.mark.parametrize("bad", ["../outside", "a/b", ".."])
def test_an_id_can_not_leave_its_folder(tmp_path, bad):
    with pytest.raises(UserError) as error:
        look(tmp_path, tmp_path, ["good", bad, "../also"])
    assert repr(bad) in str(error.value) and "'../also'" in str(error.value)


@pytest.mark.parametrize("bad", ["../../etc/passwd", "/etc/passwd"])
def test_a_mapping_can_not_lead_outside(tmp_path, bad):
    (tmp_path / "map.json").write_text(json.dumps({"a": "0001/a", "b": bad}))
    with pytest.raises(UserError, match="outside"):
        Places(VideoCollection(folder=tmp_path, mapping=tmp_path / "map.json"))


def test_a_killed_probe_goes_on_where_it_stopped(shared, tmp_path, monkeypatch):
    folder = shared / "data/videos/awkward"
    ids = ["nine_frames", "tiny_36x8", "one_frame"]
    whole = look(tmp_path, folder, ids)

    class Killed(BaseException):
        pass

    def killed_after_two(jobs, processes, limits):
        for number, pair in enumerate(whole_examine(jobs, processes, limits)):
            if number == 2:
                raise Killed
            yield pair

    whole_examine = module._examine
    monkeypatch.setattr(module, "_examine", killed_after_two)
    with pytest.raises(Killed):
        look(tmp_path, folder, ids)
    asked = []
    monkeypatch.setattr(module, "_examine", lambda jobs, *_: asked.extend(jobs) or whole_examine(jobs, *_))
    pd.testing.assert_frame_equal(look(tmp_path, folder, ids), whole)
    assert [job.video_id for job in asked] == ["one_frame"]

    monkeypatch.setattr(module, "_examine", killed_after_two)
    with pytest.raises(Killed):
        look(tmp_path, folder, ids)
    asked.clear()
    monkeypatch.setattr(module, "_examine", lambda jobs, *_: asked.extend(jobs) or whole_examine(jobs, *_))
    pd.testing.assert_frame_equal(look(tmp_path, folder, ids, stage=1), whole)
    assert [job.video_id for job in asked] == ids, "what another stage has noted is not used"


def test_a_file_is_recognised_by_its_content_or_by_size_and_time(shared, tmp_path):
    folder = shared / "data/videos/awkward"
    (by_content,) = look(tmp_path, folder, ["one_frame"]).itertuples()
    (by_time,) = look(tmp_path, folder, ["one_frame"], fingerprint="size-and-time").itertuples()
    assert by_content.sha256.startswith("b871b7c6b81a97ab") and by_content.modified == by_time.modified
    assert by_time.bytes == 6190 and by_time.modified.startswith("20") and not by_time.sha256


def test_a_manifest_is_read_as_it_was_written(shared, tmp_path):
    manifest = look(tmp_path, shared / "data/videos/awkward", ["one_frame", "text_named", "nowhere"])
    write_manifest(tmp_path / "manifest.csv", manifest)
    read = read_manifest(tmp_path / "manifest.csv")
    pd.testing.assert_frame_equal(read, manifest)
    skip = VideoCollection(folder=".", missing="skip", unreadable="zeros")
    assert leave_out(read, skip).tolist() == [False, False, True]
    assert read["status"].tolist() == [SHORT, FAILED, MISSING]
