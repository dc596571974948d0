"""From a frame to the square that a network sees."""

import numpy as np
import pytest
import torchvision.transforms.v2 as transforms
from PIL import Image

from extract.config import FeaturesSettings
from extract.videos.decode import Job, decode_one
from extract.videos.pictures import Picture, decoding_passes, pictures_of
from extract.videos.reader import Size, read_pyav

FRAME = np.random.default_rng(0).integers(0, 255, (97, 181, 3), np.uint8)


def test_squashing_with_pillow_is_hcrns_imresize():
    picture = Picture(112, 112, "squash", "bicubic").of(FRAME)
    assert (picture == np.asarray(Image.fromarray(FRAME).resize((112, 112), Image.Resampling.BICUBIC))).all()


@pytest.mark.parametrize("shape", [(97, 181, 3), (181, 97, 3), (241, 319, 3)])
def test_a_crop_is_that_of_torchvisions_weights(shape):
    frame = np.random.default_rng(1).integers(0, 255, shape, np.uint8)
    theirs = transforms.Compose([transforms.Resize(72), transforms.CenterCrop(64)])(Image.fromarray(frame))
    assert (Picture(64, 72, "crop", "bilinear").of(frame) == np.asarray(theirs)).all()


def test_a_smaller_input_is_cut_in_proportion():
    features = FeaturesSettings(appearance={"fit": "crop", "resample": "bilinear", "size": 112}, motion={"size": 64})
    assert pictures_of(features) == {
        "appearance": Picture(112, 128, "crop", "bilinear"),
        "motion": Picture(64, 64, "squash", "decoder"),
    }


def test_networks_share_a_decoding_pass_where_they_can():
    both = pictures_of(FeaturesSettings())
    assert decoding_passes(both) == {Size(224, 224): ["appearance", "motion"]}
    assert decoding_passes(pictures_of(FeaturesSettings(preset="hcrn"))) == {None: ["appearance", "motion"]}
    mixed = both | {"motion": Picture(112, 112, "squash", "bicubic")}
    assert decoding_passes(mixed) == {Size(224, 224): ["appearance"], None: ["motion"]}


@pytest.mark.parametrize("backend", ["decord", "pyav"])
def test_hcrns_preset_sees_what_its_script_would(shared, backend):
    path = shared / "data/videos/msvd/WTf5EgVY5uU_124_128.avi"
    features = FeaturesSettings(preset="hcrn")
    row = {"path": str(path), "frames": 120, "status": "ok", "backend": backend, "fps": 25.0}
    values = decode_one(Job(row, features, pictures_of(features)))
    assert values["appearance"].shape == (16, 1, 224, 224, 3) and values["motion"].shape == (16, 16, 112, 112, 3)
    number = int(values["frame_index"][3, 5])
    frame = Image.fromarray(read_pyav(path, [number], None)[0])
    expected = np.asarray(frame.resize((112, 112), Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(values["motion"][3, 5] - expected).mean() < (1.5 if backend == "decord" else 1e-9)
