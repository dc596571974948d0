"""`eigv compare-runs`: which runs are compared, what is refused and in which words, and what comes out."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from base.errors import UserError
from eigv.cli import app
from eigv.paper.comparison.compare import Comparison, compare_runs
from tests.eigv.made_up_runs import answer

VIDEOS = [f"v{n // 4}" for n in range(120)]
TYPES = ["how", "what", "what", "why"] * 30


def right(share: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(len(VIDEOS)) < share


def run(folder, share=0.5, seed=0, **about):
    answer(folder, right(share, seed), VIDEOS, **{"types": TYPES, "seed": seed} | about)
    return folder


def compared(a, b, *more) -> Comparison:
    return compare_runs(str(a), str(b), *more)


def refused(a, b, *more) -> str:
    with pytest.raises(UserError) as error:
        compared(a, b, *more)
    return str(error.value)


@pytest.fixture
def sides(tmp_path):
    for seed in (0, 1, 2):
        run(tmp_path / "a" / f"seed{seed}", 0.7, seed)
        run(tmp_path / "b" / f"seed{seed}", 0.4, seed)
    return tmp_path / "a", tmp_path / "b"


def test_the_numbers_by_hand(tmp_path):
    """Two videos of two questions, two seeds."""
    videos, types = ["v", "v", "w", "w"], ["how", "why", "how", "why"]
    for name, seed, correct in (("a", 0, "1110"), ("a", 1, "1011"), ("b", 0, "1000"), ("b", 1, "0010")):
        values = [int(digit) for digit in correct]
        answer(tmp_path / name / f"seed{seed}", values, videos, types=types, seed=seed)
    every, how, why, first, second = compared(tmp_path / "a", tmp_path / "b").rows
    assert (every.accuracy_a, every.deviation_a, every.accuracy_b, every.deviation_b) == (75, 0, 25, 0)
    assert (every.difference, every.questions, every.videos) == (50, 4, 2)
    # Each of the four questions was right once more often with A than with B.
    assert (every.only_a, every.only_b, every.p) == (4, 0, 2 / 16)
    assert (every.low, every.high, every.significant) == (50, 50, False)  # both videos are alike; they are two
    assert (how.type, how.questions, how.accuracy_a, how.accuracy_b) == ("how", 2, 100, 50)
    assert (why.type, why.difference, why.only_a, why.only_b) == ("why", 50, 2, 0)
    assert [(row.seed, row.type, row.accuracy_a, row.only_a, row.only_b) for row in (first, second)] == [
        ("0", "all", 75, 2, 0),
        ("1", "all", 75, 2, 0),
    ]


def test_a_clear_difference_is_marked_and_the_other_way_round_is_its_mirror(sides):
    ahead, behind = compared(*sides).rows[0], compared(*reversed(sides)).rows[0]
    assert ahead.significant and behind.significant and 0 < ahead.low < ahead.difference < ahead.high
    assert (ahead.low, ahead.high) == pytest.approx((-behind.high, -behind.low))
    assert (ahead.only_a, ahead.only_b, ahead.p) == (behind.only_b, behind.only_a, behind.p)
    same = compared(sides[0], sides[0]).rows[0]
    assert (same.difference, same.low, same.high, same.significant, same.p) == (0, 0, 0, False, 1)


def test_the_order_of_questions_in_a_file_does_not_matter(tmp_path, sides):
    table = pd.read_csv(sides[1] / "seed0/predictions.csv", dtype=str)
    table.iloc[::-1].to_csv(sides[1] / "seed0/predictions.csv", index=False)
    turned = compared(*sides).rows
    table.to_csv(sides[1] / "seed0/predictions.csv", index=False)
    assert turned == compared(*sides).rows


def test_a_run_by_itself_a_pattern_and_a_file(sides):
    a, b = sides
    assert len(compared(a / "seed1", b / "seed2").pairs) == 1
    assert compared(a / "seed1", b / "seed2").notes == ["A is of seed 1, B of seed 2"]
    assert compared(f"{a}/seed[01]", f"{b}/seed*").rows == compared(f"{a}/seed[01]", b).rows
    assert (
        compared(a / "seed1/predictions.csv", b / "seed1/metrics.json").rows == compared(a / "seed1", b / "seed1").rows
    )


def test_seeds_are_paired_by_their_number_and_others_are_left_out_and_said(tmp_path, sides):
    a, b = sides
    run(a / "seed7", 0.9, 7)
    run(b / "other", 0.9, 9)  # no folder of a seed
    found = compared(a, b)
    assert [(x.seed, y.seed) for x, y in found.pairs] == [(0, 0), (1, 1), (2, 2)]
    assert found.notes == ["left out of A, B lacks them: seeds 7"]
    run(tmp_path / "c/seed5", 0.5, 5)
    run(tmp_path / "c/seed6", 0.5, 6)
    assert "A has the seeds 0, 1, 2, 7 and B the seeds 5, 6: none is on both sides" in refused(a, tmp_path / "c")


def test_further_splits(sides):
    a, b = sides
    for side, share in ((a, 0.9), (b, 0.1)):
        run(side / "seed0/val", share, split="val")
    found = compared(a, b, "val")
    assert found.split == "val" and found.rows[0].difference > 50
    assert compared(a / "seed0/val", b / "seed0/val").rows == found.rows
    assert "is of the split val and" in refused(a / "seed0/val", b / "seed0")
    assert "holds no results on nowhere" in refused(a, b, "nowhere")


def test_what_is_not_there(tmp_path, sides):
    assert refused(tmp_path / "nothing", sides[1]).startswith(f"A: {tmp_path}/nothing does not exist")
    (tmp_path / "empty").mkdir()
    assert "B: " in refused(sides[0], tmp_path / "empty") and "seed<n>" in refused(sides[0], tmp_path / "empty")
    assert "both have the seed 0" in refused(f"{tmp_path}/*/seed*", sides[1])
    (sides[0] / "seed0/predictions.csv").unlink()
    assert "predictions.csv does not exist; evaluate the run again" in refused(*sides)


def test_other_data_sets_are_refused(tmp_path):
    runs = [run(tmp_path / f"runs/{name}/hga/erm/app+mot/seed0") for name in ("nextqa", "msvd-qa")]
    message = refused(*runs)
    assert "of the data set nextqa and" in message and "of the data set msvd-qa; compare" in message
    assert compared(runs[0], run(tmp_path / "runs/nextqa/question-only/seed0")).rows


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"qids": [f"x{n}" for n in range(120)]}, "have no question in common: another data set or another split"),
        ({"types": ["how"] * 120}, "the question 'v0_1' is of the type 'what' in"),
    ],
)
def test_other_questions_are_refused(tmp_path, other, words):
    assert words in refused(run(tmp_path / "a"), run(tmp_path / "b", **other))


def test_more_and_fewer_questions_are_refused(tmp_path):
    a = run(tmp_path / "a")
    answer(tmp_path / "b", right(0.5)[:-3], VIDEOS[:-3], types=TYPES[:-3])
    message = refused(a, tmp_path / "b")
    assert "the questions differ: 3 of its 120 questions only in" in message and "'v29_117'" in message
    moved = ["w0", *VIDEOS[1:]]
    answer(tmp_path / "c", right(0.5), moved, types=TYPES, qids=[f"{video}_{n}" for n, video in enumerate(VIDEOS)])
    assert "is on the video 'v0' in" in refused(a, tmp_path / "c")


def test_predictions_of_another_evaluation_are_refused(tmp_path, sides):
    run(sides[0] / "seed1", 0.7, 1, accuracy=12.5)
    assert "the metrics.json beside it 12.50 %: they are of different evaluations" in refused(*sides)
    (sides[0] / "seed1/metrics.json").write_text('{"split": "test"}')
    assert "lacks accuracy or seed" in refused(*sides)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("correct", "korrekt", 1), "'correct'"),
        (lambda text: text.replace("v0_0,v0,how,0,0,1", "v0_0,v0,how,0,0,yes"), "holds 'yes', and not 0 or 1"),
        (lambda text: text + text.splitlines()[1] + "\n", "the question 'v0_0' is in it twice"),
        (lambda text: text.splitlines()[0] + "\n", "it holds no question"),
    ],
)
def test_files_that_are_broken_are_said(tmp_path, change, words):
    a = run(tmp_path / "a", 1.0)
    (a / "predictions.csv").write_text(change((a / "predictions.csv").read_text()))
    message = refused(a, run(tmp_path / "b"))
    assert words in message and str(a / "predictions.csv") in message and "evaluate the run again" in message


def test_the_command_shows_an_aligned_table_and_writes_files(tmp_path, sides):
    arguments = ["compare-runs", *map(str, sides), "--resamples", "500"]
    done = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "out.json")], catch_exceptions=False)
    lines = done.output.splitlines()
    assert lines[0] == f"A  {sides[0]}  (seeds 0, 1, 2)"
    assert "test: 120 questions on 30 videos" in lines[2]
    table = lines[lines.index("") + 1 :][:8]
    ends = {line.rindex(line.split()[-1]) + len(line.split()[-1]) for line in table}
    assert [line.split()[0] for line in table[1:]] == ["all", "how", "what", "why", "seed", "seed", "seed"]
    assert len(ends) == 1 and "A - B" in table[0] and re.search(r"\+\d+\.\d\d to \+\d+\.\d\d \*", table[1])
    CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "out.csv")], catch_exceptions=False)
    found, rows = json.loads((tmp_path / "out.json").read_text()), pd.read_csv(tmp_path / "out.csv")
    assert found["difference"] == "a - b" and found["a"]["seeds"] == [0, 1, 2] and found["split"] == "test"
    assert found["bootstrap"] == {"over": "videos", "resamples": 500, "seed": 0, "level": 0.95}
    assert [row["low"] for row in found["rows"]] == rows["low"].tolist()
    assert found["rows"][-1]["deviation_a"] is None
    before = (tmp_path / "out.json").read_bytes()
    CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "out.json")], catch_exceptions=False)
    assert (tmp_path / "out.json").read_bytes() == before
    CliRunner().invoke(app, [*arguments, "--seed", "1", "--out", str(tmp_path / "out.json")], catch_exceptions=False)
    assert (tmp_path / "out.json").read_bytes() != before
    with pytest.raises(UserError, match=r"has to end in \.json or \.csv"):
        CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "out.txt")], catch_exceptions=False)


def test_few_videos_are_said(tmp_path):
    videos = [f"v{n}" for n in range(10)]
    for name, correct in (("a", [1] * 10), ("b", [0] * 10)):
        answer(tmp_path / name, correct, videos)
    done = CliRunner().invoke(app, ["compare-runs", str(tmp_path / "a"), str(tmp_path / "b")], catch_exceptions=False)
    assert "note: 10 videos are too few to trust an interval" in done.output
    assert not compared(tmp_path / "a", tmp_path / "b").rows[0].significant


def real(shared, folder, file: str, split: str, always: int | None = None) -> tuple[np.ndarray, list[str]]:
    """Writes a run with the answers of a published file, or of a system that says `always` the same."""
    entries = json.loads((shared / "data/predictions" / file).read_text())
    correct = [(entry["prediction"] if always is None else always) == entry["answer"] for entry in entries.values()]
    videos = [key.rpartition("_")[0] for key in entries]
    answer(folder, correct, videos, qids=list(entries), split=split)
    return np.array(correct, dtype=int), videos


def test_real_predictions_have_the_interval_of_the_sandwich_formula(tmp_path, shared):
    """HQGA on NExT-QA's test split against the first candidate; the standard error of a ratio over videos by itself."""
    mine, videos = real(shared, tmp_path / "a", "nextqa-test-HQGA.json", "test")
    first, _ = real(shared, tmp_path / "b", "nextqa-test-HQGA.json", "test", always=0)
    row = compared(tmp_path / "a", tmp_path / "b").rows[0]
    by_video = pd.DataFrame({"gain": mine - first, "asked": 1}).groupby(videos).sum()
    mean = by_video["gain"].sum() / len(mine)
    error = np.sqrt(((by_video["gain"] - mean * by_video["asked"]) ** 2).sum()) / len(mine)
    assert (row.questions, row.videos, row.difference) == (8564, 1000, pytest.approx(100 * mean))
    assert (row.low, row.high) == pytest.approx((100 * (mean - 1.96 * error), 100 * (mean + 1.96 * error)), abs=0.05)
    assert row.only_a == int(((mine == 1) & (first == 0)).sum()) and row.p < 1e-100


def test_real_predictions_of_two_splits_are_refused(tmp_path, shared):
    real(shared, tmp_path / "HQGA", "nextqa-test-HQGA.json", "test")
    real(shared, tmp_path / "HGA", "nextqa-val-HGA.json", "val")
    assert "is of the split test and" in refused(tmp_path / "HQGA", tmp_path / "HGA")
    real(shared, tmp_path / "HGA", "nextqa-val-HGA.json", "test")
    assert "have no question in common" in refused(tmp_path / "HQGA", tmp_path / "HGA")
