"""A folder is read as it is: every video has an id, every id means one file, and what is left out is named."""

import json
import logging
import os
import shutil
import unicodedata

import pytest
from typer.testing import CliRunner

from base.errors import UserError
from base.formats.statuses import FAILED, MISSING, OK
from base.reading import read_csv
from extract.cli import app
from extract.config import VideoCollection
from extract.videos.kinds import matched
from extract.videos.places import Places
from tests.extract.videos.make import write

CAFE, CAFE_OF_A_MAC = "caf\u00e9", unicodedata.normalize("NFD", "caf\u00e9")


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """A small clip in a container that is known by its content."""
    return write(tmp_path_factory.mktemp("made") / "made.mkv", 20)


@pytest.fixture
def folder(tmp_path, video):
    """Makes a folder of videos with some names."""

    def make(*names: str):
        for name in names:
            (tmp_path / "v" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(video, tmp_path / "v" / name)
        return tmp_path / "v"

    return make


def places(folder, **settings):
    return Places(VideoCollection(folder=folder, **settings))


def all_of(folder, caplog, **settings):
    """The ids of a folder, and what is said to be left out of it."""
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        ids = places(folder, **settings).all_ids()
    return ids, caplog.text


def test_every_video_is_probed_whatever_its_name(folder, tmp_path):
    v = folder("a.mp4", "B.MP4", "c.MOV", "d.flv", "e.ts", "f.m4v", "g.3GP", "h.wmv", "no_suffix", "i.xyz", "j.k.webm")
    (v / "empty.mkv").write_bytes(b"")
    (v / "text.mp4").write_text("no video")
    (v / "folder.avi").mkdir()
    (v / "broken.avi").symlink_to(tmp_path / "nowhere.avi")
    (v / "linked.avi").symlink_to(v / "a.mp4")
    for name in ("notes.txt", "list.csv", "cover.jpg", "sound.mp3", "late.mp4.part", ".hidden.mp4", "strange", "s.srt"):
        (v / name).write_text("this is no video " * 99)
    collection = {"folder": str(v), "missing": "skip", "unreadable": "skip"}
    out = tmp_path / "manifest.csv"
    done = CliRunner().invoke(
        app, ["probe", "--settings", json.dumps({"collection": collection, "sampling": {}}), "--out", str(out)]
    )
    assert done.exit_code == 0, done.output
    status = read_csv(out, ["video_id", "status"]).set_index("video_id")["status"].to_dict()
    good = ["a", "B", "c", "d", "e", "f", "g", "h", "no_suffix", "i", "j.k", "linked"]
    assert status == dict.fromkeys(good, OK) | dict.fromkeys(["empty", "text", "folder"], FAILED) | {"broken": MISSING}


def test_what_is_left_out_is_named_with_the_reason(folder, caplog):
    v = folder("a.mp4", "deeper/b.mp4", "c")
    (v / "notes.txt").write_text("x")
    (v / "._a.mp4").write_text("x")
    (v / "strange").write_bytes(b"\0\1\2" * 500)
    (v / "nothing").write_bytes(b"")
    (v / "cover.xyz").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    ids, said = all_of(v, caplog)
    assert ids == ["a", "c"]
    for part in (
        "notes.txt (a table, a text",
        "._a.mp4 (hidden)",
        "strange (Invalid data",
        "nothing (empty)",
        "cover.xyz",
    ):
        assert part in said
    assert "deeper/ (a folder that `subfolders` does not name)" in said
    ids, said = all_of(v, caplog, subfolders=("deeper",))
    assert ids == ["a", "b", "c"] and "deeper" not in said


def test_a_folder_without_videos_is_an_error(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(UserError, match="holds no video"):
        places(tmp_path).all_ids()


def test_two_files_of_one_name_are_both_kept_and_a_suffix_means_that_file(folder, caplog):
    v = folder("clip.mp4", "clip.webm", "other.mp4")
    assert all_of(v, caplog)[0] == ["clip.mp4", "clip.webm", "other"]
    for name in ("clip.mp4", "clip.webm", "other.mp4"):
        assert places(v).find(name) == v / name
    assert places(v).find("other") == v / "other.mp4"
    assert places(v).find("other.webm") is None and "there is" in places(v).tried("other.webm")
    with pytest.raises(UserError, match=r"clip can be .*clip\.mp4 or .*clip\.webm: take all but one away, or name"):
        places(v).find("clip")
    (v.parent / "map.json").write_text(json.dumps({"clip": "clip.webm"}))
    assert places(v, mapping=v.parent / "map.json").find("clip") == v / "clip.webm"


def test_all_names_with_several_files_are_said_at_once(folder):
    v = folder("a.mp4", "a.avi", "b.mp4", "b.mkv", "c.mp4")
    with pytest.raises(UserError, match=r"(?s)video a can be.*video b can be"):
        places(v).find_all(["a", "b", "c"])


@pytest.mark.parametrize("names", [("sub/a.mp4", "a.avi"), (f"{CAFE}.mp4", f"{CAFE_OF_A_MAC}.mp4"), ("a", "a.mp4")])
def test_files_that_can_not_be_told_apart_are_an_error_that_names_them(folder, names):
    v = folder(*names)
    with pytest.raises(UserError) as error:
        places(v, subfolders=("sub",)).all_ids()
    assert all(str(v / name) in str(error.value) for name in names)


@pytest.mark.parametrize("name", ["v1.2", "a.b.c", "take.10", "x-_y z", CAFE])
def test_a_name_may_hold_points_blanks_and_accents(folder, caplog, name):
    v = folder(f"{name}.mp4", f"{name}x.mp4")
    assert all_of(v, caplog)[0] == [name, f"{name}x"]
    assert places(v).find(name) == v / f"{name}.mp4"


@pytest.mark.parametrize("written", [CAFE, CAFE_OF_A_MAC])
@pytest.mark.parametrize("asked", [CAFE, CAFE_OF_A_MAC])
def test_accents_are_found_in_either_form_also_in_folders_and_mappings(folder, asked, written):
    v = folder(f"{written}.MP4", f"{written}s/{written}.mp4")
    assert places(v).find(asked) == v / f"{written}.MP4"
    assert places(v).find(f"{asked}.mp4") == v / f"{written}.MP4"
    (v / f"{written}.MP4").unlink()
    assert places(v, subfolders=(f"{asked}s",)).find(asked) == v / f"{written}s/{written}.mp4"
    (v.parent / "map.json").write_text(json.dumps({asked: f"{asked}s/{asked}"}))
    assert places(v, mapping=v.parent / "map.json").find(written) == v / f"{written}s/{written}.mp4"


def test_a_name_that_is_not_utf8_is_left_out_and_named(folder, caplog):
    v = folder("a.mp4")
    (v / "a.mp4").rename(os.fsdecode(os.fsencode(v) + b"/caf\xe9.mp4"))
    folder("b.mp4")
    ids, said = all_of(v, caplog)
    assert ids == ["b"] and r"caf\xe9.mp4 (its name is not UTF-8: rename it)" in said


def test_features_are_matched_with_or_without_suffix_but_never_another_file_s():
    assert matched(["a.mp4", "b", "c"], ["a", "b.mp4", "c"]) == {"a.mp4": "a", "b": "b.mp4", "c": "c"}
    assert matched(["a.mp4", "a.webm"], ["a"]) == {}
    assert matched(["a.mp4"], ["a.webm"]) == {}
    assert matched(["v1.2"], ["v1"]) == {}
