"""Insertion and deletion curves: of the runs with a rationale, means over seeds, and a picture that can be read."""

import pandas as pd
import pytest
from matplotlib import pyplot as plt

from base.errors import UserError
from base.reading import read_json
from base.settings import parse
from base.writing import write_json
from eigv.config.experiment import Config
from eigv.paper.figures.curves import _lines, draw, write_curves
from eigv.paper.results import Key
from tests.eigv import made_up_runs
from tests.eigv.picture import overlapping
from tests.eigv.plan.small import SMALL

METHODS = ["erm", "eigv", "faithful"]


def rationale(seed: int, gold: bool) -> dict:
    """Of four clips."""
    kept = [0, 1, 2, 4]
    curves = {"insertion": [10, 40 + 10 * seed, 60, 70], "deletion": [10, 20, 30, 70], "by_chance": [10, 30, 50, 70]}
    found: dict = {"faithfulness": {name: {"kept": kept, "accuracy": values} for name, values in curves.items()}}
    if gold:
        likeliest = {"clips": [1, 2, 3, 4], "iop": [90, 80, 60, 50], "recall": [45, 80, 90, 100], "iou": [1, 2, 3, 4]}
        found["gold"] = {"clips": {"likeliest": likeliest, "selected": {"iop": 80 + 2 * seed, "recall": 70}}}
    return found


@pytest.fixture
def config(tmp_path) -> Config:
    table = {"datasets": ["one", "two"], "backbones": ["hga", "mspan"], "methods": METHODS, "seeds": [0, 1]}
    values = SMALL | {"results": str(tmp_path), "tables": {"t": table}, "curves": {"deletion": {"table": "t"}}}
    found = parse(Config, values, "small")
    for run in found.runs("t"):
        made_up_runs.write(found, run, 50.0)
        place = found.runs_folder / str(run) / "metrics.json"
        if run.method != "erm":
            write_json(place, read_json(place, "") | {"rationale": rationale(run.seed, run.dataset == "two")})
    return found


def test_points_are_means_over_seeds_of_what_has_a_rationale(config, tmp_path):
    write_curves(config, "deletion", tmp_path / "figures")
    table = pd.read_csv(tmp_path / "figures/deletion.csv")
    assert set(table["method"]) == {"eigv", "faithful"} and set(table["seeds"]) == {2}
    of = table[(table["dataset"] == "two") & (table["backbone"] == "hga") & (table["method"] == "eigv")]
    assert of[of["curve"] == "insertion"]["accuracy"].tolist() == [10, 45, 60, 70]
    assert of[of["curve"] == "likeliest"][["clips", "iop", "recall"]].iloc[0].tolist() == [1, 90, 45]
    assert set(table[table["dataset"] == "one"]["curve"]) == {"insertion", "deletion", "by_chance"}
    for suffix in ("png", "pdf"):
        assert (tmp_path / f"figures/deletion.{suffix}").stat().st_size > 10_000


def test_the_picture_can_be_read_and_the_selection_is_a_point_of_it():
    lines = {
        Key(dataset, backbone, "app+mot", method): _lines([rationale(seed, dataset == "two") for seed in (0, 1)])
        for dataset in ("one", "two")
        for backbone in ("hga", "mspan")
        for method in ("eigv", "faithful")
    }
    figure = draw("deletion", lines)
    assert overlapping(figure) == []
    assert [panel.get_visible() for panel in figure.axes] == [True, True, False, True, True, True]  # "one" has no gold
    points = [line.get_xydata().tolist() for line in figure.axes[5].lines if line.get_marker() == "o"]
    assert [point for point in points if point] == [[[70, 81]]] * 4
    plt.close(figure)


def test_both_curves_fit_the_axis_that_they_share():
    high = rationale(0, gold=False)
    high["faithfulness"]["deletion"]["accuracy"] = [10, 20, 30, 95]
    figure = draw("deletion", {Key("one", "hga", "app+mot", "eigv"): _lines([high])})
    insertion, deletion = figure.axes
    assert insertion.get_ylim() == deletion.get_ylim() and insertion.get_ylim()[0] == 0 and insertion.get_ylim()[1] > 95
    plt.close(figure)


def test_curves_without_a_run_that_has_any_are_refused(config, tmp_path):
    with pytest.raises(UserError, match="no curves 'other'; it has deletion"):
        write_curves(config, "other", tmp_path)
    for run in config.runs("t"):
        (config.runs_folder / str(run) / "metrics.json").unlink()
    with pytest.raises(UserError, match="no run of the table t has a rationale"):
        write_curves(config, "deletion", tmp_path)
