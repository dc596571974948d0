"""Runs by their path, with the settings that a path changes."""

import re

import pytest

from base.errors import UserError
from eigv.config.experiment import canonical, load, settings_of_run
from eigv.config.run_path import CONSTRAINTS, PATH, SHAPE, Run, point, question_only
from tests.places import ROOT


@pytest.fixture(scope="module")
def paper():
    return load([ROOT / "config/config.yaml"])


@pytest.mark.parametrize("text", ["nextqa/hga/eigv/app+mot/seed3", "nextqa/hga/eigv/app/training.epochs=5,a.b=c/seed0"])
def test_a_run_reads_back_from_its_path(text):
    assert str(Run.of(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "nextqa/hga",
        "nextqa/hga/eigv/app+mot/other/seed0",
        "nextqa//eigv/app/seed0",
        "nextqa/hga/eigv/app/0",
        "nextqa/hga/eigv/app/seed",
        question_only("nextqa", 0),
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(UserError, match="is not a run"):
        Run.of(text)


def test_the_pattern_of_rules_is_the_path():
    run = Run("nextqa", "hga", "eigv", "app", 5, "training.epochs=5")
    assert PATH.format(**run._asdict() | {"point": f"/{run.point}"}) == str(run)
    names = set(re.findall(r"{(\w+)}", PATH))
    assert names == set(CONSTRAINTS) == set(Run._fields)


def test_the_path_in_words_is_a_path():
    assert str(Run.of(SHAPE.replace("N", "5"))) == "dataset/backbone/method/features/seed5"
    assert question_only("nextqa", 3) == "nextqa/question-only/seed3"


def test_a_path_s_settings_go_over_all_others(paper):
    run = Run.of("nextqa/hga/eigv/app+mot/training.learning_rate=1e-3,eigv.intervener.ratios=batch/seed0")
    settings = settings_of_run(paper, run)
    assert settings["training"]["learning_rate"] == 1e-3
    assert settings["eigv"]["intervener"]["ratios"] == "batch"
    assert settings["training"]["epochs"] == 80


def test_an_unknown_setting_in_a_path_is_refused_with_the_nearest(paper):
    with pytest.raises(UserError, match=r"training.epoch`; did you mean `epochs`"):
        settings_of_run(paper, Run.of("nextqa/hga/eigv/app+mot/training.epoch=5/seed0"))


def test_the_configuration_s_own_value_is_the_plain_path(paper):
    run = Run("nextqa", "hga", "eigv", "app+mot", 0)
    assert canonical(paper, run._replace(point="eigv.disruptor.negatives=5")) == run
    assert (
        canonical(paper, run._replace(point="eigv.disruptor.negatives=5,training.epochs=3")).point
        == "training.epochs=3"
    )


@pytest.mark.parametrize(
    ("method", "key", "is_read"),
    [
        ("erm", "eigv.intervener.alpha", False),
        ("mixup", "eigv.intervener.alpha", True),
        ("mixup", "eigv.disruptor.negatives", False),
        ("disrupt-q", "eigv.intervener.alpha", False),
        ("disrupt-q", "eigv.disruptor.negatives", True),
        ("intervener", "eigv.objective.beta", False),
        ("eigv", "eigv.objective.beta", True),
    ],
)
def test_a_setting_that_a_method_does_not_read_makes_no_other_run(paper, method, key, is_read):
    run = Run("nextqa", "hga", method, "app+mot", 0, point({key: 2}))
    assert bool(canonical(paper, run).point) == is_read
