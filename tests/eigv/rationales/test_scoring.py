"""`eigv score-grounding`: the published row of whole videos, other forms of files, and what is wrong with them."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from base.errors import UserError
from base.reading import read_json
from eigv.cli import app
from eigv.rationales.scoring import PUBLISHED, score_grounding

GOLD = {"v": {"duration": 20, "fps": 30, "location": {"0": [[0, 10]], "1": [[2, 4], [10, 20]], "2": [[5, 6]]}}}


def files(folder: Path, predictions: Any, gold: Any = GOLD) -> tuple[Path, Path]:
    for name, value in (("predictions", predictions), ("gold", gold)):
        (folder / f"{name}.json").write_text(json.dumps(value))
    return folder / "predictions.json", folder / "gold.json"


@pytest.mark.parametrize(
    ("split", "whole"),
    [("test", [21.1, 20.6, 8.7, 21.1, 20.6, 8.7]), ("val", [21.3, 21.2, 10.6, 21.3, 21.2, 10.6])],
)
def test_whole_videos_score_the_published_random_row(shared, tmp_path, split, whole):
    gold = shared / f"data/nextgqa/gsub_{split}.json"
    videos = read_json(gold, "gold")
    spans = {f"{name}_{qid}": [0, video["duration"]] for name, video in videos.items() for qid in video["location"]}
    found = score_grounding(files(tmp_path, spans)[0], gold)
    assert [round(value, 1) for value in found.metrics.values()] == whole
    assert list(found.metrics) == ["mIoP", "IoP@0.3", "IoP@0.5", "mIoU", "IoU@0.3", "IoU@0.5"]
    assert (found.questions, found.missing) == ({"test": 5553, "val": 3358}[split], 0)
    relative = files(tmp_path, {qid: [0.0, 1.0] for qid in spans})[0]
    assert score_grounding(relative, gold, relative=True).metrics == found.metrics
    assert "no Acc@GQA" in found.notes[-1]


def test_the_published_rows_are_those_of_the_paper(shared):
    with (shared / "data/predictions/nextgqa_published_table1.csv").open() as file:
        theirs = list(csv.DictReader(file))
    with PUBLISHED.open() as file:
        ours = list(csv.DictReader(file))
    assert len(ours) == len(theirs) == 16
    for mine, published in zip(ours, theirs, strict=True):
        assert mine["model"].startswith(published["model"])
        assert all(mine[name] == published[name] for name in mine if name != "model")


def test_gold_scores_in_full(tmp_path):
    found = score_grounding(*files(tmp_path, {f"v_{q}": spans[0] for q, spans in GOLD["v"]["location"].items()}))
    assert set(found.metrics.values()) == {100.0}
    nested = score_grounding(*files(tmp_path, {"v": {q: spans[:1] for q, spans in GOLD["v"]["location"].items()}}))
    assert nested.metrics == found.metrics
    as_gold = score_grounding(*files(tmp_path, GOLD))
    assert as_gold.metrics["IoU@0.5"] == 100.0 and "1 predictions have several spans" in as_gold.notes[0]


def test_missing_predictions_are_wrong_and_counted(tmp_path):
    spans = {
        "v_0": {"span": [0, 5], "prediction": 1, "answer": "1"},
        "v_1": {"span": [0, 20], "prediction": 0, "answer": 1},
        "w_0": [0, 1],
    }
    found = score_grounding(*files(tmp_path, spans))
    assert found.metrics == {
        "Acc@QA": pytest.approx(100 / 3),
        "Acc@GQA": pytest.approx(100 / 3),
        "mIoP": pytest.approx(100 * (1 + 0.5) / 3),
        "IoP@0.3": pytest.approx(200 / 3),
        "IoP@0.5": pytest.approx(200 / 3),
        "mIoU": pytest.approx(100 * (0.5 + 0.5) / 3),
        "IoU@0.3": pytest.approx(200 / 3),
        "IoU@0.5": pytest.approx(200 / 3),
    }
    assert found.missing == 1
    assert found.notes == [
        "1 of 3 questions have no predicted span and count as wrong",
        "1 predictions are of questions without gold spans, the first is 'w_0'",
        "1 of 3 questions have no answer and count as wrong",
    ]


@pytest.mark.parametrize(("as_one", "iop"), [("all", 4 / 6), ("hull", 6 / 14), ("longest", 1.0)])
def test_several_spans_as_one(tmp_path, as_one, iop):
    predictions, gold = files(tmp_path, {"v_0": [[2, 6], [14, 16]]}, {"v_0": [[0, 8]]})
    found = score_grounding(predictions, gold, as_one=as_one)
    assert found.metrics["mIoP"] == pytest.approx(100 * iop)


def test_the_command(tmp_path):
    predictions, gold = files(tmp_path, {"v_0": [0, 10], "v_1": [10, 20]})
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps({f"v_{n}": {"prediction": 0, "answer": n} for n in range(3)}))
    command = ["score-grounding", str(predictions), str(gold), "--answers", str(answers), "--published"]
    result = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "out.json")], catch_exceptions=False)
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["Acc@QA", "Acc@GQA", "mIoP", "IoP@0.3", "IoP@0.5", "mIoU", "IoU@0.3", "IoU@0.5"]
    assert lines[1].split() == ["predictions.json", "33.3", "33.3", *["66.7"] * 6]
    assert lines[3].split() == ["Random", "20.0", "1.7", "21.1", "20.6", "8.7", "21.1", "20.6", "8.7"]
    assert "a row beside yours compares systems, not methods" in lines[-1]
    written = read_json(tmp_path / "out.json", "scores")
    assert written["missing"] == 1 and written["mIoU"] == pytest.approx(200 / 3)


def test_the_predictions_of_a_run(tmp_path):
    gold = files(tmp_path, {})[1]
    run = tmp_path / "predictions.csv"
    run.write_text("qid,correct,causal_spans\nv_0,1,0.00-5.00 8.00-10.00\nv_1,0,\n")
    found = score_grounding(run, gold)
    assert (found.metrics["mIoP"], found.metrics["Acc@GQA"]) == (pytest.approx(100 / 3), pytest.approx(100 / 3))
    assert found.missing == 2


@pytest.mark.parametrize(
    ("predictions", "message"),
    [
        ({"v_0": [3, 1]}, "'v_0': a span goes from a start to a later end"),
        ({"v_0": "soon"}, r"'v_0': expected \[start, end\]"),
        ({"v_0": {"prediction": 1}}, "'v_0' has no `span`: its keys are 'prediction'"),
        ({"x_0": [0, 1]}, "none of its 1 questions has gold spans in .*'x_0', one there is 'v_0'.*another split"),
        ([1], "does not hold an object"),
        ({"v_0": [0, 1], "v": {"0": [0, 1]}}, "'v_0' has two predictions"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, predictions, message):
    with pytest.raises(UserError, match=rf"predictions\.json.*{message}"):
        score_grounding(*files(tmp_path, predictions))


def test_shares_need_durations(tmp_path):
    with pytest.raises(UserError, match="has no durations"):
        score_grounding(*files(tmp_path, {"v_0": [0, 1]}, {"v_0": [[0, 1]]}), relative=True)


def test_other_files_are_named(tmp_path):
    gold = files(tmp_path, {})[1]
    (tmp_path / "p.csv").write_text("qid,prediction\nv_0,1\n")
    with pytest.raises(UserError, match="lacks causal_spans, correct"):
        score_grounding(tmp_path / "p.csv", gold)
    predictions = files(tmp_path, {"v_0": [0, 1]})[0]
    (tmp_path / "a.json").write_text('{"v_0": 1}')
    with pytest.raises(UserError, match="'v_0' has no `prediction` with the right `answer`"):
        score_grounding(predictions, gold, tmp_path / "a.json")


HEADER = "qid,correct,causal_spans\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist"),
        ("", "lacks the column qid"),
        (HEADER, "it holds no question; evaluate the run again"),
        (HEADER + "v_0,True,0.00-5.00\n", "the column correct holds 'True', and not 0 or 1; evaluate the run again"),
        (HEADER + "v_0,1,0.00-5.00\nv_0,0,\n", "the question 'v_0' is in it twice; evaluate the run again"),
        (HEADER + "v_0,1,0.00-5.00\nv_1,0\n", "line 3 has 2 fields and the header 3; .*again"),
        (HEADER + "v_0,1,5.00\n", r"the question 'v_0': expected \[start, end\]"),
        (HEADER + "caf\xe9_0,1,0.00-5.00\n", "is not UTF-8 text: line 2 .*save it as UTF-8"),
    ],
)
def test_what_is_wrong_with_the_predictions_of_a_run_is_named(tmp_path, content, message):
    predictions, gold = files(tmp_path, {"v_0": [0, 1]})
    run = tmp_path / "predictions.csv"
    if content is not None:
        run.write_text(content, encoding="latin-1")
    with pytest.raises(UserError, match=rf"predictions\.csv.*{message}"):
        score_grounding(run, gold)
    if "start" not in message:
        with pytest.raises(UserError, match=rf"predictions\.csv.*{message}"):
            score_grounding(predictions, gold, answers=run)
