"""A video that is new, replaced or gone changes the key of its collection once; nothing else does."""

import os
import shutil
import time

import pandas as pd
import pytest

from base.formats.manifest import write_manifest
from extract.config import SamplingSettings, VideoCollection
from extract.videos.listing import compare, compare_files, folder_key, modified
from extract.videos.places import Places
from extract.videos.probe import probe
from tests.extract.videos.make import write


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Two different clips."""
    folder = tmp_path_factory.mktemp("made")
    return [write(folder / f"{count}.mp4", count) for count in (16, 20)]


class Collection:
    """A folder of videos with a manifest, looked at as the workflow does."""

    def __init__(self, folder, videos, ids, **settings):
        self.v, self.videos, self.ids = folder / "v", videos, ids
        self.v.mkdir()
        self.manifest = folder / "results/manifest.csv"
        for name in ("a", "b"):
            self.put(name)
        policy = {"missing": "skip", "unreadable": "skip"} | settings
        self.settings = VideoCollection(folder=self.v, **policy)
        self.run()

    def put(self, name, which=0):
        shutil.copy(self.videos[which], self.v / (name if "." in name else f"{name}.mp4"))

    def run(self):
        """What the workflow does when the key is another one; the key."""
        before = self.key()
        ids = self.ids or Places(self.settings).all_ids()
        write_manifest(
            self.manifest, probe(ids, self.settings, SamplingSettings(), 1, self.manifest.with_name("notes"))
        )
        assert self.key() == before, "the next run would do it again"
        return before

    def key(self):
        return folder_key(self.settings, self.manifest, everything=not self.ids)


@pytest.fixture
def asked(tmp_path, videos):
    """A collection of which some videos are asked for, one of which is missing."""
    return Collection(tmp_path, videos, ["a", "b", "late"])


@pytest.fixture
def whole(tmp_path, videos):
    """A collection of which all videos are wanted."""
    return Collection(tmp_path, videos, [])


def replace_keeping_size(collection):
    path = collection.v / "a.mp4"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)


CHANGES = {
    "replaced": lambda c: c.put("a", 1),
    "replaced by one of the same size": replace_keeping_size,
    "gone": lambda c: (c.v / "b.mp4").unlink(),
    "new": lambda c: c.put("late"),
    "new with a suffix in capitals": lambda c: c.put("late.MOV"),
    "no file any more": lambda c: ((c.v / "b.mp4").unlink(), (c.v / "b.mp4").mkdir()),
    "empty": lambda c: (c.v / "a.mp4").write_bytes(b""),
    "two files now": lambda c: c.put("a.webm"),
}


@pytest.mark.parametrize("change", [change for change in CHANGES if change != "two files now"])
@pytest.mark.parametrize("everything", [False, True])
def test_a_change_gives_another_key_once(tmp_path, videos, change, everything):
    collection = Collection(tmp_path, videos, [] if everything else ["a", "b", "late"])
    before = collection.key()
    CHANGES[change](collection)
    assert compare(collection.manifest, collection.settings, everything=everything)
    changed = collection.key()
    assert changed != before and collection.key() == changed
    assert collection.run() == changed
    assert not compare(collection.manifest, collection.settings, everything=everything)


def test_a_video_that_two_files_can_be_is_a_change(asked):
    before = asked.key()
    CHANGES["two files now"](asked)
    assert asked.key() != before


def test_a_second_change_is_another_one(asked):
    asked.put("a", 1)
    first = asked.run()
    time.sleep(0.01)
    asked.put("a", 0)
    assert asked.run() != first


def test_what_changes_no_video_changes_no_key(asked):
    before = asked.key()
    os.utime(asked.v / "a.mp4")
    asked.put("nobody_asks")
    (asked.v / "notes.txt").write_text("x")
    assert asked.key() == before and not compare(asked.manifest, asked.settings)


def test_a_file_that_was_touched_is_read_once(asked, monkeypatch):
    os.utime(asked.v / "a.mp4")
    before = asked.key()
    monkeypatch.setattr("extract.videos.listing.sha256", None)
    assert asked.key() == before


def test_by_size_and_time_a_touched_file_is_another_one(tmp_path, videos):
    collection = Collection(tmp_path, videos, ["a", "b"], fingerprint="size-and-time")
    before = collection.key()
    os.utime(collection.v / "a.mp4")
    assert collection.key() != before


def test_of_a_whole_folder_new_files_without_suffix_count_and_texts_do_not(whole):
    before = whole.key()
    (whole.v / "notes.txt").write_text("x")
    assert whole.key() == before
    shutil.copy(whole.videos[0], whole.v / "unnamed")
    assert whole.run() != before
    assert "unnamed" in pd.read_csv(whole.manifest)["video_id"].tolist()


def test_without_the_collection_files_are_looked_for_where_others_are(asked):
    assert not compare_files(asked.manifest)
    asked.put("late")
    asked.put("a", 1)
    (asked.v / "b.mp4").unlink()
    assert compare_files(asked.manifest).text() == "1 new (first late), 1 replaced (first a), 1 gone (first b)"


def test_imported_features_without_a_folder_and_a_folder_that_is_gone_have_no_key(tmp_path):
    assert folder_key(VideoCollection(folder=tmp_path / "no"), tmp_path / "manifest.csv", everything=True) == ""


def test_ten_thousand_videos_take_seconds(tmp_path):
    """About 0.9 s on the machine it was written on; the limit leaves room for a slower and busier one."""
    (tmp_path / "v").mkdir()
    rows = []
    for number in range(10_000):
        path = tmp_path / f"v/{number}.mp4"
        path.write_bytes(b"12345")
        rows.append({"video_id": str(number), "path": str(path), "bytes": 5, "sha256": "x", "modified": modified(path)})
    pd.DataFrame(rows).to_csv(tmp_path / "manifest.csv", index=False)
    began = time.monotonic()
    assert folder_key(VideoCollection(folder=tmp_path / "v"), tmp_path / "manifest.csv", everything=True) == ""
    assert time.monotonic() - began < 5
