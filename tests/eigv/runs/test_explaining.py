"""An indicator that learns on a trained model finds the clips that hold the answer, and leaves the model as it is."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from base.errors import UserError
from base.formats.predictions import Predictions
from base.formats.video_features import VideoFeatures
from eigv.config.run import EigvSettings, FaithfulSettings
from eigv.runs import explaining, model_files
from eigv.runs.evaluation import evaluate
from eigv.runs.explaining import environment_answers, explain
from eigv.runs.shared_data import SharedData
from eigv.runs.training import train
from tests.eigv import made_up_runs, synthetic
from tests.eigv.made_up_runs import gaps
from tests.eigv.runs.test_training import settings

HOW = {"epochs": 30, "learning_rate": 0.003}


@pytest.fixture(scope="module", params=[True, False], ids=["multiple-choice", "open-ended"])
def made(request, tmp_path_factory):
    """Data, the folder of a model that knows parts, and that of the same with an indicator."""
    folder = tmp_path_factory.mktemp("made")
    data = synthetic.write(folder, multiple_choice=request.param, videos=400)
    before, after = folder / "parts", folder / "faithful"
    train(settings("parts", **HOW), **data, out=before, state=before / "state", device="cpu")
    how = settings("faithful", **HOW).model_copy(update={"eigv": EigvSettings(faithful=FaithfulSettings(epochs=20))})
    explain(before / "model.json", **data, out=after, state=after / "state", device="cpu", settings=how)
    for run in (before, after):
        evaluate(run / "model.json", "test", **data, answer_from="video", out=run, device="cpu")
    return data, before, after


def chosen_clips(predictions):
    """The clips of the rationales, (questions, clips) bool."""
    chosen = np.zeros((len(predictions), synthetic.CLIPS), dtype=bool)
    for row, rationale in zip(chosen, predictions.rationales, strict=True):
        row[list(rationale.clips)] = True
    return chosen


def overlap(data, run):
    """Mean precision and IoU of the chosen clips with those that hold the answer, where clips are chosen; and the share
    of questions where none is, as for an answer that the model gives to a video of nothing."""
    store = VideoFeatures.read(data["video"])
    gold = dict(zip(store.ids, store.features["appearance"].max(axis=2) > 1, strict=True))
    precision, iou, empty = [], [], 0
    predictions = Predictions.read(run / "predictions.csv")
    for video, chosen in zip(predictions.video_id, chosen_clips(predictions), strict=True):
        held = gold[video]
        if not chosen.any():
            empty += 1
            continue
        precision.append((chosen & held).sum() / chosen.sum())
        iou.append((chosen & held).sum() / (chosen | held).sum())
    return 100 * np.mean(precision), 100 * np.mean(iou), empty / len(predictions)


def test_it_finds_the_clips_that_hold_the_answer(made):
    data, _, after = made
    precision, iou, empty = overlap(data, after)
    metrics = json.loads((after / "metrics.json").read_text())
    assert precision > 90 and iou > 75 and empty <= 0.6
    assert metrics["accuracy_from_causal-scene"] > metrics["accuracy"] - 25


def test_it_leaves_the_model_as_it_is(made):
    _, before, after = made
    one, two = (model_files.load(run / "model.json")[0].state_dict() for run in (before, after))
    changed = {key.split(".")[0] for key in one if not torch.equal(one[key], two[key])}
    assert changed == {"grounding"}
    accuracy = [json.loads((run / "metrics.json").read_text())["accuracy"] for run in (before, after)]
    assert accuracy[0] == accuracy[1]


def test_smoothed_scenes_have_no_gap_of_one_clip(made, tmp_path):
    data, _, after = made
    model = made_up_runs.smoothed(after, tmp_path)
    evaluate(model, "test", **data, answer_from="video", out=tmp_path, device="cpu")
    as_chosen, smoothed = (chosen_clips(Predictions.read(run / "predictions.csv")) for run in (after, tmp_path))
    assert gaps(as_chosen).any() and not gaps(smoothed).any()
    assert not (smoothed.any(axis=1) & ~as_chosen.any(axis=1)).any()


def test_a_guide_smooths_the_scenes_that_a_model_is_trained_with(made, tmp_path):
    for model, smooths in ((made[2] / "model.json", False), (made_up_runs.smoothed(made[2], tmp_path), True)):
        _, card = model_files.load(model)
        guided = replace(card, settings=card.settings.model_copy(update={"method": "eigv-faithful"})).build()
        assert guided.guide.grounding.smooths == smooths and not guided.grounding.smooths


def test_the_history_tells_what_a_choice_is_worth(made):
    history = pd.read_csv(made[2] / "history.csv")
    assert len(history) == 20 and history["val_accuracy"].nunique() == 1
    assert history["val_from_environment"].iloc[-1] < history["val_from_scene"].iloc[-1]
    assert history["val_score"].iloc[-1] > history["val_score"].iloc[0]


@pytest.mark.parametrize("projection", [False, True], ids=["", "projected"])
def test_it_guides_a_model_which_then_needs_it_no_more_beside_it(made, tmp_path, projection):
    """Also one that contrasts what a head makes of the representations, which the guide has not."""
    data, _, after = made
    how = settings("eigv-faithful", epochs=2, batch=32)
    objective = how.eigv.objective.model_copy(update={"projection_head": projection})
    how = how.model_copy(update={"eigv": how.eigv.model_copy(update={"objective": objective})})
    train(how, **data, out=tmp_path, state=tmp_path / "state", device="cpu", before=after / "model.json")
    metrics = evaluate(tmp_path / "model.json", "test", **data, answer_from="video", out=tmp_path, device="cpu")
    assert "accuracy_from_causal-scene" in metrics
    columns = ["qid", "causal_clips"]
    pd.testing.assert_frame_equal(*(pd.read_csv(run / "predictions.csv")[columns] for run in (after, tmp_path)))


def test_what_cannot_be_trained_is_refused_with_what_to_do(made, tmp_path):
    data, before, _ = made
    places = {"out": tmp_path, "state": tmp_path / "state", "device": "cpu"}
    with pytest.raises(UserError, match="name it with --before"):
        train(settings("eigv-faithful"), **data, **places)
    other = settings("faithful").model_copy(update={"backbone": "mspan"})
    with pytest.raises(UserError, match="another `backbone`"):
        explain(before / "model.json", **data, **places, settings=other)
    with pytest.raises(UserError, match="by the method faithful"):
        explain(before / "model.json", **data, **places, settings=settings("erm"))


def test_a_few_labels_teach_where_the_objective_says_nothing(made, tmp_path):
    """An indicator that is asked for nothing else but pulled by labels, on a tenth of the videos."""
    data, before, _ = made
    store = VideoFeatures.read(data["video"])
    held = dict(
        zip(store.ids, zip(store.features["appearance"].max(axis=2) > 1, store.frame_time, strict=True), strict=True)
    )
    spans = {}
    for row in pd.read_csv(data["questions"] / "train.csv", dtype=str).itertuples():
        clips, times = held[row.video_id]
        spans[row.qid] = [[float(t.min()), float(t.max()) + 1e-3] for t in times[clips]]
    (tmp_path / "gold.json").write_text(json.dumps(spans))
    nothing = FaithfulSettings(
        epochs=6, completeness=0, price=1, gated=False, contiguity=0, label_weight=20, labelled=0.1
    )
    places = {"out": tmp_path, "state": tmp_path / "state", "device": "cpu"}
    how = settings("faithful", **HOW).model_copy(update={"eigv": EigvSettings(faithful=nothing)})
    with pytest.raises(UserError, match="name them with --labels"):
        explain(before / "model.json", **data, **places, settings=how)
    explain(before / "model.json", **data, **places, settings=how, labels=tmp_path / "gold.json")
    evaluate(tmp_path / "model.json", "test", **data, answer_from="video", out=tmp_path, device="cpu")
    precision, iou, empty = overlap(data, tmp_path)
    assert precision > 90 and iou > 85 and empty < 0.05


@pytest.mark.parametrize("multiple_choice", [True, False], ids=["multiple-choice", "open-ended"])
def test_models_that_have_not_seen_the_video_teach_it(multiple_choice, tmp_path, monkeypatch):
    """The explained model stays as it is; a killed training goes on after the models that are there, to the same
    weights; without the further models they are others."""
    data = synthetic.write(tmp_path / "data", multiple_choice=multiple_choice, videos=40)
    before = tmp_path / "parts"
    train(settings("parts", epochs=1), **data, out=before, state=before / "state", device="cpu")
    own = model_files.load(before / "model.json")[0].state_dict()

    def explained(run, folds):
        crossed = EigvSettings(faithful=FaithfulSettings(epochs=2, folds=folds))
        how = settings("faithful", epochs=1).model_copy(update={"eigv": crossed})
        places = {"out": tmp_path / run, "state": tmp_path / run / "state", "device": "cpu"}
        explain(before / "model.json", **data, **places, settings=how)
        return model_files.load(tmp_path / run / "model.json")[0].state_dict()

    whole, uncrossed = explained("whole", 2), explained("uncrossed", 1)
    with monkeypatch.context() as patch:
        patch.setattr(explaining.IndicatorTraining, "check_epoch", killed)
        with pytest.raises(KeyboardInterrupt):
            explained("killed", 2)
    assert len(list((tmp_path / "killed/state").glob("reader*.safetensors"))) == 2
    monkeypatch.setattr(explaining, "ModelTraining", killed)
    again = explained("killed", 2)
    assert not (tmp_path / "killed/state").exists()
    for key, value in whole.items():
        assert torch.equal(value, again[key])
        assert key.startswith("grounding.") or torch.equal(value, own[key])
    assert any(not torch.equal(whole[key], uncrossed[key]) for key in whole)


def killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_video_is_in_one_part_whatever_is_asked_of_it(tmp_path):
    data = synthetic.write(tmp_path, multiple_choice=False, videos=20)
    split = SharedData(*data.values()).split("train", "app+mot", training=True)
    part = explaining.parts_of(split, 3, 0)
    videos = [set(split.video_row[part == number]) for number in range(3)]
    assert sum(map(len, videos)) == len(set.union(*videos)) == len(set(split.video_row))
    assert max(map(len, videos)) - min(map(len, videos)) <= 1
    others = split.only(part != 0)
    assert set(others.video_row) == videos[1] | videos[2]
    assert others.batch(np.arange(len(others))).qids == split.table["qid"][part != 0].tolist()
    with pytest.raises(UserError, match="ask for fewer"):
        explaining.parts_of(split, len(set(split.video_row)) + 1, 0)


@pytest.mark.parametrize(
    ("share", "scene", "rest", "said"),
    [(0.3, 80, 15, ""), (0.8, 79, 15, "80 %"), (0.8, 40, 15, ""), (0.3, 80, 60, "60.0 %")],
)
def test_an_environment_that_answers_is_said(share, scene, rest, said):
    row = {"val_accuracy": 80.0, "val_from_scene": scene, "val_from_environment": rest, "causal_share": share}
    assert said in environment_answers(row) and bool(said) == bool(environment_answers(row))
