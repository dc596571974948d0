"""IGV: its losses by hand, its three answers against their words, and what teaches its indicator."""

import dataclasses
from math import log

import pytest
import torch
from torch import Tensor

from eigv.config.methods import METHODS
from eigv.config.run import EigvSettings, GroundingSettings, IgvSettings, RunSettings
from eigv.method import igv
from eigv.method.draws import Draws
from eigv.method.grounding import Scene, never_empty
from eigv.method.model import VideoQA
from tests.eigv.method.small_models import BANK, every_form, small_batch, small_model
from tests.eigv.method.test_model import Decided

BACKBONES = pytest.mark.parametrize("backbone", ["hga", "comem", "hcrn", "mspan"])
IGV = METHODS["igv"]


def model_of(form: str, backbone: str = "hga", query: str = "answer", filled: bool = True) -> VideoQA:
    built = small_model(form, backbone=backbone)
    grounding = GroundingSettings(query=query, never_empty=filled)
    torch.manual_seed(0)
    return VideoQA(built.backbone, built.classes, grounding, environment="dropped")


def step(model: VideoQA, form: str, draws: Draws | None = None, **igv_settings):
    settings = EigvSettings(igv=IgvSettings(**igv_settings))
    return model.training_step(small_batch(form), IGV, draws or Draws(0), BANK, settings)


def test_the_divergences_by_hand() -> None:
    f, m = torch.tensor([[0.8, 0.2], [0.5, 0.5]]).log(), torch.tensor([[0.4, 0.6], [0.5, 0.5]]).log()
    expected = (0.8 * log(2) + 0.2 * log(1 / 3)) / 2
    assert igv.divergence(f, m).item() == pytest.approx(expected, rel=1e-5)
    assert igv.from_uniform(m).item() == pytest.approx((0.5 * log(0.5 / 0.4) + 0.5 * log(0.5 / 0.6)) / 2, rel=1e-5)


@every_form
def test_the_losses_are_weighed_and_named(form: str) -> None:
    losses = step(model_of(form), form, invariance=0.5, environment=2.0)
    assert set(losses.others) == {"invariance_loss", "environment_loss"} and losses.contrastive is None
    expected = losses.answer + 0.5 * losses.others["invariance_loss"] + 2 * losses.others["environment_loss"]
    torch.testing.assert_close(losses.total.detach(), expected)


@every_form
@BACKBONES
def test_the_answers_are_of_the_scene_of_the_rest_and_of_the_scene_among_other_clips(form: str, backbone: str) -> None:
    model, batch = model_of(form, backbone).eval(), small_batch(form)
    found = igv.branches(model, batch, Draws(3), BANK, EigvSettings())
    texts = model.backbone.encode_tokens(batch.tokens, batch.lengths)
    n = len(batch.tokens)  # every text grounds a scene of its own
    each, video = torch.arange(n), batch.video.repeat_interleave(batch.candidates, dim=0)
    causal = found.scene.causal.detach() > 0.5
    assert len(causal) == n

    draws = Draws(3)
    draws.gumbel((n, 2, 5))
    excluded = batch.excluded.repeat_interleave(batch.candidates, dim=0)
    mixed = video.where(causal[..., None], BANK.draw(excluded, (5,), draws))
    for keep, of, logits in (
        (~causal, video, found.environment),
        (causal, video, found.causal),
        (torch.ones_like(causal), mixed, found.mixed),
    ):
        clips = model.backbone.encode_kept(model.backbone.map_clips(of), keep)
        expected = model.heads.scores(model.backbone.fuse(clips, texts, each, each)).view(4, -1)
        torch.testing.assert_close(logits, expected, atol=1e-5, rtol=1e-5)


@BACKBONES
def test_the_question_may_ask_for_one_scene_of_all_candidates(backbone: str) -> None:
    model, batch = model_of("multiple-choice", backbone, query="question"), small_batch("multiple-choice")
    found = igv.branches(model, batch, Draws(0), BANK, EigvSettings())
    assert found.scene.causal.shape == (4, 5) and found.causal.shape == (4, 3)


@every_form
def test_the_official_codes_cut_the_gradient_through_the_mix_or_everywhere(form: str) -> None:
    def gradient(how: str) -> Tensor:
        model = model_of(form)
        step(model, form, gradient=how).total.backward()
        found = [p.grad for p in model.grounding.parameters() if p.grad is not None]
        return torch.cat([g.flatten() for g in found]) if found else torch.zeros(1)

    everywhere, scenes, nowhere = (gradient(how) for how in ("all", "scenes", "none"))
    assert everywhere.any() and scenes.any() and not nowhere.any()
    assert not torch.allclose(everywhere, scenes)


@every_form
@pytest.mark.parametrize("causal", [True, False], ids=["all causal", "none causal"])
def test_an_empty_scene_is_that_of_one_clip_or_officially_of_zeros(form: str, causal: bool) -> None:
    batch = small_batch(form)
    for filled in (True, False):
        model = model_of(form, filled=filled).eval()
        found = igv.branches(model, batch, Decided(causal), BANK, EigvSettings())
        clips = (4 if causal else 1) if filled else 5 * causal
        assert (found.scene.causal.sum(dim=1) == clips).all()
        if not filled:
            empty = found.environment if causal else found.causal
            other = dataclasses.replace(batch, video=batch.video + 1)
            again = igv.branches(model, other, Decided(causal), BANK, EigvSettings())
            torch.testing.assert_close(empty, again.environment if causal else again.causal)
            # Without a causal scene, what is mixed is the video itself; with nothing else, too.
            torch.testing.assert_close(found.mixed, found.causal if causal else found.environment)


def test_the_clip_that_fills_a_scene_is_the_likeliest_and_the_gradient_stays() -> None:
    soft = torch.tensor([[0.2, 0.4, 0.3], [0.9, 0.6, 0.7], [0.2, 0.8, 0.3]], requires_grad=True)
    hard = (soft > 0.5).float() + (soft - soft.detach())
    scene = never_empty(Scene(hard, 1 - hard, soft, 1 - soft))
    assert scene.causal.tolist() == [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    assert torch.equal(scene.environment, 1 - scene.causal)
    scene.causal.sum().backward()
    assert torch.equal(soft.grad, torch.ones(3, 3))
    lone = torch.tensor([[1.0]])
    assert never_empty(Scene(lone, 1 - lone, lone, 1 - lone)).causal.item() == 1


@every_form
@BACKBONES
def test_answers_come_from_the_clips_of_the_scene_that_is_the_rationale(form: str, backbone: str) -> None:
    model, batch = model_of(form, backbone).eval(), small_batch(form)
    found = model.predict(batch, "causal-scene")
    best = found.logits.argmax(dim=1)
    chosen = found.scene.causal > 0.5
    assert chosen.any(dim=1).all()
    other = dataclasses.replace(batch, video=batch.video.where(chosen[..., None], 0.0))
    texts, rows = model.backbone.encode_tokens(batch.tokens, batch.lengths), torch.arange(4)
    logits = model.read_part(other.video, chosen, texts, rows, batch.text_of(best))
    expected = found.logits if form == "open-ended" else found.logits.gather(1, best[:, None])
    torch.testing.assert_close(logits, expected, atol=1e-5, rtol=1e-5)


def test_a_run_has_the_defaults_of_the_method_unless_it_says_otherwise() -> None:
    names = {"backbone": "hga", "features": "app+mot", "seed": 0}
    plain, own = (RunSettings.model_validate(names | {"method": name}) for name in ("eigv", "igv"))
    assert (plain.inference.answer_from, plain.inference.environment) == ("video", "zeroed")
    assert (own.inference.answer_from, own.inference.environment) == ("causal-scene", "dropped")
    assert (own.eigv.grounding.query, own.eigv.grounding.never_empty) == ("answer", True)
    said = {"method": "igv", "eigv": {"grounding": {"never_empty": False}}, "inference": {"answer_from": "video"}}
    settings = RunSettings.model_validate(names | said)
    assert not settings.eigv.grounding.never_empty and settings.eigv.grounding.query == "answer"
    assert settings.inference.answer_from == "video" and settings.inference.environment == "dropped"
    assert RunSettings.model_validate(settings.model_dump(mode="json")) == settings
