"""The strip of a video shows the frames that the networks saw, as a player shows them, each with its time."""

import numpy as np
import pytest

from base.formats.manifest import write_manifest
from base.formats.video_features import Origin, Sizes, write_video_features
from eigv.paper.figures.strips import Part, Strip, read_strips
from extract.config import SamplingSettings, VideoCollection
from extract.videos.probe import probe
from extract.videos.sampling import clip_frames
from extract.videos.times import clip_times
from tests.extract.videos import make

SAMPLING = SamplingSettings(clips=4, frames=4)


def strip_of(tmp_path, name: str):
    manifest = probe([name], VideoCollection(folder=tmp_path), SAMPLING, 1, tmp_path / "notes")
    write_manifest(tmp_path / "m.csv", manifest)
    row = {str(key): value for key, value in manifest.iloc[0].items()}
    frames = clip_frames(row["frames"], SAMPLING)
    table = manifest[["video_id", "status", "fps", "duration"]].assign(decoder="pyav", fingerprint="")
    origin = Origin({}, {}, "paper", {}, {}, {})
    with write_video_features(tmp_path / "v.h5", table, Sizes(4, 4, 1, (2, 2)), "float32", origin) as writer:
        writer.frames(0, frames, frames[:, 2:3])
        writer.times(0, *clip_times(row, frames))
    ((_, strip),) = read_strips([name], tmp_path / "v.h5", tmp_path / "m.csv", 60)
    return strip


@pytest.mark.parametrize(("shape", "size"), [("1:1", (40, 60)), ("2:1", (20, 60)), ("1:2", (80, 60))])
def test_pictures_have_the_proportions_that_a_player_shows(tmp_path, shape, size):
    make.write(tmp_path / "a.mp4", 40, shape=shape)
    strip = strip_of(tmp_path, "a")
    assert {frame.shape[:2] for frame in strip.frames} == {size}
    np.testing.assert_allclose(strip.times, [5 / 25, 15 / 25, 25 / 25, 35 / 25])


def test_a_picture_that_changes_its_size_on_the_way(tmp_path):
    small = make.write(tmp_path / "small.ts", 20)
    large = make.write(tmp_path / "large.ts", 20, width=192)
    (tmp_path / "a.ts").write_bytes(small.read_bytes() + large.read_bytes())
    strip = strip_of(tmp_path, "a")
    assert {frame.shape[:2] for frame in strip.frames} == {(40, 60)}
    assert "the picture has 2 sizes" in (tmp_path / "m.csv").read_text()


def test_captions_are_timestamps(tmp_path):
    times = [number / 5 for number in range(20)] + [4 + number / 50 for number in range(20)]
    make.write_timed(tmp_path / "a.mkv", times)
    np.testing.assert_allclose(strip_of(tmp_path, "a").times, [times[n] for n in (5, 15, 25, 35)], atol=0.002)


def test_parts_of_clips_are_within_spans_by_their_frames():
    times = np.array([[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]])
    strip = Strip("v", [], [2.0, 6.0], times)
    assert strip.within([(1.0, 3.0), (3.5, 5.5)]) == [Part(0, 0.25, 0.75), Part(1, 0.0, 0.5)]  # an end is outside
    assert strip.within([(0.0, 0.5), (2.0, 9.0)]) == [Part(0, 0.0, 0.25), Part(0, 0.5, 1.0), Part(1, 0.0, 1.0)]
    assert strip.within([]) == [] and Strip("v", [], [2.0, 6.0]).within([(0.0, 9.0)]) == []
