"""A run by the method igv: trained, chosen and answered from causal scenes, whose clips are all that is seen."""

import json

import pandas as pd
import pytest

from base.errors import UserError
from eigv.config.experiment import Config, settings_of_run
from eigv.config.run import RunSettings
from eigv.config.run_path import Run
from eigv.runs.evaluation import evaluate
from eigv.runs.training import train
from tests.eigv import synthetic

SMALL = {
    "backbone": "mspan",
    "method": "igv",
    "features": "app+mot",
    "seed": 0,
    "backbones": {"mspan": {"hidden": 8, "dropout": 0.0}},
    "training": {"epochs": 2, "batch": 16, "learning_rate": 0.01},
}


@pytest.mark.parametrize("multiple_choice", [True, False], ids=["multiple-choice", "open-ended"])
def test_it_trains_and_answers_from_causal_scenes(tmp_path, multiple_choice):
    data = synthetic.write(tmp_path, multiple_choice=multiple_choice)
    train(RunSettings.model_validate(SMALL), **data, out=tmp_path, state=tmp_path / "state", device="cpu")
    history = pd.read_csv(tmp_path / "history.csv")
    assert (history[["invariance_loss", "environment_loss"]] > 0).all(axis=None)
    total = history[["answer_loss", "invariance_loss", "environment_loss"]].sum(axis=1)
    assert total.to_numpy() == pytest.approx(history["loss"].to_numpy(), rel=1e-4)

    def accuracy(split: str, **how) -> dict:
        return evaluate(tmp_path / "model.json", split, **data, out=tmp_path / split, device="cpu", faithful=4, **how)

    metrics = accuracy("val", answer_from=None)
    assert metrics["answer_from"] == "causal-scene" and metrics["rationale"]["empty"] == 0
    assert metrics["accuracy"] == pytest.approx(history["val_accuracy"].max())
    said = json.loads((tmp_path / "val/run.json").read_text())["settings"]["inference"]
    assert said["environment"] == "dropped"
    assert "under_noise" not in metrics
    noisy = accuracy("val", answer_from=None, environment="zeroed", noise_draws=3)["under_noise"]
    assert noisy["draws"] == 3 and 0 <= noisy["accuracy"] <= 100 and noisy["sd"] >= 0
    assert json.loads((tmp_path / "val/run.json").read_text())["settings"]["inference"]["environment"] == "zeroed"


def official(backbone: str, dataset: str, method: str = "igv") -> dict:
    entry = {"format": dataset, "annotations": "a", "videos": "v"}
    config = Config.model_validate(
        {"name": "x", "videos": {"v": {"folder": "v"}}, "datasets": {"d": entry}, "preset": "official"}
    )
    return settings_of_run(config, Run("d", backbone, method, "app+mot", 0))


def test_the_official_settings_are_those_of_its_own_code():
    msvd, msrvtt = official("hga", "msvd-qa"), official("hga", "msrvtt-qa")
    for values, expected in ((msvd, ("scenes", 1.0, 0.5, 60)), (msrvtt, ("none", 0.9, 0.56, 40))):
        hga, eigv = values["backbones"]["hga"], values["eigv"]
        found = eigv["igv"]["gradient"], eigv["grounding"]["temperature"], hga["dropout"], values["training"]["epochs"]
        assert found == expected
        assert (hga["cell"], hga["hidden"], values["training"]["batch"]) == ("gru", 512, 256)
        assert values["inference"]["noise_draws"] == 5
        assert not eigv["grounding"]["never_empty"] and values["inference"]["answer_from"] == "causal-scene"
    assert official("hga", "msvd-qa", "eigv")["backbones"]["hga"]["cell"] == "lstm"


@pytest.mark.parametrize(("backbone", "dataset"), [("mspan", "msvd-qa"), ("hga", "nextqa")])
def test_what_its_authors_never_made_is_refused(backbone, dataset):
    with pytest.raises(UserError, match=f"no official IGV of {backbone} for {dataset}; there are: msvd-qa hga, "):
        official(backbone, dataset)
