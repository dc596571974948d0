"""Tables that show numbers of rationales beside accuracy, and what bounds them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from base.errors import UserError
from base.formats.predictions import Predictions, Rationale
from base.reading import read_json
from base.settings import parse
from base.writing import write_json
from eigv.config.experiment import Config
from eigv.config.metrics import METRICS
from eigv.config.run_path import Run
from eigv.paper.tables.write import write_table
from tests.eigv import made_up_runs

TABLE = {
    "datasets": ["d"],
    "backbones": ["hga"],
    "methods": ["erm", "eigv"],
    "seeds": [0, 1],
    "metrics": ["accuracy", "iou", "sufficiency", "hull.mIoP"],
    "bounds": True,
}


def config(tmp_path, **table) -> Config:
    values = {"name": "c", "results": str(tmp_path), "videos": {"v": {"folder": "v"}}}
    values |= {"datasets": {"d": {"format": "custom", "annotations": "q.csv", "videos": "v"}}}
    return parse(Config, values | {"tables": {"mine": TABLE | table}}, "a configuration of the test")


def fill(made: Config, iou: float = 30.0) -> None:
    """Plain runs without rationales; of EIGV the second seed has 10 more of everything."""
    for run in made.runs("mine"):
        made_up_runs.write(made, run, 60.0 + run.seed)
        if run.method == "erm":
            continue
        file = made.runs_folder / str(run) / "metrics.json"
        rows = {"selected": iou, "random": 20.0, "all": 25.0, "gold": 100.0}
        gold = {row: {"iou": value + 10 * run.seed} for row, value in rows.items()}
        rationale = {
            "gold": {"clips": gold, "nextgqa": {"hull": {row: {"mIoP": value} for row, value in rows.items()}}},
            "faithfulness": {"sufficiency": 50.0, "random": {"sufficiency": 40.0}},
        }
        write_json(file, read_json(file, "metrics") | {"rationale": rationale})


def lines(made: Config) -> list[list[str]]:
    write_table(made, "mine", made.results)
    table = (made.results / "mine.md").read_text().splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table if line.startswith("|")]


def test_numbers_stand_side_by_side(tmp_path):
    made = config(tmp_path)
    fill(made)
    assert lines(made) == [
        ["Model", "d Accuracy", "d IoU", "d Sufficiency", "d mIoP (hull)"],
        ["---"] * 5,
        ["HGA", "60.5 ± 0.7", "-", "-", "-"],
        ["+ EIGV", "60.5 ± 0.7 (+0.0)", "35.0 ± 7.1", "50.0 ± 0.0", "30.0 ± 0.0"],
        ["random clips, as many", "-", "25.0 ± 7.1", "40.0 ± 0.0", "20.0 ± 0.0"],
        ["all clips", "-", "30.0 ± 7.1", "-", "25.0 ± 0.0"],
        ["gold clips", "-", "105.0 ± 7.1", "-", "100.0 ± 0.0"],
    ]
    rows = pd.read_csv(made.results / "mine.csv").set_index("method")
    assert rows.loc["eigv", "iou"] == 35 and rows.loc["eigv", "iou_random"] == 25
    assert rows.loc["eigv", "iou_deviation"] == pytest.approx(50**0.5, abs=1e-4) and np.isnan(rows.loc["erm", "iou"])
    assert "docs/rationales.md defines their numbers" in (made.results / "mine.md").read_text()
    for form in ("html", "tex"):
        assert "35.0" in (made.results / f"mine.{form}").read_text()


def test_bounds_are_shown_where_they_are_asked_for(tmp_path):
    made = config(tmp_path, bounds=False)
    fill(made)
    assert [line[0] for line in lines(made)] == ["Model", "---", "HGA", "+ EIGV"]
    assert "iou_random" not in pd.read_csv(made.results / "mine.csv").columns


def test_what_has_not_been_run_says_so(tmp_path):
    made = config(tmp_path)
    assert lines(made)[2:] == [["HGA", *["not run"] * 4], ["+ EIGV", *["not run"] * 4]]


def test_a_table_of_accuracy_is_as_it_was(tmp_path):
    made = config(tmp_path, metrics=["accuracy"], bounds=False)
    fill(made)
    assert lines(made)[0] == ["Model", "d"] and "iou" not in pd.read_csv(made.results / "mine.csv").columns


def test_how_alike_the_selections_of_seeds_are(tmp_path):
    made = config(tmp_path, metrics=["over-seeds"], bounds=True)
    fill(made)
    one = Predictions(["a", "b"], ["v", "v"], ["", ""], [0, 0], [0, 0], np.ones(2, bool), np.ones((2, 2)))
    for seed, clips in enumerate([[(0, 1), (2,)], [(0,), (2,)]]):
        rationales = [Rationale(chosen, (), (0.5,) * 4) for chosen in clips]
        run = Run("d", "hga", "eigv", "app+mot", seed)
        replace(one, rationales=rationales).write(made.runs_folder / str(run) / "predictions.csv")
    shown = {line[0]: line[1] for line in lines(made)}
    assert shown["+ EIGV"] == "75.0" and shown["HGA"] == "-"
    # One of four clips is among two with 1/2, and they then share half; another one of four is the same with 1/4.
    assert shown["random clips, as many"] == f"{100 * (1 / 4 + 1 / 4) / 2:.1f}"


def test_a_metric_that_there_is_not_is_named_with_the_nearest(tmp_path):
    with pytest.raises(UserError, match=r"there is no metric 'iuo'.*did you mean 'iou'"):
        config(tmp_path, metrics=["iuo"])


def test_every_metric_has_a_place_or_is_of_all_seeds():
    assert [name for name, metric in METRICS.items() if not metric.places] == ["over-seeds"]
    assert METRICS["longest-run.Acc@GQA"].of({"rationale": {"gold": {"nextgqa": {}}}}) is None
