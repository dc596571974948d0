"""The frames of a shard are those that were sampled, each at its place, as red, green and blue."""

import av
import numpy as np
import pytest

from extract.config import FeaturesSettings
from extract.videos.decode import Job, decode_one
from extract.videos.pictures import pictures_of
from extract.videos.sampling import clip_frames, middle_frames

COUNT = 40


def colour(number: int) -> np.ndarray:
    """Of a frame: red tells its number, green and blue stay."""
    return np.array([20 + 5 * number, 90, 40])


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("videos") / "colours.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        for number in range(COUNT):
            pixels = np.tile(colour(number).astype(np.uint8), (48, 64, 1))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("positions", ["middles", "hcrn", "spread"])
@pytest.mark.parametrize("frames", ["middle", "mean"])
@pytest.mark.parametrize("resample", ["decoder", "bilinear"])
def test_every_frame_is_at_its_place(video, positions, frames, resample):
    features = FeaturesSettings(
        sampling={"clips": 3, "frames": 4, "positions": positions},
        appearance={"size": 32, "frames": frames, "resample": resample},
        motion={"size": 16, "resample": resample},
    )
    row = {"path": str(video), "frames": COUNT, "status": "ok", "backend": "pyav"}
    values = decode_one(Job(row, features, pictures_of(features)))
    numbers = clip_frames(COUNT, features.sampling)
    assert values["motion"].shape == (3, 4, 16, 16, 3)
    assert values["appearance"].shape == (3, 4 if frames == "mean" else 1, 32, 32, 3)
    np.testing.assert_array_equal(values["frame_index"], numbers)
    if frames == "mean":
        np.testing.assert_array_equal(values["appearance_index"], numbers)
    elif positions == "middles":
        np.testing.assert_array_equal(values["appearance_index"][:, 0], middle_frames(numbers))
    for kind, index in (("motion", "frame_index"), ("appearance", "appearance_index")):
        for place in np.ndindex(*values[index].shape):
            expected = np.broadcast_to(colour(int(values[index][place])), values[kind][place].shape)
            np.testing.assert_allclose(values[kind][place].astype(int), expected, atol=2)
