"""Frame i is what decoding from the beginning gives as frame i, whatever the file and the reader."""

import numpy as np
import pytest

from extract.config import SamplingSettings
from extract.videos.reader import PyavReader, Size, VideoError, open_reader, read_pyav
from extract.videos.sampling import sampled_frames
from extract.videos.survey import survey
from tests.extract.videos import make

SIDE = Size(112, 112)
SETTINGS = [
    SamplingSettings(),
    SamplingSettings(positions="hcrn"),
    SamplingSettings(clips=8, frames=4, positions="spread"),
]


def wrong_frames(path, sampling) -> tuple[int, int]:
    """Of the sampled frames, how many are more like another frame of the file than like their own; and all."""
    seen = survey(path, sampling)
    numbers = sampled_frames(seen.frames, sampling)
    everything = read_pyav(path, list(range(seen.frames)), SIDE).reshape(seen.frames, -1).astype(np.float64)
    frames = np.stack(list(open_reader(path, seen.backend, SIDE).frames(numbers.tolist()))).reshape(len(numbers), -1)
    # Squared distances are whole numbers: a frame that occurs twice is as near as its twin.
    distances = np.square(everything).sum(axis=1) - 2 * frames.astype(np.float64) @ everything.T
    wrong = int((distances[np.arange(len(numbers)), numbers] > distances.min(axis=1)).sum())
    return wrong, len(numbers)


@pytest.mark.slow
@pytest.mark.parametrize("sampling", SETTINGS, ids=lambda s: s.positions)
@pytest.mark.parametrize("folder", ["msvd", "general", "awkward"])
def test_no_sampled_frame_of_any_real_clip_is_wrong(shared, folder, sampling):
    looked_at = 0
    for path in sorted((shared / "data/videos" / folder).iterdir()):
        try:
            wrong, count = wrong_frames(path, sampling)
        except VideoError:
            continue
        assert wrong == 0, path
        looked_at += count
    assert looked_at > 150


def test_decord_is_not_trusted_where_it_is_wrong(shared):
    seen = survey(shared / "data/videos/msvd/3qqEKTPxLNs_1_15.avi", SamplingSettings())
    assert seen.backend == "pyav" and "144 of 256" in seen.backend_reason


def test_decord_is_trusted_where_it_is_right(shared):
    assert survey(shared / "data/videos/msvd/0lh_UWF9ZP4_62_69.avi", SamplingSettings()).backend == "decord"


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.avi", "mpeg4", {"bf": "2", "g": "12"}),
        ("b.mp4", "libx264", {"g": "250", "bf": "3"}),
        ("c.mp4", "libx264", {"x264-params": "intra-refresh=1:keyint=60"}),
        ("d.mkv", "libx264", {"x264-params": "open-gop=1:keyint=20:bframes=3"}),
        ("e.webm", "libvpx-vp9", {}),
    ],
)
def test_generated_files_give_the_frames_that_were_written(tmp_path, name, codec, options):
    path = make.write(tmp_path / name, 150, codec, options)
    seen = survey(path, SamplingSettings())
    assert seen.frames == 150
    numbers = sampled_frames(150, SamplingSettings()).tolist()
    for number, frame in zip(numbers, open_reader(path, seen.backend).frames(numbers), strict=True):
        near = [np.abs(frame.astype(int) - make.picture(i)).mean() for i in range(max(0, number - 3), number + 4)]
        assert np.argmin(near) == min(number, 3)


def test_a_file_that_begins_between_key_frames_is_read_from_its_first_picture(tmp_path):
    whole = make.write(tmp_path / "whole.mp4", 90, options={"g": "30", "bf": "0", "sc_threshold": "0"})
    path = make.remux(whole, tmp_path / "late.mp4", lambda number: number >= 10)
    seen = survey(path, SamplingSettings())
    assert 60 <= seen.frames <= 80
    assert wrong_frames(path, SamplingSettings())[0] == 0


def test_rotation_is_applied_by_both_readers(shared):
    path = shared / "data/videos/awkward/decord_video_90.mov"
    for size in (None, Size(40, 64)):
        frames = [next(open_reader(path, backend, size).frames([1])) for backend in ("decord", "pyav")]
        assert frames[0].shape == frames[1].shape == ((568, 320, 3) if size is None else (64, 40, 3))
        assert np.abs(frames[0].astype(int) - frames[1]).mean() < 3


def test_a_file_that_ends_too_early_says_where(shared):
    reader = PyavReader(shared / "data/videos/awkward/nine_frames.mp4")
    assert reader.count == 9 and round(reader.fps, 2) == 23.98
    with pytest.raises(VideoError, match="ends before frame 12"):
        list(reader.frames([3, 12]))
