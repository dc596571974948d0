"""Questions answered in another order, sharing videos: the same answers, and each video encoded once."""

import numpy as np
import pytest
import torch

from eigv.backbones import ClipWidths
from eigv.config.run import RunSettings
from eigv.method.draws import Draws
from eigv.runs import answering
from eigv.runs.answering import Answering
from eigv.runs.data import Split, Videos
from eigv.runs.model_files import ModelCard
from tests.eigv import synthetic
from tests.eigv.method.small_models import small_batch, small_model

FORMS = pytest.mark.parametrize("multiple_choice", [True, False], ids=["multiple-choice", "open-ended"])


def model_and_split(folder, multiple_choice: bool, backbone: str = "hga", query: str = "question"):
    """A model that is not trained, and a split of 30 questions about 9 videos, in an order that mixes them."""
    data = synthetic.write(folder, multiple_choice=multiple_choice, videos=60)
    split = Split.read("train", data["questions"], data["text"], Videos.read(data["video"], "app"), training=True)
    rng = np.random.default_rng(0)
    split.video_row[:] = rng.choice(np.unique(split.video_row)[:9], len(split))
    settings = RunSettings.model_validate(
        {"backbone": backbone, "method": "eigv", "features": "app", "seed": 0, "eigv": {"grounding": {"query": query}}}
    )
    torch.manual_seed(0)
    widths = ClipWidths(split.videos.features.shape[2], 0)
    classes = None if multiple_choice else int(split.answers.max()) + 1
    card = ModelCard(settings, widths, token_width=split.tokens.tokens.shape[1], classes=classes)
    return card.build().eval(), split


@FORMS
@pytest.mark.parametrize(("backbone", "query"), [("hga", "answer"), ("comem", "question"), ("mspan", "question")])
@pytest.mark.parametrize("answer_from", ["video", "causal-scene"])
def test_answers_are_those_of_each_question_alone(tmp_path, monkeypatch, multiple_choice, backbone, query, answer_from):
    monkeypatch.setattr(answering, "WINDOW", 2)  # 14 questions, less than there are
    model, split = model_and_split(tmp_path, multiple_choice, backbone, query)
    asked = np.arange(1, len(split))
    seen = []
    for rows, found in Answering(model, 7, "cpu", answer_from=answer_from, both=True).of(split, asked):
        seen += rows.tolist()
        other = "causal-scene" if answer_from == "video" else "video"
        for row, logits, others, chance in zip(
            rows, found.logits, found.other, found.scene.probability_causal, strict=True
        ):
            batch = split.batch(np.array([row]))
            alone = model.predict(batch, answer_from)
            torch.testing.assert_close(logits, alone.logits[0], atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(
                others, model.answer(split.batch(np.array([row])), other)[0], atol=1e-5, rtol=1e-4
            )
            torch.testing.assert_close(chance, alone.scene.probability_causal[0])
    assert sorted(seen) == asked.tolist()


@FORMS
def test_a_video_is_encoded_once_for_all_its_questions(tmp_path, monkeypatch, multiple_choice):
    model, split = model_and_split(tmp_path, multiple_choice)
    encoded = []
    encode = model.backbone.encode_clips
    monkeypatch.setattr(model.backbone, "encode_clips", lambda video: encoded.append(len(video)) or encode(video))
    longest = []
    for rows, _ in Answering(model, 8, "cpu").of(split, np.arange(len(split))):
        longest += split.longest[rows].tolist()
    assert sum(encoded) == len(np.unique(split.video_row)) == 9
    assert longest == sorted(longest) and longest[0] < longest[-1]


@pytest.mark.parametrize("query", ["question", "answer"])
def test_noise_decides_the_scenes_that_are_answered(query):
    model, batch = small_model("multiple-choice").eval(), small_batch("multiple-choice")
    model.query = query
    clips, (T, K) = model.backbone.encode_clips(batch.video), (len(batch.tokens), batch.video.shape[1])
    drawn = T // batch.size if query == "answer" else 1
    noise = Draws(3).gumbel((2, batch.size, drawn, 2, K))
    noise[1] = 0  # no noise: the scene that is answered else
    found = model.answers_under_noise(batch, clips, noise)
    torch.testing.assert_close(found[1], model.answer(batch, "causal-scene"))
    noise[0, :, :, 0], noise[0, :, :, 1] = 9, -9  # every clip is causal
    torch.testing.assert_close(model.answers_under_noise(batch, clips, noise)[0], model.answer(batch, "video"))


@pytest.mark.parametrize("query", ["question", "answer"])
def test_noise_belongs_to_questions_whatever_batch_they_are_in(tmp_path, query):
    model, split = model_and_split(tmp_path, multiple_choice=True, query=query)
    few, all_ = (Answering(model, size, "cpu").accuracies_under_noise(split, 4, Draws(0)) for size in (7, len(split)))
    assert few.tolist() == all_.tolist() and len(set(few)) > 1
