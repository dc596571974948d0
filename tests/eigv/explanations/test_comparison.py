"""The indicator beside post-hoc explainers, on a data set whose gold is known to the clip."""

import json

import numpy as np
import pandas as pd
import pytest

from base.errors import UserError
from base.formats.explanations import (
    BASELINES,
    INDICATOR,
    NUMBERS,
    OWN,
    SAME_SIZE,
    TEXTS,
    TUNED,
    read_explanations,
    read_post_hoc,
    read_selections,
)
from base.formats.video_features import VideoFeatures
from eigv.config.run import EigvSettings, FaithfulSettings
from eigv.explanations.comparison import best_threshold, compare, summary
from eigv.runs.evaluation import evaluate
from eigv.runs.explaining import explain
from eigv.runs.training import train
from tests.eigv import made_up_runs, synthetic
from tests.eigv.made_up_runs import gaps
from tests.eigv.runs.test_training import settings


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Data, a model with an indicator, and the gold spans of every question."""
    folder = tmp_path_factory.mktemp("made")
    data = synthetic.write(folder, multiple_choice=True, videos=400)
    how = settings("parts", epochs=30, learning_rate=0.003)
    train(how, **data, out=folder / "parts", state=folder / "state", device="cpu")
    short = EigvSettings(faithful=FaithfulSettings(epochs=20))
    explaining = how.model_copy(update={"method": "faithful", "eigv": short})
    places = {"out": folder / "run", "state": folder / "state", "device": "cpu"}
    explain(folder / "parts/model.json", **data, **places, settings=explaining)
    store = VideoFeatures.read(data["video"])
    spans = {}
    for row, video in enumerate(store.ids):
        clips = np.flatnonzero(store.features["appearance"][row].max(axis=1) > 1)
        spans[f"{video}_0"] = [[store.frame_time[row, k, 0], store.clip_end[row, k]] for k in clips]
    (folder / "gold.json").write_text(json.dumps(spans))
    return data, folder


@pytest.fixture(scope="module")
def found(made):
    data, folder = made
    out = folder / "explanations.csv"
    compared = compare(folder / "run/model.json", **data, gold=folder / "gold.json", out=out, device="cpu")
    pd.testing.assert_frame_equal(
        compared[[*TEXTS, *NUMBERS]].reset_index(drop=True), read_explanations(out), check_dtype=False
    )
    table, selected = read_selections(out)
    np.testing.assert_allclose(selected.mean(axis=1), table["share"])
    return compared


def test_the_other_clips_are_zeros_or_left_out_as_it_is_asked(made, found, tmp_path):
    data, folder = made
    asked = {**data, "gold": folder / "gold.json", "out": tmp_path / "x.csv", "device": "cpu"}
    dropped = compare(folder / "run/model.json", **asked, environment="dropped")
    assert dropped["clips"].tolist() == found["clips"].tolist()
    assert dropped["right"].tolist() != found["right"].tolist()


def test_where_the_indicator_smooths_all_selections_are_smooth(made, found, tmp_path):
    data, folder = made
    asked = {**data, "gold": folder / "gold.json", "out": tmp_path / "x.csv", "device": "cpu"}
    smoothed = compare(made_up_runs.smoothed(folder / "run", tmp_path), **asked)
    table, selected = read_selections(tmp_path / "x.csv")
    assert not gaps(selected[~table["explainer"].isin(BASELINES)]).any()
    assert (smoothed["clips"] != found["clips"]).groupby([found["explainer"], found["selection"]]).any().sum() >= 8


def test_a_threshold_is_tuned_on_the_selections_as_they_are_shown():
    gold = np.array([[1, 1, 1, 0, 0, 0]], dtype=bool)
    scores = np.array([[0.9, 0.2, 0.9, 0.3, 0.0, 0.1]])
    assert best_threshold(scores, gold) < 0.2
    closed = best_threshold(
        scores, gold, lambda selected: selected | (np.roll(selected, 1, 1) & np.roll(selected, -1, 1))
    )
    assert 0.3 <= closed < 0.9


def test_what_post_hoc_explainers_select_is_read_by_question(made, found):
    own = found[found["explainer"] == INDICATOR].query("selection == @OWN").set_index("qid")["clips"]
    read = read_post_hoc(made[1] / "explanations.csv")
    asked = set(found["explainer"]) - {INDICATOR, *BASELINES}
    assert set(read) == set(own.index) and asked
    for qid, selections in read.items():
        assert set(selections) == asked
        assert {len(set(clips)) for clips in selections.values()} == {len(own[qid].split())}
    sizes = found["clips"].str.split().str.len()
    assert (sizes == (found["share"] * sizes.max()).round()).all()  # all clips is one of the selections


def test_the_gold_row_bounds_and_random_is_beaten_by_all(found):
    table = summary(found)
    assert (table.loc[("gold", OWN), ["iop", "recall", "iou"]] == 100).all()
    assert table.loc[("all clips", OWN), "recall"] == 100 and table.loc[("all clips", OWN), "share"] == 100
    random = table.loc[("random", SAME_SIZE), "iou"]
    others = table.drop(index=["random", "all clips", "gold"], level="explainer")
    assert (others["iou"] > random).all(), table
    assert table.loc[(INDICATOR, OWN), "iou"] > random + 50
    assert table.loc[(INDICATOR, OWN), "auc"] > 90


def test_selections_of_the_same_size_have_the_indicator_s(found):
    of_size = found[found["selection"] == SAME_SIZE].pivot(index="qid", columns="explainer", values="share")
    own = found[(found["explainer"] == INDICATOR) & (found["selection"] == OWN)].set_index("qid")["share"]
    assert all((of_size[name] == own.loc[of_size.index]).all() for name in of_size) and of_size.shape[1] == 5


def test_the_indicator_s_own_row_is_that_of_the_evaluation(made, found):
    data, folder = made
    metrics = evaluate(
        folder / "run/model.json", "test", **data, answer_from="video", out=folder / "run", device="cpu",
        gold=folder / "gold.json",
    )  # fmt: skip
    own = summary(found).loc[(INDICATOR, OWN)]
    assert own["right"] == pytest.approx(metrics["accuracy_from_causal-scene"])
    measured = metrics["rationale"]["gold"]["clips"]["selected"]
    for name in ("iop", "recall", "iou"):
        assert own[name] == pytest.approx(measured[name]), name


def test_a_threshold_is_the_best_on_what_it_is_tuned_on():
    scores = np.array([[0.1, 0.6, 0.9, 0.2], [0.8, 0.1, 0.3, 1.0]])
    gold = np.array([[0, 1, 1, 0], [1, 0, 0, 1]], dtype=bool)
    assert 0.3 <= best_threshold(scores, gold) < 0.6
    assert best_threshold(scores, np.ones_like(gold)) <= 0.1
    assert TUNED != SAME_SIZE


def test_a_model_without_an_indicator_is_refused(made, tmp_path):
    data, folder = made
    with pytest.raises(UserError, match="eigv explain"):
        compare(folder / "parts/model.json", **data, gold=folder / "gold.json", out=tmp_path / "x.csv", device="cpu")


def test_gold_spans_can_say_the_scenes_that_a_model_is_trained_with(made, tmp_path):
    data, folder = made
    places = {"out": tmp_path, "state": tmp_path / "state", "device": "cpu"}
    with pytest.raises(UserError, match="name it with --before"):
        train(settings("eigv-gold", epochs=1), **data, **places)
    card = train(settings("eigv-gold", epochs=1), **data, **places, before=folder / "gold.json")
    assert card.val_accuracy >= 0
    (tmp_path / "none.json").write_text("{}")
    with pytest.raises(UserError, match="no question of the split"):
        train(settings("eigv-gold", epochs=1), **data, **places, before=tmp_path / "none.json")
