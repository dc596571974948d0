"""A run whose features came from a folder of the model hub finds it again, and a bundle carries it whole."""

import json
import shutil
from pathlib import Path

import torch

from base.settings import parse
from eigv.asking.bundle import _copy_weights
from eigv.asking.sources import Sources, _placed
from extract.config import FeaturesSettings, TextSettings
from extract.networks import load_network
from extract.videos.pictures import pictures_of
from tests.extract.networks.small_towers import saved


def placed(features: dict, folder: Path) -> FeaturesSettings:
    return parse(FeaturesSettings, _placed(features, folder), "features")


def test_a_local_folder_is_found_above_the_run_and_travels_in_a_bundle(tmp_path, monkeypatch):
    saved(tmp_path / "study/models/clip", "clip")
    monkeypatch.chdir(tmp_path / "study")
    trained = FeaturesSettings(appearance={"network": "transformers:models/clip"})
    said, frames = json.loads(trained.model_dump_json()), torch.rand(2, 3, 32, 32)
    run = tmp_path / "study/results/run"
    run.mkdir(parents=True)
    with torch.inference_mode():
        expected = load_network("appearance", trained).module(frames)
    monkeypatch.chdir(tmp_path)
    features = placed(said, run)
    sources = Sources(features, ("appearance",), {}, TextSettings(), Path(), [])
    bundled = _copy_weights(sources, tmp_path / "bundle")
    shutil.rmtree(tmp_path / "study")
    features = placed(bundled, tmp_path / "bundle")
    assert pictures_of(features)["appearance"].fit == "crop"
    with torch.inference_mode():
        assert torch.equal(load_network("appearance", features).module(frames), expected)
