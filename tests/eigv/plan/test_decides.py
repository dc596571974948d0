"""What each key of the configuration reruns: a row for every key, and nothing beside what the row says.

Rules compare what `eigv.plan.decides` gives, the paths of files and `folder_key`; tests/workflow/test_reruns.py holds
that against dry runs of the real workflow.
"""

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from base.settings import parse
from eigv.config.docs import key_paths
from eigv.config.experiment import Config
from eigv.config.run_path import Run
from eigv.plan.plan import Plan
from tests.eigv.plan import rationale_keys
from tests.eigv.plan.every_key import BASE, CONTAINERS, GROUPS, NAMED, ROWS
from tests.eigv.plan.key_row import Row

TABLE = "video,question,answer,split\na,Why?,so,train\nb,Who?,he,val\nc,Who?,she,test\n"
NEXTQA = "video,question,answer,qid,type,a0,a1,a2,a3,a4\n{},Why?,0,0,CW,a,b,c,d,e\n"
RUNS = {
    "plain": Run("d", "hga", "erm", "app+mot", 0),
    "hga": Run("d", "hga", "eigv", "app+mot", 0),
    "comem": Run("d", "comem", "eigv", "app+mot", 0),
    "amu": Run("d", "amu", "eigv", "app+mot", 0),
    "hcrn": Run("d", "hcrn", "eigv", "app+mot", 0),
    "hme": Run("d", "hme", "eigv", "app+mot", 0),
    "mspan": Run("d", "mspan", "eigv", "app+mot", 0),
    "igv": Run("d", "hga", "igv", "app+mot", 0),
    "own": Run("d", "mine", "erm", "app+mot", 0),
    **{name: Run("d", "hga", name, "app+mot", 0) for name in rationale_keys.METHODS},
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths of configurations are relative to the folder in which Snakemake is called."""
    for name in ("q.csv", "other.csv"):
        (tmp_path / name).write_text(TABLE)
    (tmp_path / "nextqa").mkdir()
    (tmp_path / "nextqa/questions.csv").write_text(TABLE)
    for split, video in zip(("train", "val", "test", "test-shifted"), "abcd", strict=True):
        (tmp_path / f"nextqa/{split}.csv").write_text(NEXTQA.format(video))
    for name in ("network.py", "backbone.py"):
        (tmp_path / name).write_text("")
    monkeypatch.chdir(tmp_path)


def changed(config: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration with other values for some of its keys."""
    config = deepcopy(config)
    for key, value in values.items():
        *groups, last = key.split(".")
        group: Any = config
        for name in groups:
            group = group.setdefault(name, {})
        group[last] = value
    return config


def decided(config: dict[str, Any]) -> dict[str, str]:
    """What every stage's rule compares; stages of one kind by the data set, collection or run that they are of."""
    plan = Plan(parse(Config, config, "a configuration of the test"))
    asks, shows = plan.decides, plan.targets
    of = {
        "annotations": asks.annotations("d"),
        "annotations i": asks.annotations("i"),
        "gold": asks.gold("d"),
        "questions": asks.questions("d"),
        "questions i": asks.questions("i"),
        "probe": asks.probe("v"),
        "shards": asks.shards("v"),
        "decode": asks.decode("v"),
        "appearance": asks.features("appearance"),
        "motion": asks.features("motion"),
        "merge": asks.merge("v"),
        "import": asks.import_features("given"),
        "finetune": asks.finetune(),
        "tokens": asks.tokens(),
        "import-tokens": asks.import_tokens("i"),
        "table": shows.decides_table("table1"),
        "sweep": shows.decides_sweep("figure5a"),
        "picture": " ".join([shows.decides_picture("figure6"), *shows.picture_gold("figure6")]),
        "page": " ".join(
            [shows.page_settings("explorer"), *shows.page_gold("explorer"), *shows.page_explanations("explorer")]
        ),
    }
    of |= {"explanations": "".join(map(shows.decides_explanations, plan.config.explanations))}
    of |= {"curves": "".join(map(shows.decides_curves, plan.config.curves))}
    absent = {"amu", "hcrn", "igv"} if plan.config.preset == "official" else set()  # there are no such runs for NExT-QA
    absent |= set() if "mine" in plan.config.plugins else {"mine"}
    known = {name: run for name, run in RUNS.items() if name not in absent and run.backbone not in absent}
    of |= {f"train {name}": asks.train(str(run)) for name, run in known.items()}
    for name, run in known.items():
        runs = plan.runs
        told = runs.environment(str(run)), runs.faithfulness(str(run)), runs.noise_draws(str(run))
        told += tuple(runs.gold_option(run.dataset, run.method))
        of[f"evaluate {name}"] = " ".join([asks.evaluate(str(run)), *told])
    return of


def stages(name: str) -> set[str]:
    """What a row calls by one name."""
    return {stage for part in GROUPS[name] for stage in stages(part)} if name in GROUPS else {name}


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.key}={row.value}" for row in ROWS])
def test_a_key_reruns_what_its_row_says(row: Row) -> None:
    base = changed(BASE, row.where)
    before, after = decided(base), decided(changed(base, {row.key: row.value}))
    said = {stage for name in row.reruns for stage in stages(name)}
    assert {stage for stage in before if before[stage] != after.get(stage)} == said


def test_every_key_has_a_row() -> None:
    assert set(key_paths()) - {documented(row.key) for row in ROWS} == CONTAINERS


def documented(key: str) -> str:
    """A key as config/README.md spells it: with `<name>` for a name of the user's own."""
    names = key.split(".")
    return ".".join("<name>" if before in NAMED else name for before, name in zip(["", *names], names, strict=False))
