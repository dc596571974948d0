"""The demo's DAG on a tiny rendered data set: everything is made, and what a change reruns."""

import io
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from selenium.webdriver.support.ui import WebDriverWait

import eigv
from base.formats.predictions import Predictions
from base.formats.questions import candidate_columns, read_annotations
from base.formats.token_features import TokenFeatures
from base.formats.video_features import VideoFeatures
from tests.places import ROOT
from tests.workflow.tiny import CONFIG, DATA, processor_seconds, snakemake

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def results(tiny_demo):
    return tiny_demo


def test_features(results):
    store = VideoFeatures.read(results / "videos/demo/video.h5")
    assert store.features["appearance"].shape == (22, 16, 464)
    assert store.features["motion"].shape == (22, 16, 192)
    for values in store.features.values():
        assert (values.astype(np.float32).std(axis=(1, 2)) > 0).all()
    assert not list((results / "videos/demo/shards").glob("*.h5"))


def test_text_of_every_split(results):
    for dataset, sequences in (("demo-mc", 5), ("demo-oe", 1)):
        for split in ("train", "val", "test", "test-shifted"):
            assert TokenFeatures.read(results / f"datasets/{dataset}/text/text_{split}.h5").sequences == sequences


def test_tables(results):
    table = pd.read_csv(results / "tables/table1.csv")
    run = table[table["status"] == "run"]
    assert len(run) == 2 * 2 * 2  # data sets, methods, test and test-shifted
    assert run["accuracy"].between(0, 100).all()
    for name, rows in (("table1", 2), ("table2", 7), ("table3", 6), ("rationales", 6)):
        lines = (results / f"tables/{name}.md").read_text().splitlines()
        assert len([line for line in lines if line.startswith("| ")]) - 1 == rows
        for suffix in ("csv", "tex", "html"):
            assert (results / f"tables/{name}.{suffix}").stat().st_size > 500


def test_the_indicator_is_held_against_post_hoc_explainers(results):
    table = pd.read_csv(results / "tables/post-hoc.csv").set_index(["explainer", "selection", "metric"])["mean"]
    own = pd.read_json(results / "runs/demo-oe/mspan/eigv/app+mot/seed0/metrics.json", typ="series")["rationale"]
    assert table["indicator", "own", "iou"] == pytest.approx(own["gold"]["clips"]["selected"]["iou"], abs=1e-3)
    assert table["gold", "own", "iou"] == 100 and table["occlusion", "size of the indicator", "auc"] > 0
    assert "post-hoc" in (results / "report.html").read_text()


def test_rationales_are_measured_against_the_gold_of_the_demo(results):
    table = pd.read_csv(results / "tables/rationales.csv").set_index("method")
    for method in ("eigv", "eigv-faithful"):
        row = table.loc[method]
        assert row["iou_gold"] == 100 and 0 < row["iou_random"] <= row["iou_all"] < 100
        assert row[["iop", "iou", "sufficiency"]].between(0, 100).all()
        metrics = json.loads((results / f"runs/demo-oe/mspan/{method}/app+mot/seed0/metrics.json").read_text())
        assert metrics["rationale"]["gold"]["questions"] == metrics["questions"]  # every question of the demo has gold
    shown = pd.read_csv(results / "tables/table1.csv").set_index(["dataset", "method", "split"])
    assert shown["iou"].isna().groupby("method").all().to_dict() == {"erm": True, "eigv": False}


def test_every_number_leads_to_its_run_and_its_commit(results):
    table = pd.read_csv(results / "tables/table2.csv").set_index("method")
    folder = ROOT / table.at["mixup", "runs"]
    assert json.loads((folder / "metrics.json").read_text())["accuracy"] == pytest.approx(
        table.at["mixup", "accuracy"], abs=1e-3
    )
    about = json.loads((folder / "run.json").read_text())
    assert about["settings"]["method"] == "mixup" and about["settings"]["training"]["epochs"] == 2
    assert about["commit"][:10] in table.at["mixup", "code"]


@pytest.mark.parametrize("name", ["figure5a", "figure5b", "figure6", "figure6-open-ended", "learning-curves-demo-oe"])
def test_pictures(results, name):
    picture = np.asarray(Image.open(results / f"figures/{name}.png").convert("RGB"))
    assert picture.shape[1] > 700 and picture.std() > 10
    assert (results / f"figures/{name}.pdf").read_bytes().startswith(b"%PDF")


def test_the_explorer_shows_the_run_s_answers(results, browser):
    browser.get((results / "explorer/explorer-multiple-choice.html").as_uri())
    asked = pd.read_csv(results / "datasets/demo-mc/annotations/test.csv")
    assert f"{len(asked)} of {len(asked)} questions" in browser.find_element("css selector", "#count").text
    assert browser.find_element("css selector", "article h2").text == asked["question"].iloc[0]
    assert len(browser.find_elements("css selector", ".strip .clip")) == 16


def test_a_page_shows_post_hoc_explanations_of_the_run_that_has_them(results):
    content = (results / "explorer/explorer-open-ended.html").read_text()
    data = json.loads(content.split('id="data">')[1].split("</script>")[0])
    rows = pd.read_csv(results / "runs/demo-oe/mspan/eigv/app+mot/seed0/explanations.csv", dtype=str)
    rows = rows[(rows["explainer"] == "occlusion") & (rows["selection"] == "size of the indicator")].set_index("qid")
    shown = {question["id"]: question["runs"][0]["posthoc"]["occlusion"] for question in data["questions"]}
    assert {qid: " ".join(map(str, clips)) for qid, clips in shown.items()} == rows["clips"].fillna("").to_dict()
    assert all("posthoc" not in question["runs"][1] for question in data["questions"])


@pytest.mark.parametrize("dataset", ["demo-oe", "demo-mc"])
def test_who_asks_about_a_test_video_gets_the_prediction(results, dataset, tmp_path):
    run = results / f"runs/{dataset}/mspan/eigv/app+mot/seed0"
    said, table = (
        Predictions.read(run / "predictions.csv"),
        read_annotations(results / f"datasets/{dataset}/annotations/test.csv"),
    )
    candidates = table[candidate_columns(table)].to_numpy().tolist()
    videos = [DATA / f"videos/{video_id}.mp4" for video_id in table["video_id"]]
    answers = eigv.load(run, "cpu", tmp_path).ask(videos, table["question"].tolist(), candidates)
    assert len(answers) == len(said) > 20
    predicted = [c[n] if c else n for c, n in zip(candidates, said.prediction, strict=True)]
    assert [answer.answer for answer in answers] == predicted
    assert [answer.clips for answer in answers] == [rationale.clips for rationale in said.rationales]
    chances = [max(scores) for scores in said.scores] if said.top is None else [top[0].probability for top in said.top]
    assert [answer.score for answer in answers] == pytest.approx(chances, abs=6e-5)  # four digits are written


def test_the_report_works_without_a_network(results, browser):
    browser.get((results / "report.html").as_uri())
    waiting = WebDriverWait(browser, 10)
    for category in ("Tables", "Figures", "Data", "Cost"):
        assert waiting.until(lambda page, name=category: page.find_element("link text", name))
    browser.find_element("link text", "Tables").click()
    waiting.until(lambda page: "as in the paper" in page.find_element("css selector", "body").text)
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    picture = np.asarray(Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("L"))
    assert picture.std() > 15


def jobs(said: str) -> dict[str, int]:
    """How many jobs of each rule a dry run counts."""
    table = said.split("Job stats:")[1].split("total")[0]
    return {name: int(count) for name, count in re.findall(r"^(\S+) +(\d+)$", table, re.M)}


RUN = "runs/demo-oe/mspan/mixup/app+mot/seed0"


def test_deleting_metrics_reruns_one_evaluation_and_no_training(results):
    before = (results / RUN / "metrics.json").read_bytes()
    (results / RUN / "metrics.json").unlink()
    assert jobs(snakemake("table2", "--dry-run", *CONFIG)) == {"evaluate": 1, "table": 1, "table2": 1}
    assert "3 of 3 steps (100%) done" in snakemake("table2", *CONFIG)
    assert (results / RUN / "metrics.json").read_bytes() == before
    snakemake("figure5a", *CONFIG)
    assert "Nothing to be done" in snakemake("results", "--dry-run", *CONFIG)


def test_removing_a_run_reruns_it_and_what_shows_it(results):
    moved = shutil.move(results / RUN, results / "moved")
    try:
        said = snakemake("results", "--dry-run", *CONFIG)
    finally:
        shutil.move(moved, results / RUN)
    assert jobs(said) == {"train": 1, "evaluate": 1, "table": 1, "learning_curves": 1, "results": 1}


def test_what_a_setting_reruns(results, tmp_path):
    """`beta` weighs the contrastive loss: plain training and mixup have none."""
    over = tmp_path / "over.yaml"
    over.write_text("eigv: {objective: {beta: 0.3}}")
    said = snakemake("table2", "--dry-run", *CONFIG, str(over))
    assert jobs(said) == {"train": 4, "evaluate": 4, "table": 1, "table2": 1}
    for method in ("erm", "mixup", "intervener"):
        assert f"/mspan/{method}/" not in "\n".join(re.findall(r"^    output: .*", said, re.M))


def test_a_change_of_code_reruns_nothing_but_a_stage_s_number_does(results, tmp_path):
    for name in ("base", "eigv", "extract", "profiles", "workflow"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Snakefile", tmp_path)
    plan = ["table2", "--dry-run", "--snakefile", str(tmp_path / "Snakefile"), *CONFIG]
    with (tmp_path / "eigv/runs/training.py").open("a") as code:
        code.write("\n# A comment.\n")
    assert "Nothing to be done" in snakemake(*plan)
    stages = tmp_path / "workflow/stages.yaml"
    raised = re.sub(r"^tables: (\d+)", lambda m: f"tables: {int(m[1]) + 1}", stages.read_text(), flags=re.M)
    stages.write_text(raised)
    assert jobs(snakemake(*plan)) == {"table": 1, "table2": 1}


def test_an_ablation_by_its_path(results):
    target = "results/tiny/runs/demo-mc/mspan/disrupt-q/mot/seed3/metrics.json"
    snakemake(target, *CONFIG)
    metrics = json.loads((ROOT / target).read_text())
    questions = pd.read_csv(results / "datasets/demo-mc/annotations/test.csv")
    assert metrics["seed"] == 3 and metrics["questions"] == len(questions)


def test_planning_is_quick(results):
    before = processor_seconds()
    snakemake("--dry-run", "--forceall", *CONFIG)
    assert processor_seconds() - before < 10
