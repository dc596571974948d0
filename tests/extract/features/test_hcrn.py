"""Files that are not shaped as HCRN's are refused."""

import pytest

from base.errors import UserError
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
