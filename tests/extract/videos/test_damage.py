"""A damaged file is used as far as a decoder can, and the manifest says what it lacks."""

import pytest

from base.errors import UserError
from base.formats.statuses import CUT, DAMAGED, OK
from extract.config import SamplingSettings, VideoCollection
from extract.videos.judgement import judge, leave_out
from extract.videos.probe import all_ids, probe
from extract.videos.survey import survey
from tests.extract.videos import make

OPTIONS = {"g": "20", "bf": "0", "sc_threshold": "0"}


def look(folder, notes, **settings):
    collection = VideoCollection(folder=folder, **settings)
    return probe(all_ids(collection), collection, SamplingSettings(), 1, notes), collection


def test_one_bad_packet_of_a_hundred(shared, tmp_path):
    manifest, _ = look(shared / "cases/09-one-bad-packet/v", tmp_path / "notes")
    row = manifest.iloc[0]
    assert (row["status"], row["frames"], row["lost"], row["fps"], row["duration"]) == (DAMAGED, 91, 9, 10, 10)
    assert "91 frames can be decoded" in row["reason"] and "breaks off" not in row["reason"]


@pytest.mark.parametrize("bad", [{10}, {31, 50, 51}, {39}, {0, 1, 25}])
def test_packets_that_are_spoiled_in_several_places(tmp_path, bad):
    whole = make.write(tmp_path / "whole.mp4", 60, options=OPTIONS)
    seen = survey(make.spoil(whole, tmp_path / "bad.mp4", bad.__contains__), SamplingSettings())
    status, reason = judge(seen, SamplingSettings())
    assert status == DAMAGED and "breaks off" not in reason
    assert seen.frames + seen.lost + seen.passed_over == 60 and seen.lost >= len(bad - {0, 1})
    assert seen.backend == "pyav"


def test_a_file_whose_last_packets_are_bad_is_damaged_and_does_not_break_off(tmp_path):
    whole = make.write(tmp_path / "whole.mp4", 60, options=OPTIONS)
    seen = survey(make.spoil(whole, tmp_path / "bad.mp4", lambda number: number > 57), SamplingSettings())
    assert (seen.breaks_off, seen.lost) == ("", 2)


@pytest.mark.parametrize(
    ("name", "codec"), [("a.avi", "mpeg4"), ("a.avi", "libx264"), ("a.mp4", "libx264"), ("a.mkv", "libx264")]
)
def test_a_file_that_breaks_off_says_after_which_frame(tmp_path, name, codec):
    whole = make.write(tmp_path / name, 60, codec, {"bf": "0"}, container={"movflags": "faststart"})
    assert judge(survey(whole, SamplingSettings()), SamplingSettings()) == (OK, "")
    path = tmp_path / f"cut{whole.suffix}"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    seen = survey(path, SamplingSettings())
    status, reason = judge(seen, SamplingSettings())
    assert status == CUT and 20 < seen.frames < 60 and f"breaks off after {seen.frames} frames" in reason


def test_the_policy_is_asked_however_few_frames_are_left(tmp_path):
    folder = tmp_path / "v"
    folder.mkdir()
    whole = make.write(tmp_path / "whole.mp4", 10, options=OPTIONS | {"g": "5"})
    make.spoil(whole, folder / "bad.mp4", {3}.__contains__)
    manifest, collection = look(folder, tmp_path / "notes", damaged="skip")
    assert manifest["status"].tolist() == [DAMAGED] and "a clip has 16" in manifest["reason"][0]
    assert leave_out(manifest, collection).all()
    assert not leave_out(manifest, VideoCollection(folder=folder)).any()
    with pytest.raises(UserError, match="1 of 1 videos are damaged"):
        look(folder, tmp_path / "notes", damaged="error")
