"""Videos: frames are the right ones, whatever the file; what can not be read says why."""

import numpy as np
import pytest

from extract.config import Features, Network, Sampling, VideoCollection
from extract.errors import UserError
from extract.features import extract_shard, merge
from extract.stores import FAILED, ZEROS, VideoFeatures
from extract.videos.decode import decode_shard, write_shards
from extract.videos.probe import leave_out, probe, read_manifest, write_manifest
from extract.videos.reader import VideoError, choose_backend, read_frames, read_pyav, survey
from extract.videos.sampling import clip_frames, middle_frames

SMALL = Features(
    sampling=Sampling(clips=4, frames=4),
    appearance=Network(network="efficientnet-lite0", size=64),
    motion=Network(network="resnext3d-tiny", weights="random", size=56),
    shards=2,
)


def test_clips_are_centred_in_equal_parts():
    assert clip_frames(32, Sampling(clips=2, frames=4)).tolist() == [[6, 7, 8, 9], [22, 23, 24, 25]]
    assert middle_frames(clip_frames(32, Sampling(clips=2, frames=4))).tolist() == [8, 24]


@pytest.mark.parametrize("n", [1, 2, 9, 15, 16, 17, 100, 3000])
def test_clips_stay_inside_the_video(n):
    frames = clip_frames(n, Sampling())
    assert frames.shape == (16, 16)
    assert frames.min() >= 0 and frames.max() <= n - 1
    assert (np.diff(frames, axis=1) >= 0).all() and (np.diff(frames[:, 0]) >= 0).all()


READABLE = [
    "msvd/3qqEKTPxLNs_1_15.avi",  # decord's random access gives other frames here
    "msvd/UXs3eq68ZjE_250_255.avi",
    "msvd/j2Dhf-xFUxU_13_20.avi",
    "general/TrumanShow_wave_f_nm_np1_fr_med_26.avi",
    "awkward/decord_video_90.mov",
    "awkward/vfr_3rates.mp4",
    "awkward/torchcodec_av1_video.mkv",
    "awkward/one_frame.mp4",
]


@pytest.mark.parametrize("name", READABLE)
def test_every_sampled_frame_is_the_one_that_reading_in_order_gives(shared, name):
    path = shared / "data/videos" / name
    seen = survey(path, Sampling())
    backend, _ = choose_backend(path, seen)
    numbers = np.unique(clip_frames(seen.frames, Sampling())).tolist()
    got = read_frames(path, numbers, 96, backend).astype(np.float32)
    expected = read_pyav(path, numbers, 96).astype(np.float32)
    assert np.abs(got - expected).mean(axis=(1, 2, 3)).max() < 8


def test_decord_is_not_trusted_where_it_is_wrong(shared):
    path = shared / "data/videos/msvd/3qqEKTPxLNs_1_15.avi"
    backend, reason = choose_backend(path, survey(path, Sampling()))
    assert backend == "pyav" and "144 of 256" in reason


@pytest.mark.parametrize("name", ["text_named.mp4", "moviepy_result_0bytes.webm", "audio_only.mp4"])
def test_what_is_no_video_says_why(shared, name):
    with pytest.raises(VideoError, match=r"Invalid data|no video stream"):
        survey(shared / "data/videos/awkward" / name, Sampling())


def test_missing_and_unreadable_videos_are_all_named_at_once(shared):
    collection = VideoCollection(folder=shared / "data/videos/awkward")
    with pytest.raises(UserError) as error:
        probe(["nowhere", "elsewhere", "text_named", "nine_frames"], collection, Sampling(), 2)
    for name in ("nowhere", "elsewhere", "text_named"):
        assert name in str(error.value)
    assert "nine_frames" not in str(error.value)


def test_a_missing_folder_is_an_error_of_its_own(tmp_path):
    with pytest.raises(UserError, match=r"video folder .* does not exist"):
        probe(["a"], VideoCollection(folder=tmp_path / "no"), Sampling(), 1)


@pytest.mark.parametrize(("policy", "rows"), [("skip", 3), ("zeros", 4)])
def test_from_files_to_features(shared, tmp_path, policy, rows):
    collection = VideoCollection(folder=shared / "data/videos/awkward", unreadable=policy)
    ids = ["nine_frames", "text_named", "decord_video_90", "one_frame"]
    write_manifest(tmp_path / "manifest.csv", probe(ids, collection, SMALL.sampling, 2))
    manifest = read_manifest(tmp_path / "manifest.csv")
    assert manifest["status"].tolist() == ["ok", FAILED, "short", "short"]
    shards = [tmp_path / f"{n}.csv" for n in range(3)]
    write_shards(manifest, collection, shards)
    parts = []
    for shard in shards:
        part = tuple(shard.with_suffix(f".{kind}.h5") for kind in ("frames", "appearance", "motion"))
        decode_shard(read_manifest(shard), collection, SMALL, part[0], 1)
        extract_shard("appearance", part[0], SMALL, part[1], "cpu")
        extract_shard("motion", part[0], SMALL, part[2], "cpu")
        parts.append(part)
    used = manifest[~leave_out(manifest, collection)]["video_id"].tolist()
    merge(parts, SMALL, used, tmp_path / "video.h5")
    store = VideoFeatures.read(tmp_path / "video.h5")
    assert store.ids == used and len(used) == rows
    assert store.features["appearance"].shape == (rows, 4, 1280)
    assert store.features["motion"].shape == (rows, 4, 192)
    assert store.attributes["motion_network"]["weights"] == "random (seed 0)"
    usable = [n for n, status in enumerate(store.status) if status != ZEROS]
    assert all(store.features["appearance"][n].astype(np.float32).std() > 0 for n in usable)
    if policy == "zeros":
        assert store.status[1] == ZEROS and not store.features["appearance"][1].any()


def test_weights_that_are_not_there_say_where_to_get_them(tmp_path):
    from extract.networks import load_network

    with pytest.raises(UserError, match=r"resnext-101-kinetics.pth(.|\n)*github.com/kenshohara"):
        load_network("motion", Network(network="resnext3d-101"), Features(weights_folder=tmp_path))
