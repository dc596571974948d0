"""Seconds come from timestamps: offsets, rates that are nonsense, files without any."""

import numpy as np
import pytest

from base.formats.statuses import OK
from extract.config import SamplingSettings
from extract.videos.clock import clock_of
from extract.videos.judgement import judge
from extract.videos.survey import survey
from tests.extract.videos import make


def test_a_start_offset_is_not_counted(shared):
    seen = survey(shared / "cases/03-start-offset/v/late.mkv", SamplingSettings())
    assert judge(seen, SamplingSettings()) == (OK, "")
    assert (seen.clock.start, seen.clock.duration, seen.clock.fps) == pytest.approx((3601.4, 4.0, 10.0))


def test_a_rate_of_a_thousand_is_replaced_by_that_of_the_timestamps(shared):
    seen = survey(shared / "cases/04-thousand-frames-a-second/v/recorder.webm", SamplingSettings())
    assert seen.clock.fps == pytest.approx(10.3, abs=0.05) and seen.clock.duration == pytest.approx(3.9, abs=0.01)
    assert "the file states 1000 frames a second" in seen.remarks[0]
    assert seen.clock.fps * seen.clock.duration == pytest.approx(seen.frames) and not seen.clock.even


@pytest.mark.parametrize("name", ["a.mkv", "a.ts", "a.mp4"])
@pytest.mark.parametrize("start", [0.0, 2.5, 31815.0])
def test_files_that_begin_late(tmp_path, name, start):
    path = make.write_timed(tmp_path / name, [number / 20 for number in range(50)], start=start)
    seen = survey(path, SamplingSettings())
    assert (seen.clock.duration, seen.clock.fps) == pytest.approx((2.5, 20), rel=0.03)
    assert judge(seen, SamplingSettings())[0] == OK


def test_a_rate_that_changes(tmp_path):
    times = [number / 50 for number in range(50)] + [1 + number / 5 for number in range(10)]
    seen = survey(make.write_timed(tmp_path / "a.mkv", times), SamplingSettings())
    assert seen.clock.duration == pytest.approx(2.8, abs=0.25) and not seen.clock.even
    assert seen.clock.fps * seen.clock.duration == pytest.approx(60, rel=0.02)


def test_frames_without_timestamps_follow_each_other_evenly():
    clock = clock_of([None] * 50, 0)
    assert (clock.fps, clock.duration) == (25, 2) and clock.even
    assert "states no frame rate" in clock.remarks[0] and "no timestamps" in clock.remarks[1]
    assert clock_of([0.0], 10).duration == 0.1 and not clock_of([0.0], 10).remarks


def test_a_timestamp_that_goes_back_or_is_absent_follows_the_one_before():
    clock = clock_of([5.0, 5.1, None, 5.3, 1.0, 1.1], 10)
    np.testing.assert_allclose(clock.times, np.arange(6) / 10)
    assert (clock.start, clock.duration) == pytest.approx((5, 0.6)) and "go back 1 times" in clock.remarks[0]
