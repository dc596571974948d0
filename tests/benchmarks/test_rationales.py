"""The numbers of make rationales, on files made by hand, and the place in the page that they are written to."""

import numpy as np
import pandas as pd
import pytest

from base.formats.explanations import INDICATOR, NUMBERS, OWN
from base.formats.run_folder import RunFolder
from benchmarks.numbers import difference, from_the_scene, markdown, spread
from benchmarks.rationales.__main__ import CONFIG, PAPER
from benchmarks.rationales.changes import changed
from benchmarks.rationales.sets import SETS, SMALL
from benchmarks.report import write_between
from eigv.config.experiment import load, settings_of_run
from eigv.config.official import official
from eigv.paper.significance import Interval
from tests.benchmarks.made_runs import made
from tests.places import ROOT


def folders(tmp_path, of_scene, plain):
    """The folders of one seed: questions of type action on 30 videos, which are answered right or wrong as said."""
    asked = [(f"q{n}", f"v{n}", "action") for n in range(len(of_scene))] + [("q", "v0", "colour")]
    rows = [
        (*question, INDICATOR, OWN, *(0.5 for _ in NUMBERS[:-1]), right)
        for question, right in zip(asked, [*of_scene, 0], strict=True)
    ]
    names = ["qid", "video_id", "type", "explainer", "selection", *NUMBERS]
    for name in ("ours", "plain"):
        (tmp_path / name).mkdir()
    pd.DataFrame(rows, columns=names).to_csv(tmp_path / "ours/explanations.csv", index=False)
    answers = [(*question, right) for question, right in zip(asked, [*plain, 1], strict=True)]
    # In another order, as another evaluation may have it.
    pd.DataFrame(answers[::-1], columns=["qid", "video_id", "type", "correct"]).to_csv(
        tmp_path / "plain/predictions.csv", index=False
    )
    return [RunFolder(tmp_path / "ours")], [RunFolder(tmp_path / "plain")]


def test_answers_from_the_scene_are_paired_with_those_of_plain_training_by_question(tmp_path):
    of_scene, plain = [1] * 27 + [0] * 3, [0] * 9 + [1] * 21
    line = from_the_scene(*folders(tmp_path, of_scene, plain), "action")
    assert (line["questions"], line["scene"], line["plain"]) == ("30", "90.0", "70.0")
    assert line["difference"].startswith("+20.0 [")


def test_a_difference_that_is_the_same_on_every_video_has_no_width(tmp_path):
    line = from_the_scene(*folders(tmp_path, [1] * 30, [0] * 30), "action")
    assert line["difference"] == r"+100.0 [+100.0, +100.0]\*"


def test_a_type_that_nobody_asks_for_has_no_numbers(tmp_path):
    assert from_the_scene(*folders(tmp_path, [1], [1]), "shape") == {"questions": "0"}


@pytest.mark.parametrize(("numbers", "text"), [([], ""), ([80.0], "80.0"), ([80.0, 82.0, 84.0], "82.0 ± 2.0")])
def test_spread(numbers, text):
    assert spread(numbers) == text


def test_only_a_difference_beyond_chance_has_a_star():
    assert difference(1.0, Interval(-0.5, 2.5), significant=False) == "+1.0 [-0.5, +2.5]"


def test_a_table_keeps_its_digits_and_leaves_out_what_is_empty():
    lines = markdown([{"": "plain", "IoP": "100.0", "IoU": ""}, {"": "all"}]).splitlines()
    assert [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "--" not in line] == [
        ["", "IoP"],
        ["plain", "100.0"],
        ["all", ""],
    ]


def test_results_take_the_place_of_earlier_ones_and_the_page_stays(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# By hand\n\n<!-- a -->\n<!-- b -->\n\nalso by hand\n")
    for text in ("first\n", "second"):
        write_between("<!-- a -->", "<!-- b -->", text, page)
    assert page.read_text() == "# By hand\n\n<!-- a -->\n\nsecond\n\n<!-- b -->\n\nalso by hand\n"


def test_a_page_without_a_place_for_results_is_an_error(tmp_path):
    (tmp_path / "page.md").write_text("<!-- a -->\n")
    with pytest.raises(ValueError, match="<!-- b -->"):
        write_between("<!-- a -->", "<!-- b -->", "text", tmp_path / "page.md")


def test_every_set_of_the_configuration_is_rendered_where_it_is_looked_for():
    config = load([CONFIG])
    assert set(config.videos) == set(SETS)
    assert {str(videos.folder) for videos in config.videos.values()} == {
        f"data/rationales/{name}/videos" for name in SETS
    }


def test_eigv_has_the_official_values_but_those_that_are_named_and_the_paper_s_where_it_says_so():
    config = load([CONFIG])
    runs = {run.dataset: run for table in ("rationales", "paper") for run in config.runs(table) if run.method == "eigv"}
    values = settings_of_run(config, runs["d8"])["eigv"]
    for group, said in official("msvd-qa", "mspan")["eigv"].items():
        for key, value in said.items():
            if (group, key) not in {("grounding", "official_sum_mask"), ("disruptor", "negatives")}:
                assert values[group][key] == value, f"{group}.{key}"
    paper = settings_of_run(config.model_copy(update={"eigv": type(config.eigv)(), "overrides": ()}), runs["d8"])[
        "eigv"
    ]
    paper["disruptor"]["negatives"] = 1
    assert settings_of_run(config, runs[f"d8{PAPER}"])["eigv"] == paper


def test_only_other_scene_sets_ask_for_the_smallest_scene():
    config = load([CONFIG])
    for run in config.runs("rationales"):
        if run.method == "faithful":
            faithful = settings_of_run(config, run)["eigv"]["faithful"]
            assert (faithful["completeness"] == 0) == run.dataset.startswith("other-scene"), run


def test_the_small_form_has_every_table_on_the_one_set_that_it_renders_whole():
    config = load([CONFIG, ROOT / "tests/workflow/small-rationales.yaml"])
    runs = [str(run) for name in config.tables for run in config.runs(name)]
    runs += [run for shown in config.explanations.values() for run in shown.runs]
    assert {run.split("/")[0] for run in runs} == {SMALL}
    assert len(set(runs)) < 15


def test_runs_with_other_settings_stand_beside_the_same_without(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = load([CONFIG])
    labels = config.tables["labels-5"].model_copy(update={"datasets": ("d8",), "methods": ("faithful",), "seeds": (0,)})
    asking = {"backbones": ("hga",), "methods": ("erm",), "at": config.tables["question-attention"].at}
    tables = {"labels-5": labels, "question-attention": labels.model_copy(update=asking)}
    config = config.model_copy(update={"tables": tables})
    right = np.arange(60) < 45
    for name in config.tables:
        (run,) = config.runs(name)
        made(config, run, right)
        made(config, run._replace(point=""), ~right, "test-shifted")
    said = list(changed(config, "CW"))
    assert [part for part in said if part.startswith("#")] == [
        f"### d8, {backbone}, {split}, with other settings"
        for backbone in ("MSPAN", "HGA")
        for split in ("test", "test-shifted")
    ]
    assert "+ Faithful rationale, eigv.faithful.labelled=0.05 | 1       | 75.0" in said[1]
    assert "| + Faithful rationale | 1       | 25.0" in said[3]
