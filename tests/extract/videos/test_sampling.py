"""Which frames are looked at."""

import numpy as np
import pytest

from base.errors import UserError
from base.settings import parse
from extract.config import FeaturesSettings, SamplingSettings
from extract.videos.sampling import appearance_frames, clip_frames, middle_frames, sampled_frames, spread_frames

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


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 7, 16])
@pytest.mark.parametrize("positions", POSITIONS)
def test_every_clip_of_every_video_has_as_many_frames_as_asked(positions, frames):
    if positions == "hcrn" and frames % 2:
        with pytest.raises(UserError, match=f"needs an even number of `frames`, not {frames}"):
            parse(SamplingSettings, {"positions": positions, "frames": frames}, "sampling")
        return
    for n in (1, 2, 3, 5, 8, 21, 64):
        found = clip_frames(n, SamplingSettings(clips=5, frames=frames, positions=positions))
        assert found.shape == (5, frames) and found.dtype == np.int32
        steps = np.diff(found, axis=1)
        assert ((steps == 0) | (steps == 1)).all()


def test_an_odd_clip_of_hcrn_is_refused_where_its_recipe_is_used():
    with pytest.raises(UserError, match=r"`sampling`: `positions: hcrn` needs an even number .* not 5"):
        parse(FeaturesSettings, {"preset": "hcrn", "sampling": {"frames": 5}}, "features")


def test_hcrns_clips_by_hand():
    sampling = SamplingSettings(clips=3, frames=4, positions="hcrn")
    # 40 // 4 = 10, 20, 30 are the centres: two frames before each, itself and one after
    assert clip_frames(40, sampling).tolist() == [[8, 9, 10, 11], [18, 19, 20, 21], [28, 29, 30, 31]]
    # centres 1, 3, 4: the first begins at 0 and is filled up in front; the last is cut before frame 5, its last
    assert clip_frames(6, sampling).tolist() == [[0, 0, 1, 2], [1, 2, 3, 4], [2, 3, 4, 5]]
    # centres 1, 2, 3: the second and the third reach over the end
    assert clip_frames(4, sampling).tolist() == [[0, 0, 1, 2], [0, 1, 2, 3], [1, 2, 3, 3]]


def test_an_empty_video_has_no_clips():
    with pytest.raises(ValueError, match="a video of 0 frames has no clips"):
        clip_frames(0, SamplingSettings())


def test_clips_at_the_ends_are_moved_inside():
    sampling = SamplingSettings(clips=3, frames=5)
    assert clip_frames(8, sampling).tolist() == [[0, 1, 2, 3, 4], [2, 3, 4, 5, 6], [3, 4, 5, 6, 7]]
    assert clip_frames(3, sampling).tolist() == [[0, 1, 2, 2, 2]] * 3
    assert clip_frames(5, sampling).tolist() == [[0, 1, 2, 3, 4]] * 3


def test_spread_frames_of_a_short_video_are_filled_up_at_both_ends():
    assert spread_frames(3, 6).tolist() == [0, 0, 1, 2, 2, 2]
    assert spread_frames(3, 8).tolist() == [0, 0, 0, 1, 2, 2, 2, 2]
    assert spread_frames(6, 6).tolist() == [0, 1, 2, 3, 4, 5]
    assert spread_frames(8, 3).tolist() == [0, 3, 7]
    assert spread_frames(3, 6).dtype == spread_frames(8, 3).dtype == np.int32


def test_what_is_sampled_is_ascending_and_without_repetitions():
    sampling = SamplingSettings(clips=3, frames=4, positions="spread")
    assert sampled_frames(5, sampling).tolist() == [0, 1, 2, 3, 4]
    numbers = sampled_frames(60, sampling)
    assert numbers.tolist() == [0, 1, 2, 3, 27, 28, 29, 30, 56, 57, 58, 59] and numbers.dtype == np.int64


@pytest.mark.parametrize(("frames", "middle"), [(1, 0), (2, 1), (3, 1), (4, 2), (5, 2)])
def test_the_middle_of_an_even_clip_is_the_later_one(frames, middle):
    assert middle_frames(np.arange(frames, dtype=np.int32)[None]).tolist() == [middle]
