"""What a change reruns on a finished workflow, by dry runs; tests/eigv/plan/test_decides.py has every key."""

import json
import os
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.places import ROOT
from tests.workflow import whole

pytestmark = pytest.mark.workflow

SHOWS = {"all", "learning_curves", "problems", "report", "table", "times"}
"""The rules that show what there is."""
EVALUATES = {"evaluate", *SHOWS} - {"problems"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Path, dict[str, Any]]:
    """A folder with a finished workflow, and its configuration."""
    folder = tmp_path_factory.mktemp("finished")
    config = whole.settings()
    config["tables"]["table1"] |= {"methods": ["erm"], "question_only": False}
    config |= {"sweeps": {}, "rationales": {}, "explorers": {}}
    whole.prepare(folder, config)
    whole.snakemake(folder)
    return folder, config


def reruns(finished: tuple[Path, dict[str, Any]], change: dict[str, Any], *arguments: str) -> set[str]:
    """The rules that a dry run of the changed configuration names."""
    folder, config = finished
    changed = deepcopy(config)
    for key, value in change.items():
        *groups, last = key.split(".")
        group = changed
        for name in groups:
            group = group.setdefault(name, {})
        group[last] = value
    whole.write(folder, changed)
    try:
        said = whole.snakemake(folder, "--dry-run", *arguments)
    finally:
        whole.write(folder, config)
    table = re.search(r"Job stats:\njob +count\n-+ +-+\n(.*?)total", said, re.DOTALL)
    return {line.split()[0] for line in table[1].splitlines() if line.strip()} if table else set()


def test_nothing_reruns_where_nothing_has_changed(finished):
    assert reruns(finished, {}) == set()


@pytest.mark.parametrize(
    "change",
    [
        {"features.weights_folder": "elsewhere"},
        {"features.batch": 2},
        {"features.appearance.seed": 3},
        {"features.shards": 3},
        {"videos.v.time_limit": 9},
        {"videos.v.memory_limit": 9},
        {"videos.v.fingerprint": "size-and-time"},
        {"device": "cpu"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_decides_no_number_reruns_at_most_the_report_that_states_it(finished, change):
    assert reruns(finished, change) <= {"all", "report"}


def test_the_environment_is_no_reason(finished, tmp_path, monkeypatch):
    """With --use-conda a job's environment is a file of the checkout, and a comment in it another hash."""
    pytest.importorskip("rattler", reason="needs py-rattler, as the stand-in for conda does")
    from tests.environments.pins import read_environment
    from tests.environments.standin_conda import install_conda

    conda = install_conda(tmp_path, read_environment((ROOT / "environment.yml").read_text()))
    monkeypatch.setenv("PATH", os.pathsep.join([str(conda), os.environ["PATH"]]))
    assert reruns(finished, {}, "--use-conda", "--conda-prefix", str(tmp_path / "prefix")) == set()
    for name in ("default", "slurm"):
        text = (ROOT / f"profiles/{name}/profile.yaml").read_text()
        assert "\nrerun-triggers: [mtime, params]\n" in text
    assert yaml.safe_load((ROOT / "profiles/default/profile.yaml").read_text())["rerun-triggers"] == ["mtime", "params"]


def test_another_answer_source_evaluates_and_trains_nothing(finished):
    assert reruns(finished, {"inference.answer_from": "causal-scene"}) == {"evaluate", *SHOWS} - {
        "problems",
        "learning_curves",
    }


def test_gold_spans_are_read_and_evaluated_against_and_train_nothing(finished):
    folder, _ = finished
    (folder / "gold.json").write_text(json.dumps({"clip 0_0": [[0, 1]]}))
    found = reruns(finished, {"datasets.d.gold": "gold.json"})
    assert "gold" in found and found <= {"gold", "evaluate", *SHOWS, "all", "times", "report"} - {"learning_curves"}


def test_another_vocabulary_looks_at_no_video(finished):
    found = reruns(finished, {"datasets.d.answers": 1})
    assert {"questions", "finetune", "tokens", "train", "evaluate"} <= found
    assert not found & {"annotations", "probe", "decode", "features", "merge", "shards"}


def test_a_second_data_set_on_the_same_videos_leaves_the_first_alone(finished):
    second = {"format": "custom", "annotations": "questions.csv", "videos": "v"}
    found = reruns(finished, {"datasets.e": second})
    assert found <= {"annotations", "all", "report", "times"}


def test_other_questions_on_the_same_videos_look_at_none_again(finished):
    folder, _ = finished
    file = folder / "questions.csv"
    before = file.read_text()
    file.write_text(before.replace("what is shown", "what is that"))
    found = reruns(finished, {})
    file.write_text(before + "clip 9,what is shown,a cat,train\n")
    with_another_video = reruns(finished, {})
    file.write_text(before)
    assert {"annotations", "questions", "train"} <= found and "probe" not in found
    assert {"probe", "decode", "features", "merge"} <= with_another_video
