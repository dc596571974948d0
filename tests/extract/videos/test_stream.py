"""Of several video streams the one that a player shows is the video."""

import av
import numpy as np
import pytest
from av.stream import Disposition

from extract.config import SamplingSettings
from extract.videos.reader import open_reader
from extract.videos.survey import survey
from tests.extract.videos import make

DEFAULT = Disposition.default


def test_the_default_stream_of_a_drone_is_used_not_its_thumbnail(shared):
    seen = survey(shared / "cases/11-thumbnail-first/v/drone.mp4", SamplingSettings())
    assert (seen.width, seen.height, seen.frames, seen.stream) == (320, 240, 40, 1)
    assert "players show" in seen.remarks[0]


@pytest.mark.parametrize(
    ("marks", "counts", "used"),
    [
        ((DEFAULT, 0), (40, 40), 0),  # the default, although it is smaller
        ((0, DEFAULT), (40, 40), 1),
        ((0, 0), (40, 40), 1),  # the larger one
        ((DEFAULT, 0), (1, 40), 1),  # a single picture is no video, whatever it is marked as
        ((Disposition.timed_thumbnails, 0), (4, 40), 1),
    ],
)
def test_which_of_two_streams_is_used(tmp_path, marks, counts, used):
    path = make.write_two_streams(tmp_path / "two.mkv", counts, marks)
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 2
    seen = survey(path, SamplingSettings())
    assert seen.stream == used
    assert (seen.width, seen.height) == (96 * (used + 1), 64 * (used + 1)) and seen.frames == counts[used]
    frame = next(open_reader(path, seen.backend).frames([20]))
    expected = make.picture(20, *frame.shape[:2], tint=120 * used)
    assert np.abs(frame.astype(int) - expected).mean() < 12
