"""`video.h5`: one writer for all, which gives zeros and refuses what it must; a reader that checks."""

import tracemalloc
from contextlib import AbstractContextManager
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from base.errors import UserError
from base.formats.video_features import NOT_KNOWN, Origin, Sizes, VideoFeatures, Writer, write_video_features

SIZES = Sizes(clips=2, frames=4, seen=1, widths=(3, 5))
DATASETS = {
    "ids": ("object", ()),
    "appearance": ("float16", (2, 3)),
    "motion": ("float16", (2, 5)),
    "frame_index": ("int32", (2, 4)),
    "appearance_index": ("int32", (2, 1)),
    "frame_time": ("float64", (2, 4)),
    "clip_end": ("float64", (2,)),
    "fps": ("float64", ()),
    "duration": ("float64", ()),
    "status": ("object", ()),
    "decoder": ("object", ()),
    "fingerprint": ("object", ()),
}
"""The type of each dataset of docs/formats.md, and its shape but for the number of videos."""


def writer(path: Path, status: dict[str, str], storage: str = "float16") -> AbstractContextManager[Writer]:
    videos = pd.DataFrame({"video_id": list(status), "status": list(status.values())})
    videos = videos.assign(decoder="pyav", fingerprint="", fps=np.nan, duration=1.5)
    return write_video_features(path, videos, SIZES, storage, Origin({}, {"network": "m"}, "paper", {}, "no", {}))


def ones(width: int) -> np.ndarray:
    return np.ones((2, width), np.float32)


def fill(path: Path, status: dict[str, str]) -> VideoFeatures:
    with writer(path, status) as out:
        for row in reversed(range(len(status))):
            out.frames(row, np.full((2, 4), row, np.int32), np.full((2, 1), row, np.int32))
            out.times(row, np.arange(8).reshape(2, 4) / 2 + row, np.array([2.0, 4.0]) + row)
            out.features("appearance", row, ones(3) * row, path)
            out.features("motion", row, ones(5) * row, path)
    return VideoFeatures.read(path)


@pytest.mark.parametrize("count", [0, 3])
def test_every_dataset_of_the_contract_is_there(tmp_path, count):
    fill(tmp_path / "video.h5", {f"v{n}": "ok" for n in range(count)})
    with h5py.File(tmp_path / "video.h5") as file:
        assert {name: (str(data.dtype), data.shape[1:]) for name, data in file.items()} == DATASETS
        assert {len(data) for data in file.values()} == {count}
        if count:
            assert file["appearance"].chunks == (1, 2, 3) and file["frame_index"].chunks == (1, 2, 4)


def test_what_is_written_is_read(tmp_path):
    store = fill(tmp_path / "video.h5", {"a": "ok", "b": "short"})
    assert (store.ids, store.status) == (["a", "b"], ["ok", "short"])
    assert store.features["motion"].tolist() == [[[0] * 5] * 2, [[1] * 5] * 2]
    assert store.frame_index.tolist() == [[[0] * 4] * 2, [[1] * 4] * 2]
    assert store.frame_time[1].tolist() == [[1, 1.5, 2, 2.5], [3, 3.5, 4, 4.5]] and store.clip_end[1].tolist() == [3, 5]
    assert np.isnan(store.fps).all() and store.duration.tolist() == [1.5, 1.5]
    assert store.attributes["motion_network"] == {"network": "m"} and store.attributes["resize"] == "no"
    assert "imported" not in store.attributes


def test_frames_that_nobody_gives_are_not_known(tmp_path):
    with writer(tmp_path / "video.h5", {"a": "ok"}):
        pass
    with h5py.File(tmp_path / "video.h5") as file:
        assert (file["frame_index"][:] == NOT_KNOWN).all() and (file["appearance_index"][:] == NOT_KNOWN).all()
        assert np.isnan(file["frame_time"][:]).all() and np.isnan(file["clip_end"][:]).all()


def test_a_status_of_zeros_makes_them_and_a_failed_video_may_hold_anything(tmp_path):
    with writer(tmp_path / "video.h5", {"a": "zeros", "b": "failed"}) as out:
        for row in (0, 1):
            out.features("motion", row, ones(5) * np.nan, tmp_path)
    store = VideoFeatures.read(tmp_path / "video.h5")
    assert not store.features["motion"][0].any() and np.isnan(store.features["motion"][1]).all()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (ones(5) * np.inf, "the motion feature of a is not finite; look at"),
        (ones(5) * 1e5, "motion features do not fit float16; set `features.storage: float32`"),
        (ones(4), r"shard\.h5: the motion feature of a has shape \(2, 4\), that of the others \(2, 5\)"),
    ],
)
def test_features_that_do_not_fit_are_refused_and_leave_no_file(tmp_path, values, message):
    with pytest.raises(UserError, match=message), writer(tmp_path / "video.h5", {"a": "ok"}) as out:
        out.features("motion", 0, values, tmp_path / "shard.h5")
    assert not list(tmp_path.iterdir())


def test_a_file_from_before_is_read(tmp_path, caplog):
    """Imported files had neither `appearance_index` nor `fingerprint`, and no file the times of its frames."""
    fill(tmp_path / "video.h5", {"a": "ok"})
    with h5py.File(tmp_path / "video.h5", "r+") as file:
        del file["appearance_index"], file["fingerprint"], file["frame_time"], file["clip_end"]
        file["fps"][0] = 8
        file["frame_index"][0] = [[0, 1, 2, 3], [4, 5, 6, 7]]
    store = VideoFeatures.read(tmp_path / "video.h5")
    assert store.ids == ["a"] and "frame number / fps is taken" in caplog.text
    assert store.frame_time[0, 1].tolist() == [0.5, 0.625, 0.75, 0.875] and store.clip_end[0].tolist() == [0.5, 1]


def test_rows_that_do_not_match_are_refused(tmp_path):
    fill(tmp_path / "video.h5", {"a": "ok", "b": "ok"})
    with h5py.File(tmp_path / "video.h5", "r+") as file:
        del file["fps"]
        file["fps"] = np.ones(3)
    with pytest.raises(UserError, match=r"`fps` has 3 rows for 2 ids"):
        VideoFeatures.read(tmp_path / "video.h5")
    with h5py.File(tmp_path / "video.h5", "r+") as file:
        del file["motion"]
    with pytest.raises(UserError, match="has no dataset `motion`; import the file"):
        VideoFeatures.read(tmp_path / "video.h5")


def test_reading_takes_little_more_memory_than_the_features(tmp_path):
    videos = pd.DataFrame({"video_id": [f"v{n}" for n in range(1000)]})
    videos = videos.assign(status="ok", decoder="pyav", fingerprint="", fps=8.0, duration=1.0)
    wide = Sizes(clips=2, frames=1, seen=1, widths=(1024, 1024))
    with write_video_features(tmp_path / "v.h5", videos, wide, "float16", Origin({}, {}, "paper", {}, {}, {})) as out:
        for row in range(0, 1000, 7):
            out.features("motion", row, np.full((2, 1024), row, np.float32), tmp_path)
    tracemalloc.start()
    store = VideoFeatures.read(tmp_path / "v.h5")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert store.joined.nbytes == 1000 * 2 * 2048 * 2
    assert peak < 1.2 * store.joined.nbytes
    assert (store.joined[::7, :, 1024:] == np.arange(0, 1000, 7)[:, None, None]).all()
    assert all(np.shares_memory(values, store.joined) for values in store.features.values())


def test_only_the_kinds_that_are_asked_for_are_read(tmp_path):
    fill(tmp_path / "video.h5", {"a": "ok", "b": "short"})
    motion = VideoFeatures.read(tmp_path / "video.h5", ["motion"])
    assert list(motion.features) == ["motion"] and motion.joined.tolist() == [[[0] * 5] * 2, [[1] * 5] * 2]
    assert motion.joined.dtype == np.float16
    nothing = VideoFeatures.read(tmp_path / "video.h5", [])
    assert not nothing.features and nothing.frame_index.shape == (2, 2, 4)


def test_a_value_that_is_not_finite_is_refused_with_its_video(tmp_path):
    fill(tmp_path / "video.h5", {f"v{n}": "failed" if n == 3 else "ok" for n in range(70)})
    with h5py.File(tmp_path / "video.h5", "r+") as file:
        file["motion"][3, 0, 0] = file["motion"][66, 1, 2] = np.nan
    with pytest.raises(UserError, match=r"`motion` is not finite for v66$"):
        VideoFeatures.read(tmp_path / "video.h5")
    assert len(VideoFeatures.read(tmp_path / "video.h5", ["appearance"]).ids) == 70


def test_kinds_of_other_clips_are_not_read_together(tmp_path):
    fill(tmp_path / "video.h5", {"a": "ok"})
    with h5py.File(tmp_path / "video.h5", "r+") as file:
        del file["motion"]
        file["motion"] = np.zeros((1, 3, 5), np.float16)
    with pytest.raises(UserError, match="a video has 2 of appearance and 3 of motion clips"):
        VideoFeatures.read(tmp_path / "video.h5")
