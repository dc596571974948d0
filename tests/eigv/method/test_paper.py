"""Where the official code leaves the paper's text: what the paper's settings do, and what each switch does."""

import dataclasses

import pytest
import torch
from torch import Tensor

from eigv.backbones import ClipWidths, build
from eigv.config.methods import METHODS, Method
from eigv.config.official import VARIANTS, official
from eigv.config.run import BackbonesSettings, DisruptorSettings, EigvSettings, GroundingSettings
from eigv.method.batch import Batch
from eigv.method.model import VideoQA
from eigv.method.objective import contrastive_loss
from tests.eigv.method.small_models import (
    BANK,
    SETTINGS,
    SIZES,
    every_backbone,
    every_form,
    small_batch,
    small_model,
    widths_of,
)
from tests.eigv.method.test_model import Fixed

VIDEOS = torch.randn(3, 5, 10, generator=torch.Generator().manual_seed(1))


def clips_of(backbone: str, representation: str, video: Tensor) -> Tensor:
    """What the indicator looks at, in double precision."""
    sizes = getattr(SIZES, backbone).model_copy(update={"video_representation": representation})
    torch.manual_seed(0)
    built = build(backbone, SIZES.model_copy(update={backbone: sizes}), ClipWidths(6, 4), token_width=6)
    return built.double().eval().encode_clips(video.double()).local.detach()


@pytest.mark.parametrize("backbone", ["comem", "hga", "mspan"])
def test_the_width_is_512_and_the_indicator_looks_at_a_linear_layer(backbone: str) -> None:
    built = build(backbone, BackbonesSettings(), ClipWidths(6, 4), token_width=6).eval()
    assert built.width == built.encode_clips(VIDEOS).local.shape[2] == 512
    one, two, none = (clips_of(backbone, "linear", video) for video in (VIDEOS, VIDEOS.flip(0), 0 * VIDEOS))
    both = clips_of(backbone, "linear", VIDEOS.double() + VIDEOS.double().flip(0))
    torch.testing.assert_close(one + two - none, both)
    other_end = VIDEOS.clone()
    other_end[:, -1] += 1
    assert torch.equal(clips_of(backbone, "linear", other_end)[:, :-1], one[:, :-1])  # clip by clip


@pytest.mark.parametrize("backbone", ["comem", "hga"])
def test_recurrent_states_know_of_the_clips_before(backbone: str) -> None:
    other_start = VIDEOS.clone()
    other_start[:, 0] += 1
    changed = clips_of(backbone, "recurrent", other_start) - clips_of(backbone, "recurrent", VIDEOS)
    assert (changed.abs().amax(dim=2) > 0).all()


def asked(batch: Batch, query: str, backbone: str = "hga") -> Tensor:
    """P(causal) of each clip while training, without noise."""
    torch.manual_seed(0)
    model = VideoQA(build(backbone, SIZES, widths_of(backbone), token_width=6), None, GroundingSettings(query=query))
    draws = Fixed(torch.arange(batch.size), 1.0, 1.0)
    losses = model.eval().training_step(batch, METHODS["intervener"], draws, BANK, SETTINGS)
    assert losses.scene is not None
    return losses.scene.probability_causal.detach()


@every_backbone
def test_the_indicator_does_not_hear_which_candidate_is_right(backbone: str) -> None:
    batch = small_batch("multiple-choice")
    other = dataclasses.replace(batch, answer=(batch.answer + 1) % 3)
    torch.testing.assert_close(asked(batch, "question", backbone), asked(other, "question", backbone))
    assert not torch.allclose(asked(batch, "answer", backbone), asked(other, "answer", backbone))


@every_backbone
@pytest.mark.parametrize("source", ["video", "causal-scene"])
def test_a_rationale_is_the_question_s_whatever_the_order_of_candidates(backbone: str, source: str) -> None:
    model, batch = small_model("multiple-choice", backbone=backbone).eval(), small_batch("multiple-choice")
    texts = torch.arange(12).view(4, 3).flip(1).flatten()
    turned = dataclasses.replace(batch, tokens=batch.tokens[texts], lengths=batch.lengths[texts])
    one, two = model.predict(batch, source), model.predict(turned, source)
    torch.testing.assert_close(one.logits, two.logits.flip(1), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(one.scene.probability_causal, two.scene.probability_causal)
    torch.testing.assert_close(one.elsewhere.attention_causal[0], model.predict(batch).elsewhere.attention_causal[0])


def test_asked_with_answers_every_candidate_has_a_scene_of_its_own() -> None:
    model, batch = small_model("multiple-choice").eval(), small_batch("multiple-choice")
    model.query = "answer"
    texts = model.backbone.encode_tokens(batch.tokens, batch.lengths)
    clips = model.backbone.encode_clips(batch.video)
    prediction = model.predict(batch, "causal-scene")
    best = prediction.logits.argmax(dim=1)
    scene = model.grounding(clips.local, texts.pooled[batch.text_of(best)])
    torch.testing.assert_close(prediction.scene.attention_causal, scene.attention_causal)


@every_backbone
@every_form
@pytest.mark.parametrize("random_question", ["sample", "mixed"])
def test_a_random_question_is_a_third_sample_s_and_not_mixed(backbone: str, form: str, random_question: str) -> None:
    model, batch = small_model(form, backbone=backbone).double().eval(), small_batch(form, 3)
    batch = dataclasses.replace(batch, video=batch.video.double(), tokens=batch.tokens.double())
    how = EigvSettings(disruptor=DisruptorSettings(negatives=2, random_question=random_question))  # type: ignore[arg-type]
    partner = torch.tensor([1, 2, 0])
    losses = model.training_step(batch, Method(mix="video", disrupt_question=True), Fixed(partner, 0.3, 0.3), None, how)

    clips = model.backbone.encode_clips(0.3 * batch.video + 0.7 * batch.video[partner])
    texts = model.backbone.encode_tokens(batch.tokens, batch.lengths)
    question, own = texts.select(batch.text_of(batch.answer)), torch.arange(3)
    mixed = question.mix(question.select(partner), torch.full((3,), 0.3, dtype=torch.double))
    anchor = model.backbone.fuse(clips, mixed, own, own)
    third = model.backbone.fuse(clips, question, own, (own + 2) % 3)
    expected = contrastive_loss(anchor, anchor, third[:, None].expand(3, 2, -1))
    assert losses.contrastive is not None
    assert torch.isclose(losses.contrastive, expected.detach(), rtol=0, atol=1e-8) == (random_question == "sample")


def test_answer_representations_are_contrasted_as_they_are_unless_a_head_is_asked_for() -> None:
    backbone = build("hga", SIZES, ClipWidths(6, 4), token_width=6)
    plain, projected = VideoQA(backbone, 4), VideoQA(backbone, 4, projection=True)
    represented = torch.randn(2, backbone.answer_width)
    assert torch.equal(plain.heads.project(represented), represented)
    assert not torch.allclose(projected.heads.project(represented), represented)
    assert not [name for name, _ in plain.named_parameters() if "projection" in name]


@pytest.mark.parametrize(("dataset", "backbone"), VARIANTS)
def test_the_official_settings_name_every_switch(dataset: str, backbone: str) -> None:
    values = official(dataset, backbone)
    eigv, training = values["eigv"], values["training"]
    assert eigv["grounding"]["query"] == "answer" and eigv["objective"]["projection_head"]
    assert (eigv["disruptor"]["questions"], eigv["disruptor"]["random_question"]) == ("permuted", "mixed")
    assert (training["decay_at"], training["decay_factor"]) == (6, 0.5)
    if backbone != "mspan":
        assert values["backbones"][backbone]["video_representation"] == "recurrent"
    if backbone == "hga":
        assert values["backbones"]["hga"]["hidden"] == 512
