"""What the rules of annotations, videos and texts are given."""

import json
import re

import pytest

from base.errors import UserError
from extract.config import FeaturesSettings, VideoCollection
from tests.eigv.plan.small import plan


def test_patterns_tell_imported_collections_and_texts_from_those_made_here():
    data = plan().data
    assert re.fullmatch(data.imported_collections, "given") and not re.fullmatch(data.imported_collections, "raw")
    assert re.fullmatch(data.extracted_collections, "raw") and not re.fullmatch(data.extracted_collections, "given")
    assert re.fullmatch(data.imported_texts, "two") and not re.fullmatch(data.imported_texts, "one")
    assert re.fullmatch(data.own_texts, "one") and not re.fullmatch(data.own_texts, "two")


def test_a_pattern_of_no_name_fits_none():
    pattern = plan(videos={"raw": {"folder": "v"}, "given": {"folder": "w"}}).data.imported_collections
    assert not re.fullmatch(pattern, "raw") and not re.fullmatch(pattern, "")


def test_a_name_is_taken_as_it_is():
    data = plan(videos={"a.b": {"folder": "v"}}, datasets={}, tables={}).data
    assert re.fullmatch(data.extracted_collections, "a.b") and not re.fullmatch(data.extracted_collections, "axb")


def test_the_videos_of_a_collection_are_asked_for_by_all_its_data_sets(tmp_path, monkeypatch):
    datasets = {
        name: {"format": "nextqa", "annotations": name, "videos": videos}
        for name, videos in {"a": "raw", "c": "raw"}.items()
    }
    (tmp_path / "videos").mkdir()
    for name in ("a", "c"):
        (tmp_path / name).mkdir()
        for split in ("train", "val", "test"):
            (tmp_path / name / f"{split}.csv").touch()
    monkeypatch.chdir(tmp_path)
    asked = plan(datasets=datasets, tables={}, videos={"raw": {"folder": "videos"}})
    assert asked.data.asking("raw") == [f"{name}/{split}.csv" for name in "ac" for split in ("test", "train", "val")]
    assert json.loads(asked.data.probe_settings("raw"))["datasets"].keys() == {"a", "c"}


def test_the_files_of_others():
    data = plan().data
    assert data.imported_features("given") == ["data/features/app_mot_train.h5", "data/features/app_mot_test.h5"]
    assert data.imported_features("raw") == []
    assert data.imported_tokens("two", "val") == ["data/tokens/val.h5"]
    assert data.imported_tokens("one", "val") == []


def test_a_data_set_finds_its_videos():
    data = plan().data
    assert data.video("two") == "results/small/videos/given/video.h5"
    assert data.manifest("one") == "results/small/videos/raw/manifest.csv"
    assert json.loads(data.videos_settings("one")) == json.loads(data.collection_settings("raw"))


def test_a_run_reads_a_file_of_the_features_that_it_sees():
    grid = {"datasets": ["one"], "backbones": ["hga"], "methods": ["erm"]}

    def read(run_features, *shown):
        tables = {"t": grid | {"features": list(shown)}} if shown else {}
        return plan(tables=tables).data.video("one", run_features).removeprefix("results/small/videos/raw/")

    assert read("app", "app") == "appearance.h5" and read("mot", "mot") == "motion.h5"
    assert read("app", "app+mot") == read("app", "app", "mot") == "video.h5"  # all runs that are shown share one
    # Of runs that are asked for by their paths alone.
    assert read("app+mot", "app") == "video.h5" and read("mot", "app") == "motion.h5"
    assert (read("app"), read("app+mot")) == ("appearance.h5", "video.h5")
    assert plan(tables={}).data.video("two", "app") == "results/small/videos/given/video.h5"  # which is imported


def test_the_features_of_every_collection_are_those_that_are_shown():
    grid = {"datasets": ["one"], "backbones": ["hga"], "methods": ["erm"], "features": ["mot"]}
    videos = "results/small/videos"
    assert plan(tables={"t": grid}).data.all_features() == [f"{videos}/raw/motion.h5", f"{videos}/given/video.h5"]
    assert plan(tables={}).data.all_features() == [f"{videos}/raw/video.h5", f"{videos}/given/video.h5"]


def test_settings_are_those_that_the_commands_read():
    asked = plan(features={"shards": 3})
    collection, features = asked.config.videos["raw"], asked.config.features
    decode = json.loads(asked.data.decode_settings("raw"))
    assert VideoCollection.model_validate(decode["collection"]) == collection
    assert FeaturesSettings.model_validate(decode["features"]) == features
    assert FeaturesSettings.model_validate(json.loads(asked.data.feature_settings())) == features
    assert json.loads(asked.data.probe_settings("raw")).keys() == {"collection", "sampling", "datasets"}
    assert json.loads(asked.data.text_settings())["finetuning"]["seed"] == 4


def test_what_is_not_configured_is_refused_with_the_names_there_are():
    data = plan().data
    with pytest.raises(UserError, match="no data set 'three'; it has one, two"):
        data.dataset_settings("three")
    with pytest.raises(UserError, match="no video collection 'three'; it has raw, given"):
        data.imported_features("three")
