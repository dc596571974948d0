"""The settings and folders of runs."""

import json
from pathlib import Path

import pytest

from base import layers
from base.errors import UserError
from eigv.config.run_path import Run
from tests.eigv.plan.small import SMALL, plan

PLAIN = "one/hga/eigv/app+mot/seed0"
LONGER = "one/hga/eigv/app+mot/training.epochs=5/seed0"


def test_a_run_has_its_own_settings():
    runs = plan(training={"batch": 7}).runs
    settings = json.loads(runs.settings(LONGER))
    assert (settings["training"]["epochs"], settings["training"]["batch"]) == (5, 7)
    assert settings["seed"] == 0 and settings["backbone"] == "hga"


def test_the_folder_spells_the_run():
    assert plan().runs.folder(LONGER).path == Path(f"results/small/runs/{LONGER}")
    assert plan(output="elsewhere").runs.folder(Run.of(PLAIN)).path == Path(f"elsewhere/runs/{PLAIN}")


def test_what_a_path_repeats_of_the_configuration_is_left_out_of_the_folder():
    assert plan(training={"epochs": 5}).runs.folder(LONGER).path == Path(f"results/small/runs/{PLAIN}")


def test_answers_are_read_from_what_the_run_says():
    decides = plan().decides
    assert decides.evaluate(PLAIN) == "video"
    assert decides.evaluate("one/hga/eigv/app+mot/inference.answer_from=causal-scene/seed0") == "causal-scene"


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ("one/hgb/eigv/app+mot/seed0", "hgb"),
        ("three/hga/eigv/app+mot/seed0", "no data set 'three'"),
        ("one/hga/eigv/app+mot/training.epoch=5/seed0", "did you mean `epochs`"),
        ("one/hga/eigv", "is not a run"),
    ],
)
def test_a_run_that_is_not_in_the_grid_is_refused(run, said):
    with pytest.raises(UserError, match=said):
        plan().runs.settings(run)


def test_code_of_the_user_s_own_is_an_input():
    runs = plan(plugins={"mine": "mine/backbone.py:Mine"}).runs
    assert runs.own_files("mine") == ["mine/backbone.py"] and runs.own_files("hga") == []


def test_the_run_without_videos_has_the_seed_of_the_encoder():
    runs = plan().runs
    assert runs.question_only("one").path == Path("results/small/runs/one/question-only/seed4")
    assert runs.question_only().path == Path("results/small/runs/{dataset}/question-only/seed4")


def test_a_checkpoint_is_known_by_its_name():
    runs = plan(checkpoints={"theirs": {"dataset": "one", "backbone": "hga", "file": "theirs.pt"}}).runs
    assert runs.checkpoint_backbone("theirs") == "hga"
    with pytest.raises(UserError, match="no checkpoint 'other'; it has theirs"):
        runs.checkpoint_backbone("other")


AHEAD = ["one/hga/erm/app+mot/seed0", "one/comem/eigv/app/seed1", "two/hga/erm/app+mot/seed0", PLAIN, LONGER]


def test_ahead_of_a_run_come_the_next_of_its_data_set_with_their_own_settings_and_folders():
    runs = plan().runs
    entries = json.loads(runs.ahead(PLAIN, AHEAD, 9))
    assert [entry["name"] for entry in entries] == [LONGER, AHEAD[0], AHEAD[1]]
    for entry in entries:
        whole = layers.over(json.loads(runs.settings(PLAIN)), entry["settings"])
        assert whole == json.loads(runs.settings(entry["name"]))
        assert entry["out"] == str(runs.folder(entry["name"]).path)
        assert entry["state"] == runs.paths.state(entry["name"]) == f"results/small/state/runs/{entry['name']}"
    assert entries[0]["settings"] == {"training": {"epochs": 5}}
    assert [entry["name"] for entry in json.loads(runs.ahead(PLAIN, AHEAD, 2))] == [LONGER, AHEAD[0]]
    assert runs.ahead(PLAIN, AHEAD, 0) == runs.ahead("two/hga/eigv/app+mot/seed0", AHEAD[:2], 9) == "[]"


def test_settings_that_cannot_be_told_by_what_differs_are_left_to_their_own_job():
    """What goes over a group takes no key of it away."""
    plugins = {name: {"code": "mine.py:Mine", "settings": {name: 1}} for name in ("a", "b")}
    runs = plan(plugins=plugins | {"c": {"code": "mine.py:Mine", "settings": {"a": 1, "c": 1}}}).runs
    waiting = [f"one/{name}/erm/app/seed0" for name in "abc"]
    found = {name: json.loads(runs.ahead(f"one/{name}/erm/app/seed0", waiting, 9)) for name in "abc"}
    assert [[entry["name"] for entry in entries] for entries in found.values()] == [[waiting[2]], [], []]


def test_what_decides_no_number_is_told_to_trainings_and_nothing_else():
    assert plan().runs.beside() == []
    told = plan(training={"logger": ["csv", "tensorboard", "wandb"]}).runs.beside()
    assert told == ["--logger", "tensorboard", "--logger", "wandb", "--curves", "results/small/logs"]
    assert plan(training={"data_on": "host"}).runs.beside() == ["--data-on", "host"]
    assert "data_on" not in plan(training={"data_on": "host"}).runs.settings(PLAIN)


@pytest.mark.parametrize(
    ("method", "of"),
    [("faithful", "parts"), ("eigv-faithful", "faithful"), ("faithful", "erm")],
)
def test_what_goes_on_from_another_run_waits_for_it(method, of):
    predictor = {"eigv": {"faithful": {"predictor": of}}} if of == "erm" else {}
    runs = plan(**predictor).runs
    folder = f"results/small/runs/one/hga/{of}/app+mot/seed0"
    run = f"one/hga/{method}/app+mot/seed0"
    assert runs.before(run) == [f"{folder}/model.json", f"{folder}/model.safetensors"]
    assert runs.before_option(run) == ["--before", f"{folder}/model.json"]
    assert json.loads(runs.ahead(PLAIN, [run, PLAIN.replace("eigv", "erm")], 9)) and run not in runs.ahead(
        PLAIN, [run], 9
    )


def test_gold_scenes_need_gold_spans():
    with pytest.raises(UserError, match="has no `gold`"):
        plan().runs.before("one/hga/eigv-gold/app+mot/seed0")
    assert plan().runs.before(PLAIN) == [] == plan().runs.before_option(PLAIN)


def test_only_an_indicator_that_learns_from_labels_is_told_of_gold_spans():
    few = {"eigv": {"faithful": {"labelled": 0.1}}}
    faithful, joint, guided = (
        f"one/hga/{name}/app+mot/seed0" for name in ("faithful", "faithful-joint", "eigv-faithful")
    )
    with pytest.raises(UserError, match=r"labelled` is 0.1, and `datasets.one` has no `gold`"):
        plan(**few).runs.labels(faithful)
    one = SMALL["datasets"]["one"] | {"gold": "g.json"}
    runs = plan(**few, datasets=SMALL["datasets"] | {"one": one}).runs
    for run in (faithful, joint):
        assert runs.labels_option(run) == ["--labels", "results/small/datasets/one/gold.json"]
    assert runs.labels(guided) == [] == runs.labels(PLAIN) == plan().runs.labels(faithful)
    assert joint not in runs.ahead(PLAIN, [joint], 9) and joint in plan().runs.ahead(PLAIN, [joint], 9)


def test_ahead_of_an_evaluation_come_others_of_its_data_set_as_their_own_jobs_are_told():
    one = {"format": "nextqa", "annotations": "data/one", "videos": "raw", "gold": "g.json", "shifted_test": "shifted"}
    runs = plan(datasets=SMALL["datasets"] | {"one": one}).runs
    plain = PLAIN.replace("eigv", "erm")
    waiting = [(PLAIN, "test"), (PLAIN, "shifted"), (plain, "test"), ("two/hga/erm/app/seed0", "test")]
    found = json.loads(runs.evaluations_ahead(plain, "test", waiting, 9))
    folder = f"results/small/runs/{PLAIN}"
    assert [(entry["out"], entry["split"]) for entry in found] == [(f"{folder}/shifted", "shifted"), (folder, "test")]
    for entry in found:
        assert entry["model"] == f"{folder}/model.json" and entry["gold"] == runs.paths.gold("one")
        assert entry["state"] == f"results/small/state/evaluations/{PLAIN}/{entry['split']}"
        assert entry["inference"] == json.loads(runs.settings(PLAIN))["inference"]
    assert json.loads(runs.evaluations_ahead(PLAIN, "test", [(plain, "test")], 9))[0]["gold"] is None
    assert len(json.loads(runs.evaluations_ahead(plain, "test", waiting, 1))) == 1
    assert runs.evaluations_ahead(plain, "test", waiting, 0) == "[]"
