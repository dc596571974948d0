"""Files that are not shaped as HCRN's are refused."""

import numpy as np
import pytest

from base.errors import UserError
from base.formats.video_features import VideoFeatures
from tests.extract import feature_files as make
from tests.extract.features.test_imported import NAMES, run, spoil


@pytest.mark.parametrize(
    ("kind", "name", "change", "message"),
    [
        ("motion", "resnext_features", lambda v: v[:, :, None], r"shape \(4, 4, 1, 16\), expected \(videos, clips, w"),
        ("motion", "resnext_features", lambda v: v[:, 0], r"shape \(4, 16\), expected \(videos, clips, width\)"),
        ("motion", "resnext_features", lambda v: v[:, :3], "appearance features of 4 clips and motion features of 3"),
        (
            "motion",
            "resnext_features",
            lambda v: v[:, :0],
            r"'resnext_features' has shape \(4, 0, 16\), which holds no",
        ),
        ("motion", "resnext_features", lambda v: v[..., 1:], "'resnext_features' is 15 wide, expected 16"),
        ("appearance", "resnet_features", lambda v: v[:, :, :0], r"has shape \(4, 4, 0, 24\), which holds nothing"),
        (
            "appearance",
            "resnet_features",
            lambda v: v[:, 0, 0],
            r"shape \(4, 24\), expected \(videos, clips, frames, w",
        ),
        ("appearance", "resnet_features", lambda v: v[..., None], r"shape \(4, 4, 3, 24, 1\), expected"),
        ("appearance", "resnet_features", lambda v: v[..., 1:], "'resnet_features' is 23 wide, expected 24"),
        ("appearance", "resnet_features", lambda v: v[1:], "4 ids for 3 videos"),
    ],
)
def test_shapes_that_are_not_hcrns_are_refused(tmp_path, kind, name, change, message):
    settings = make.write_hcrn(tmp_path / "official", make.made_up(NAMES), NAMES)
    spoil(tmp_path / f"official/set_{kind}_feat.h5", name, change)
    with pytest.raises(UserError, match=message):
        run(tmp_path, settings)
    assert not (tmp_path / "video.h5").exists()


@pytest.mark.parametrize("layout", ["hcrn", "npy"])
def test_all_frame_vectors_are_kept(tmp_path, layout):
    features = make.made_up(NAMES)
    settings = make.write_hcrn(tmp_path / "official", features, NAMES)
    if layout == "npy":
        of_frames = {n: np.stack([v - 1, v, v + 4], axis=1) for n, v in features["appearance"].items()}
        settings = make.write_npy(tmp_path / "arrays", features | {"appearance": of_frames}, NAMES)
    run(tmp_path, settings)
    store = VideoFeatures.read(tmp_path / "video.h5", ("motion", "frames"))
    for row, name in enumerate(store.ids):
        vectors = features["appearance"][name]
        expected = np.stack([vectors - 1, vectors, vectors + 4], axis=1)
        np.testing.assert_array_equal(store.features["frames"][row], expected)
        np.testing.assert_array_equal(store.features["motion"][row], features["motion"][name])
