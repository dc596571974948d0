"""The paper's configuration on placeholders: real annotations, empty video files. A dry run lists the paper's runs."""

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.places import ROOT
from tests.workflow.tiny import processor_seconds

pytestmark = pytest.mark.workflow

SEEDS = (0, 1, 2)


def entries(table: pd.DataFrame) -> list[dict]:
    """MSRVTT-QA's JSON from its CSV form."""
    rows = zip(itertools.count(), table["video"], table["question"], table["answer"], strict=False)
    return [{"id": i, "video_id": int(video), "question": q, "answer": str(a)} for i, video, q, a in rows]


def empty(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


@pytest.fixture(scope="module")
def paper(shared, tmp_path_factory) -> list[str]:
    """The configuration files of the paper on placeholder data."""
    folder = tmp_path_factory.mktemp("paper")
    (folder / "msrvtt").mkdir()
    for split, source in (("train", "val"), ("val", "val"), ("test", "test")):  # its train split is not at hand
        table = pd.read_csv(shared / f"data/msrvtt-qa/{source}.csv").head(3000)
        (folder / f"msrvtt/{split}_qa.json").write_text(json.dumps(entries(table)))
        for video in table["video"].unique():
            empty(folder / f"videos/msrvtt/video{video}.mp4")
    for place in json.loads((shared / "data/nextqa/map_vid_vidorID.json").read_text()).values():
        empty(folder / f"videos/nextqa/{place}.mp4")
    for line in (shared / "data/msvd-qa/youtube_mapping.txt").read_text().splitlines():
        empty(folder / f"videos/msvd/{line.split()[0]}.avi")
    for weights in ("resnet152-394f9c45.pth", "resnext-101-kinetics.pth"):
        empty(folder / "weights" / weights)
    empty(folder / "bert/config.json")
    (folder / "placeholders.yaml").write_text(f"""
results: {folder}/results
text: {{encoder: {folder}/bert}}
features: {{weights_folder: {folder}/weights}}
videos:
  nextqa: {{folder: {folder}/videos/nextqa, mapping: {shared}/data/nextqa/map_vid_vidorID.json}}
  msvd: {{folder: {folder}/videos/msvd}}
  msrvtt: {{folder: {folder}/videos/msrvtt}}
datasets:
  nextqa: {{annotations: {shared}/data/nextqa}}
  msvd-qa: {{annotations: {shared}/data/msvd-qa}}
  msrvtt-qa: {{annotations: {folder}/msrvtt}}
""")
    return [str(ROOT / "config/config.yaml"), str(folder / "placeholders.yaml")]


def plan(configs: list[str], *targets: str) -> str:
    """What a dry run says."""
    command = [sys.executable, "-m", "snakemake", *targets, "--dry-run", "--configfile", *configs]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def jobs(said: str) -> dict[str, int]:
    """How many jobs of each rule a dry run counts."""
    table = said.split("Job stats:")[1].split("total")[0]
    return {name: int(count) for name, count in re.findall(r"^(\S+) +(\d+)$", table, re.M)}


def evaluated(said: str) -> set[str]:
    """The runs that are evaluated, by their paths; those that see no video are not among them."""
    runs = set(re.findall(r"/runs/(\S+)/metrics\.json,", "\n".join(re.findall(r"^    output: .*", said, re.M))))
    return {run for run in runs if "/question-only/" not in run}


def table1() -> set[str]:
    grid = itertools.product(("nextqa", "msvd-qa", "msrvtt-qa"), ("comem", "hga", "mspan"), ("erm", "eigv"), SEEDS)
    return {f"{d}/{b}/{m}/app+mot/seed{s}" for d, b, m, s in grid}


def table2() -> set[str]:
    methods = ("erm", "mixup", "intervener", "disruptor", "disrupt-q", "disrupt-v", "eigv")
    grid = itertools.product(("nextqa", "msvd-qa"), ("hga", "mspan"), methods, SEEDS)
    return {f"{d}/{b}/{m}/app+mot/seed{s}" for d, b, m, s in grid}


def table3() -> set[str]:
    grid = itertools.product(("nextqa", "msvd-qa"), ("hga", "mspan"), ("erm", "eigv"), ("app", "mot"), SEEDS)
    return {f"{d}/{b}/{m}/{f}/seed{s}" for d, b, m, f, s in grid}


def figure5a() -> set[str]:
    """Plain training does not read alpha; alpha = 1 is the tables' run."""
    grid = itertools.product(("hga", "mspan"), ("mixup", "eigv"), (0.1, 0.5, 2.0, 5.0), SEEDS)
    points = {f"msvd-qa/{b}/{m}/app+mot/eigv.intervener.alpha={a}/seed{s}" for b, m, a, s in grid}
    same = itertools.product(("hga", "mspan"), ("erm", "mixup", "eigv"), SEEDS)
    return points | {f"msvd-qa/{b}/{m}/app+mot/seed{s}" for b, m, s in same}


def figure5b() -> set[str]:
    """Five negatives are the tables' run."""
    grid = itertools.product(("nextqa", "msvd-qa"), ("hga", "mspan"), (1, 3, 7, 9), SEEDS)
    points = {f"{d}/{b}/eigv/app+mot/eigv.disruptor.negatives={n}/seed{s}" for d, b, n, s in grid}
    same = itertools.product(("nextqa", "msvd-qa"), ("hga", "mspan"), SEEDS)
    return points | {f"{d}/{b}/eigv/app+mot/seed{s}" for d, b, s in same}


PARTS = {"table1": table1, "table2": table2, "table3": table3, "figure5a": figure5a, "figure5b": figure5b}


def test_the_whole_paper_is_exactly_its_runs(paper):
    before = processor_seconds()
    said = plan(paper)
    assert processor_seconds() - before < 30  # 6 s on a quiet machine
    every = set().union(*(part() for part in PARTS.values()))
    assert len(every) == 54 + 60 + 48 + 48 + 48 == 258
    assert evaluated(said) == every
    found = jobs(said)
    assert found["train"] == found["evaluate"] == 258
    assert found["question_only"] == 3
    assert "evaluate_shifted" not in found
    assert (found["table"], found["sweep"], found["rationale"], found["explore"], found["report"]) == (3, 2, 2, 2, 1)
    # Three data sets, three collections in 16 shards.
    assert (found["finetune"], found["merge"], found["decode"], found["features"]) == (3, 3, 48, 96)


@pytest.mark.parametrize("name", PARTS)
def test_a_table_or_figure_alone_is_its_runs(paper, name):
    said = plan(paper, name)
    assert evaluated(said) == PARTS[name]()
    assert jobs(said)["train"] == len(PARTS[name]())


def test_one_run_by_its_path(paper):
    run = "nextqa/hga/eigv/app+mot/training.learning_rate=1e-4/seed0"
    results = Path(paper[1]).parent / "results"
    said = plan(paper, f"{results}/runs/{run}/metrics.json")
    assert evaluated(said) == {run} and jobs(said)["train"] == 1


def test_the_overlays_plan_their_runs_in_a_folder_of_their_own(paper):
    results = Path(paper[1]).parent / "results"
    for name, count in (("official", 258), ("quick", 70)):
        overlay = ROOT / f"config/overlays/{name}.yaml"
        over = Path(paper[1]).with_name(f"{name}.yaml")
        over.write_text(f"output: {results}/{name}\n")
        said = plan([paper[0], str(overlay), *paper[1:], str(over)])
        assert jobs(said)["train"] == count
        assert f"{results}/{name}/runs/" in said and f"{results}/runs/" not in said


def test_table_1_of_all_systems_has_features_of_its_own(paper):
    results = Path(paper[1]).parent / "results"
    over = Path(paper[1]).with_name("table1.yaml")
    over.write_text(f"results: {results}/table1\noutput: {results}/table1\n")
    said = plan([str(ROOT / "config/table1.yaml"), *paper[1:], str(over)], "table1")
    systems = (
        ("nextqa", "msvd-qa", "msrvtt-qa"),
        ("amu", "hme", "hcrn", "comem", "hga", "mspan"),
        ("erm", "igv", "eigv"),
        SEEDS,
    )
    assert evaluated(said) == {f"{d}/{b}/{m}/app+mot/seed{s}" for d, b, m, s in itertools.product(*systems)}
    assert jobs(said)["question_only"] == 3
    assert f"{results}/table1/runs/" in said and f"{results}/runs/" not in said
    assert f"{results}/table1/videos/nextqa/" in said and f"{results}/videos/" not in said
