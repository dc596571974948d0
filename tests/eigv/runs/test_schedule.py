"""When the learning rate falls, and models that are older than the switches of today."""

import json

import pandas as pd
import pytest
from pydantic import ValidationError

from eigv.config.run import TrainingSettings
from eigv.runs import training
from eigv.runs.evaluation import evaluate
from tests.eigv import synthetic
from tests.eigv.runs.test_training import run, settings


@pytest.mark.parametrize(("how", "falls_after", "to"), [({}, 6, 0.5), ({"decay_at": 2, "decay_factor": 0.1}, 3, 0.1)])
def test_the_rate_falls_at_a_number_of_epochs_without_a_better_accuracy(tmp_path, monkeypatch, how, falls_after, to):
    data = synthetic.write(tmp_path, multiple_choice=False)
    monkeypatch.setattr(training.ModelTraining, "_accuracy", lambda *_: (40.0, []))  # the first epoch is the best
    run(settings("erm", epochs=falls_after + 1, **how), data, tmp_path / "run")
    rates = pd.read_csv(tmp_path / "run/history.csv")["learning_rate"]
    assert rates.tolist() == pytest.approx([0.005] * falls_after + [0.005 * to])


def test_the_key_of_before_is_refused_with_what_to_write():
    with pytest.raises(ValidationError, match="write `decay_at: 6`"):
        TrainingSettings.model_validate({"patience": 5})


@pytest.mark.parametrize("backbone", ["comem", "hga"])
def test_a_model_of_before_the_switches_answers_as_it_did(tmp_path, backbone):
    data = synthetic.write(tmp_path, multiple_choice=True)
    values = settings("eigv", epochs=1, decay_at=6).model_dump()
    values["backbone"] = backbone
    values["backbones"][backbone]["video_representation"] = "recurrent"
    values["eigv"]["grounding"]["query"] = "answer"
    values["eigv"]["disruptor"]["random_question"] = "mixed"
    values["eigv"]["objective"]["projection_head"] = True
    run(type(settings("eigv")).model_validate(values), data, tmp_path / "run")
    before = (tmp_path / "run/predictions.csv").read_bytes()

    card = json.loads((tmp_path / "run/model.json").read_text())
    old = card["settings"]
    for name in ("comem", "hga"):
        del old["backbones"][name]["video_representation"]
    del old["eigv"]["grounding"]["query"], old["eigv"]["disruptor"]["random_question"]
    del old["eigv"]["objective"]["projection_head"]
    del old["training"]["decay_at"], old["training"]["decay_factor"]
    old["training"]["patience"] = 5
    (tmp_path / "run/model.json").write_text(json.dumps(card))
    out = tmp_path / "again"
    evaluate(tmp_path / "run/model.json", "test", **data, answer_from="video", out=out, device="cpu")
    assert (out / "predictions.csv").read_bytes() == before
