"""Which frames are looked at."""

import numpy as np
import pytest

from extract.config import SamplingSettings
from extract.videos.sampling import appearance_frames, clip_frames, middle_frames, sampled_frames

POSITIONS = ("middles", "hcrn", "spread")


def test_clips_are_centred_in_equal_parts():
    assert clip_frames(32, SamplingSettings(clips=2, frames=4)).tolist() == [[6, 7, 8, 9], [22, 23, 24, 25]]
    assert middle_frames(clip_frames(32, SamplingSettings(clips=2, frames=4))).tolist() == [8, 24]


def test_spread_clips_lie_around_frames_from_the_first_to_the_last():
    sampling = SamplingSettings(clips=3, frames=4, positions="spread")
    assert appearance_frames(21, sampling, every=False).tolist() == [[0], [10], [20]]
    assert clip_frames(21, sampling).tolist() == [[0, 1, 2, 3], [8, 9, 10, 11], [17, 18, 19, 20]]


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("n", [1, 2, 9, 15, 16, 17, 100, 3000])
def test_clips_stay_inside_the_video(n, positions):
    sampling = SamplingSettings(positions=positions)
    frames = clip_frames(n, sampling)
    assert frames.shape == (16, 16)
    assert frames.min() >= 0 and frames.max() <= n - 1
    assert (np.diff(frames, axis=1) >= 0).all() and (np.diff(frames[:, 0]) >= 0).all()
    assert set(appearance_frames(n, sampling, every=False).ravel()) <= set(frames.ravel())


@pytest.mark.parametrize("positions", POSITIONS)
def test_what_is_sampled_is_what_the_networks_see(positions):
    sampling = SamplingSettings(positions=positions, clips=5, frames=6)
    seen = np.concatenate([appearance_frames(77, sampling, every=e).ravel() for e in (False, True)])
    assert set(sampled_frames(77, sampling)) == set(seen)


def test_hcrn_and_mspan_put_their_frames_where_their_code_does(shared):
    golden = np.load(shared / "golden/clip_indices.npz")
    for n in range(1, 401):
        for clips in (8, 16):
            ours = clip_frames(n, SamplingSettings(clips=clips, positions="hcrn"))
            assert (ours == golden[f"clips{clips}"][n]).all()
        ours = appearance_frames(n, SamplingSettings(positions="spread"), every=False)
        assert (ours[:, 0] == golden["mspan16"][n]).all()
