"""What an evaluation writes is of the split, the questions, the answers and the clips that it says."""

import json

import numpy as np
import pandas as pd
import pytest

from base.errors import UserError
from base.formats.vocabulary import read_vocabulary, write_vocabulary
from eigv.runs.evaluation import evaluate
from eigv.runs.explaining import explain
from eigv.runs.training import train
from tests.eigv import numbered
from tests.eigv.runs.scripted import FIRST, Scripted, settings

pytestmark = pytest.mark.usefixtures("one_thread")

RIGHT = {"train": [3, 9, 9], "val": [5, 10, 9], "test": [2, 2, 4]}
"""Questions that are answered right, by epoch: the second is kept, and evaluation comes after the third."""


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Trains three epochs and evaluates on a split; returns the metrics and the rows of `predictions.csv`."""

    def evaluated(split, *, multiple_choice, method="eigv", answer_from="video", **measured):
        data = numbered.write(tmp_path, multiple_choice=multiple_choice)
        Scripted(monkeypatch, RIGHT)
        train(settings(method, epochs=3), **data, out=tmp_path / "run", state=tmp_path / "state", device="cpu")
        folder = tmp_path / "run" / split
        metrics = evaluate(
            tmp_path / "run/model.json", split, **data, answer_from=answer_from, out=folder, device="cpu", **measured
        )
        return metrics, pd.read_csv(folder / "predictions.csv", dtype=str, keep_default_na=False)

    return evaluated


@pytest.mark.parametrize("split", ["val", "test"])
@pytest.mark.parametrize("multiple_choice", [True, False], ids=["multiple-choice", "open-ended"])
def test_accuracies_are_of_the_questions_of_the_split(results, split, multiple_choice):
    metrics, rows = results(split, multiple_choice=multiple_choice)
    count, right = len(numbered.VIDEOS[split]) * numbered.ROUNDS[split], RIGHT[split][2]
    numbers = [FIRST[split] + n for n in range(count)]
    assert rows["qid"].tolist() == [f"q{m}" for m in numbers]
    assert rows["video_id"].tolist() == [f"v{n}" for n in numbered.VIDEOS[split] * numbered.ROUNDS[split]]
    answers = [numbered.answer_of(m, multiple_choice) for m in numbers]
    names = [str(n) for n in range(5)] if multiple_choice else numbered.WORDS
    assert rows["answer"].tolist() == [names[answer] for answer in answers]
    shown = [names[answer if n < right else answer - 1] for n, answer in enumerate(answers)]
    assert rows["prediction"].tolist() == shown
    assert rows["correct"].astype(int).tolist() == [int(n < right) for n in range(count)]
    assert (metrics["split"], metrics["questions"]) == (split, count)
    assert metrics["accuracy"] == pytest.approx(100 * right / count)
    assert metrics["accuracy_from_causal-scene"] == pytest.approx(100 * (right - 1) / count)
    for name in ("who", "what"):
        of_type = [m for m in numbers if ("what" if m % 4 else "who") == name]
        found = metrics["by_type"][name]
        assert found["questions"] == len(of_type)
        assert found["accuracy"] == pytest.approx(100 * sum(m < FIRST[split] + right for m in of_type) / len(of_type))
    assert (metrics["epoch"], metrics["val_accuracy"]) == (2, pytest.approx(100 * 10 / 12))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda words: words[::-1], "as many others, or in another order"),
        (lambda words: [*words[:-1], "another"], "as many others, or in another order"),
        (lambda words: words[:-1], f"{len(numbered.WORDS) - 1} answers to choose from: not the same data set"),
        (lambda words: [], "multiple choice: not the same data set"),
    ],
)
def test_a_model_answers_only_from_the_vocabulary_that_it_was_trained_on(tmp_path, monkeypatch, change, said):
    data = numbered.write(tmp_path, multiple_choice=False)
    Scripted(monkeypatch, RIGHT)
    train(settings("eigv", epochs=1), **data, out=tmp_path / "run", state=tmp_path / "state", device="cpu")
    write_vocabulary(data["questions"], change(read_vocabulary(data["questions"])))
    model = tmp_path / "run/model.json"
    with pytest.raises(UserError, match=said):
        explain(model, **data, out=tmp_path / "explained", state=tmp_path / "state", device="cpu")
    with pytest.raises(UserError, match=said):
        evaluate(model, "test", **data, answer_from="video", out=tmp_path / "out", device="cpu")


def test_answers_from_the_causal_scene_are_reported_as_such(results, tmp_path):
    metrics, rows = results("test", multiple_choice=False, answer_from="causal-scene", faithful=2)
    settings = json.loads((tmp_path / "run/test/run.json").read_text())["settings"]
    said = {"answer_from": "causal-scene", "environment": "zeroed", "faithfulness": 2, "noise_draws": 0}
    assert settings["inference"] == said  # as it was evaluated
    assert metrics["accuracy"] == pytest.approx(100 * 3 / 6) == 100 * rows["correct"].astype(int).mean()
    assert metrics["accuracy_from_video"] == pytest.approx(100 * 4 / 6)


@pytest.mark.parametrize("split", ["val", "test"])  # in two batches, in one
def test_a_rationale_is_of_the_own_video(results, split):
    _, rows = results(split, multiple_choice=False)
    shown = 0
    for clips, seconds, video_id in zip(rows["causal_clips"], rows["causal_spans"], rows["video_id"], strict=True):
        causal = [int(clip) for clip in clips.split()]
        first = [int(video_id[1:]) + 3 * clip for clip in causal]  # frames of each: this and the next two
        spans = [tuple(map(float, span.split("-"))) for span in seconds.split()]
        covered = sum(end - start for start, end in spans)
        assert covered == pytest.approx(3 * len(causal) / numbered.FPS, abs=0.02 * len(spans))
        if causal:
            shown += 1
            assert spans[0][0] == pytest.approx(first[0] / numbered.FPS, abs=0.01)
            assert spans[-1][1] == pytest.approx((first[-1] + 3) / numbered.FPS, abs=0.01)
    assert shown > 0


def test_a_method_that_does_not_ground_shows_no_rationale(results):
    metrics, rows = results("test", multiple_choice=True, method="erm")
    assert "causal_clips" not in rows and "rationale" not in metrics


def test_rationales_are_measured_against_the_gold_of_their_own_question(results, tmp_path):
    """Of video n clip k begins at frame n + 3 k; gold is clip m % 4 of question m, and none for the last question."""
    video_of = dict(enumerate(numbered.VIDEOS["val"] * numbered.ROUNDS["val"], start=FIRST["val"]))
    begins = {m: (video + 3 * (m % 4)) / numbered.FPS for m, video in video_of.items()}
    spans = {f"q{m}": [[begins[m], begins[m] + 3 / numbered.FPS]] for m in [*video_of][:-1]}
    (tmp_path / "gold.json").write_text(json.dumps(spans))
    metrics, rows = results("val", multiple_choice=False, gold=tmp_path / "gold.json", faithful=5)
    found = metrics["rationale"]["gold"]
    assert (found["questions"], found["without_gold"], found["without_gold_clip"]) == (len(video_of) - 1, 1, 0)
    iop, right = [], []
    for qid, clips, correct in zip(rows["qid"][:-1], rows["causal_clips"], rows["correct"], strict=False):
        chosen = [int(clip) for clip in clips.split()]
        iop.append(int(qid[1:]) % 4 in chosen and 1 / len(chosen))
        right.append(correct == "1" and iop[-1] >= 0.5)
    assert found["clips"]["selected"]["iop"] == pytest.approx(100 * np.mean(iop))
    assert found["clips"]["selected"]["acc_gqa"] == pytest.approx(100 * np.mean(right))
    assert found["seconds"]["clips"]["selected"]["iop"] == pytest.approx(100 * np.mean(iop))
    assert found["clips"]["all"]["iop"] == 25 and found["seconds"]["clips"]["gold"]["iou"] == pytest.approx(100)
    assert metrics["rationale"]["faithfulness"]["questions"] == 5
    assert metrics["rationale"]["empty"] == (rows["causal_clips"] == "").sum()


def test_what_is_not_asked_for_is_not_measured(results):
    found = results("test", multiple_choice=True, faithful=0)[0]["rationale"]
    assert "faithfulness" not in found and "gold" not in found and "over_noise" in found
