"""The times of sampled frames are their timestamps."""

import h5py
import numpy as np
import pandas as pd
import pytest

from extract.config import FeaturesSettings, SamplingSettings, VideoCollection
from extract.videos.decode import decode_shard
from extract.videos.probe import probe
from extract.videos.sampling import clip_frames
from extract.videos.times import clip_times
from tests.extract.videos import make

SLOW_THEN_FAST = [number / 5 for number in range(20)] + [4 + number / 50 for number in range(40)]


def row(folder, name, tmp_path, sampling):
    manifest = probe([name], VideoCollection(folder=folder), sampling, 1, tmp_path / "notes")
    return manifest, manifest.to_dict("records")[0]


@pytest.mark.parametrize("start", [0.0, 31.5])
def test_at_a_rate_that_changes_each_frame_has_its_own_time(tmp_path, start):
    sampling = SamplingSettings(clips=4, frames=4)
    make.write_timed(tmp_path / "a.mkv", SLOW_THEN_FAST, start=start)
    manifest, about = row(tmp_path, "a", tmp_path, sampling)
    assert about["clock"] == "variable" and about["start"] == pytest.approx(start)
    index = clip_frames(60, sampling)
    found = clip_times(about, index)
    times = np.array([*SLOW_THEN_FAST, 4.8])
    np.testing.assert_allclose(found.frames, times[index], atol=0.002)
    np.testing.assert_allclose(found.ends, times[index[:, -1] + 1], atol=0.02)
    assert found.ends.max() <= about["duration"] + 1e-6
    features = FeaturesSettings(sampling=sampling)
    decode_shard(manifest, VideoCollection(folder=tmp_path), features, tmp_path / "frames.h5", 1)
    with h5py.File(tmp_path / "frames.h5") as file:
        np.testing.assert_array_equal(file["frame_time"][0], found.frames)
        np.testing.assert_array_equal(file["clip_end"][0], found.ends)


def test_at_a_constant_rate_the_time_is_number_by_rate(tmp_path):
    sampling = SamplingSettings(clips=4, frames=4)
    make.write(tmp_path / "a.mp4", 60)
    about = row(tmp_path, "a", tmp_path, sampling)[1]
    index = clip_frames(60, sampling)
    assert about["clock"] == "even"
    np.testing.assert_array_equal(clip_times(about, index).frames, index / 25)
    np.testing.assert_array_equal(clip_times(about, index).ends, (index[:, -1] + 1) / 25)


def test_spans_of_a_rate_of_a_thousand_lie_within_the_video(shared, tmp_path):
    sampling = SamplingSettings()
    about = row(shared / "cases/04-thousand-frames-a-second/v", "recorder", tmp_path, sampling)[1]
    found = clip_times(about, clip_frames(40, sampling))
    assert found.frames.min() == 0 and 3.5 < found.ends.max() <= about["duration"] < 3.91


def test_a_video_that_is_damaged_has_a_gap_where_frames_are_lost(shared, tmp_path):
    sampling = SamplingSettings()
    about = row(shared / "cases/09-one-bad-packet/v", "bad", tmp_path, sampling)[1]
    found = clip_times(about, clip_frames(91, sampling))
    assert found.ends.max() == pytest.approx(10.0)
    assert isinstance(about, dict) and pd.notna(found.frames).all()
