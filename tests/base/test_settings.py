"""Settings are strict, and an error names the nearest known key."""

import pytest

from base.errors import UserError
from base.settings import parse
from extract.config import FeaturesSettings, VideoCollection


def test_an_unknown_key_names_the_nearest_known_one():
    with pytest.raises(UserError, match=r"unknown key `foldr`; did you mean `folder`"):
        parse(VideoCollection, {"foldr": "x", "folder": "y"}, "videos")


def test_an_unknown_key_deep_down_is_named_with_its_path():
    with pytest.raises(UserError, match=r"`sampling.clip`; did you mean `clips`"):
        parse(FeaturesSettings, {"sampling": {"clip": 8}}, "features")


def test_every_error_is_told_at_once():
    with pytest.raises(UserError) as error:
        parse(FeaturesSettings, {"shards": 0, "storage": "float8"}, "features")
    assert "shards" in str(error.value) and "storage" in str(error.value)


def test_settings_can_not_be_changed():
    features = FeaturesSettings()
    with pytest.raises(Exception, match="frozen"):
        features.shards = 3
