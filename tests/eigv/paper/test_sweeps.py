"""Sweeps: every point is a run, the plain backbone is one run for all points, and the picture can be read."""

import pandas as pd
import pytest
from matplotlib import pyplot as plt

from base.errors import UserError
from eigv.config.experiment import Config, load
from eigv.config.run_path import Run
from eigv.paper.figures.sweeps import Line, collect, draw, write_sweep
from tests.eigv import made_up_runs
from tests.eigv.picture import overlapping
from tests.places import ROOT


@pytest.fixture
def paper(tmp_path) -> Config:
    config = load([ROOT / "config/config.yaml"]).model_copy(update={"results": tmp_path})
    for name in config.sweeps:
        for run in config.runs(name):
            made_up_runs.write(config, run, 40.0 + len(run.method) / 5 + run.seed)
    return config


def test_plain_training_is_one_run_for_every_alpha(paper):
    curves = collect(paper, paper.sweeps["figure5a"])
    assert len(curves) == 6  # two backbones, three methods
    assert len({cell.runs for cell in curves[Line("msvd-qa", "hga", "erm")].values()}) == 1
    assert len({cell.runs for cell in curves[Line("msvd-qa", "hga", "mixup")].values()}) == 5


def test_the_table_s_run_is_the_point_at_the_configuration_s_value(paper):
    cell = collect(paper, paper.sweeps["figure5b"])[Line("nextqa", "hga", "eigv")][5]
    assert cell.runs[0] == Run("nextqa", "hga", "eigv", "app+mot", 0)
    assert cell.accuracy == pytest.approx(41.8) and cell.deviation == pytest.approx(1.0)


@pytest.mark.parametrize("name", ["figure5a", "figure5b"])
def test_the_picture_can_be_read(paper, name):
    sweep = paper.sweeps[name]
    figure = draw(name, sweep, collect(paper, sweep))
    assert overlapping(figure) == []
    assert len([panel for panel in figure.axes if panel.get_title()]) == 2
    plt.close(figure)


def test_files_and_points_that_have_not_been_run(paper):
    point = paper.results / "runs/msvd-qa/hga/eigv/app+mot/eigv.intervener.alpha=0.1/seed0/metrics.json"
    point.unlink()
    write_sweep(paper, "figure5a", paper.results)
    table = pd.read_csv(paper.results / "figure5a.csv")
    assert len(table) == 2 * 3 * 5
    row = table[(table["backbone"] == "hga") & (table["method"] == "eigv") & (table["eigv.intervener.alpha"] == 0.1)]
    assert row["status"].item() == "partly run" and row["seeds"].item() == "1 2"
    for suffix in ("png", "pdf"):
        assert (paper.results / f"figure5a.{suffix}").stat().st_size > 10_000


def test_any_key_can_be_swept_by_one_line(tmp_path):
    (tmp_path / "mine.yaml").write_text(
        "sweeps: {rate: {key: training.learning_rate, values: [1.0e-5, 1.0e-4], datasets: [nextqa], backbones: [hga]}}"
    )
    config = load([ROOT / "config/config.yaml", tmp_path / "mine.yaml"])
    assert [run.point for run in config.runs("rate")] == [
        "training.learning_rate=1e-05",
        "training.learning_rate=0.0001",
    ]


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        ("{key: eigv.intervener.alpa, values: [1.0]", "did you mean `alpha`"),
        ("{key: training.epochs, values: [none]", "training.epochs"),
        ("{key: features.sampling.clips, values: [8]", "features"),
        ("{key: eigv.intervener.ratios, values: [a/b]", "part of a path"),
    ],
)
def test_a_key_that_is_not_there_is_refused_at_once(tmp_path, sweep, said):
    (tmp_path / "mine.yaml").write_text(f"sweeps: {{s: {sweep}, datasets: [nextqa], backbones: [hga]}}}}")
    with pytest.raises(UserError, match=said):
        load([ROOT / "config/config.yaml", tmp_path / "mine.yaml"])
