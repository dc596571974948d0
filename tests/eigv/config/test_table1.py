"""Table 1 of all systems: the paper's data, the demo's and real questions have the same rows."""

import itertools

import pytest

from eigv.backbones import BACKBONES
from eigv.config.experiment import load, settings_of_run
from eigv.config.run_path import Run
from tests.places import ROOT

TABLES = {name: load([ROOT / f"config/{name}.yaml"]) for name in ("table1", "table1-demo", "table1-real")}
every_table = pytest.mark.parametrize("name", list(TABLES))


@every_table
def test_each_system_runs_plain_and_under_both_methods(name):
    table, config = TABLES[name].tables["table1"], TABLES[name]
    assert set(table.backbones) == set(BACKBONES)
    assert table.methods == ("erm", "igv", "eigv") and table.question_only
    every = itertools.product(config.datasets, table.backbones, table.methods, ["app+mot"], table.seeds)
    assert set(config.runs("table1")) == {Run(*values) for values in every}


@every_table
def test_plain_rows_learn_as_published_and_the_others_from_mixed_answers(name):
    config = TABLES[name]
    losses = {
        (run.backbone, run.method, run.dataset): settings_of_run(config, run)["eigv"]["objective"]["answer"]
        for run in config.runs("table1")
    }
    (choice,) = [dataset for dataset in config.datasets if dataset.endswith(("nextqa", "-mc"))]
    assert {key for key, loss in losses.items() if loss == "hinge"} == {("hme", "erm", choice)}
    amu = {key for key, loss in losses.items() if loss == "log-loss"}
    assert amu == {("amu", "erm", dataset) for dataset in config.datasets}


def test_rows_have_the_features_of_the_paper_and_the_demo_and_vectors_of_frames():
    paper, config = load([ROOT / "config/config.yaml"]), TABLES["table1"]
    demo, small = load([ROOT / "config/demo.yaml"]), TABLES["table1-demo"]
    for one, other in ((config, paper), (small, demo)):
        for part in ("text", "videos", "datasets"):
            assert getattr(one, part) == getattr(other, part), part
        appearance = other.features.appearance.model_copy(update={"frames": "every"})
        assert one.features == other.features.model_copy(update={"appearance": appearance})
        assert one.results != other.results
    assert len({c.outcomes for c in (paper, demo, *TABLES.values())}) == 5


def test_hga_and_comem_run_as_published_beside_the_forms_that_eigv_wraps():
    config = TABLES["table1"]
    found = {}
    for run in config.runs("published"):
        settings = settings_of_run(config, run)["backbones"][run.backbone]
        found.setdefault(run.backbone, set()).add(str(settings.get("co_attention") or settings.get("network")))
    assert found == {"hga": {"True"}, "comem": {"published"}}
    assert not {run for run in config.runs("published") if run in config.runs("table1")}
