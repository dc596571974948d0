"""Each explainer against what it is defined as, by hand, on real models."""

import pytest
import torch

from eigv.explanations.attributions import EXPLAINERS, explainers, logits_of
from tests.eigv.method.small_models import every_backbone, every_form, small_batch, small_model


@pytest.fixture(autouse=True)
def _on_one_thread(one_thread: None) -> None:
    pass


def made(form: str, backbone: str):
    model, batch = small_model(form, backbone=backbone).double().eval(), small_batch(form)
    batch = batch.__class__(**vars(batch) | {"video": batch.video.double(), "tokens": batch.tokens.double()})
    return model, batch, model.answer(batch).argmax(dim=1)


def logit(model, batch, answer, video):
    return logits_of(model, batch)(video, torch.arange(batch.size))[torch.arange(batch.size), answer]


@every_backbone
@every_form
def test_what_is_explained_is_what_the_model_answers(backbone: str, form: str) -> None:
    model, batch, _ = made(form, backbone)
    torch.testing.assert_close(logits_of(model, batch)(batch.video, torch.arange(4)), model.answer(batch))


@every_backbone
@every_form
def test_an_occluded_clip_is_worth_what_the_logit_falls(backbone: str, form: str) -> None:
    model, batch, answer = made(form, backbone)
    found = EXPLAINERS["occlusion"](model, batch, answer)
    whole = logit(model, batch, answer, batch.video)
    for clip in range(batch.video.shape[1]):
        video = batch.video.clone()
        video[:, clip] = 0
        torch.testing.assert_close(
            found[:, clip].double(), whole - logit(model, batch, answer, video), rtol=1e-4, atol=1e-6
        )


@every_backbone
@every_form
def test_gradient_x_input_is_the_slope_along_the_features(backbone: str, form: str) -> None:
    model, batch, answer = made(form, backbone)
    found = EXPLAINERS["gradient x input"](model, batch, answer).double().sum(dim=1)
    step = 1e-5
    up, down = (logit(model, batch, answer, batch.video * (1 + sign * step)) for sign in (1, -1))
    torch.testing.assert_close(found, (up - down) / (2 * step), rtol=1e-2, atol=1e-4)
    assert all(p.grad is None for p in model.parameters())


@every_form
def test_integrated_gradients_add_up_to_the_difference_from_nothing(form: str) -> None:
    model, batch, answer = made(form, "hga")
    found = EXPLAINERS["integrated gradients"](model, batch, answer).double().sum(dim=1)
    expected = logit(model, batch, answer, batch.video) - logit(model, batch, answer, 0 * batch.video)
    torch.testing.assert_close(found, expected, rtol=0.1, atol=0.05)


@every_form
def test_a_wide_window_covers_neighbours_too(form: str) -> None:
    model, batch, answer = made(form, "hga")
    found = EXPLAINERS["occlusion, 3 clips"](model, batch, answer).double()
    whole = logit(model, batch, answer, batch.video)
    fallen = []
    for first in range(batch.video.shape[1] - 2):
        video = batch.video.clone()
        video[:, first : first + 3] = 0
        fallen.append(whole - logit(model, batch, answer, video))
    torch.testing.assert_close(found[:, 0], fallen[0], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(found[:, 1], (fallen[0] + fallen[1]) / 2, rtol=1e-4, atol=1e-6)


@every_form
@pytest.mark.parametrize("backbone", ["comem", "mspan"])
def test_attention_is_the_backbone_s_to_the_text_of_the_answer(backbone: str, form: str) -> None:
    model, batch, _ = made(form, backbone)
    answer = torch.tensor([0, 2, 1, 2])
    found = explainers(model)["attention"](model, batch, answer)
    texts = 3 * torch.arange(4) + answer if form == "multiple-choice" else torch.arange(4)
    clips = model.backbone.encode_clips(batch.video)
    tokens = model.backbone.encode_tokens(batch.tokens, batch.lengths)
    expected = model.backbone.clip_weights(clips, tokens, torch.arange(4), texts)
    torch.testing.assert_close(found, expected)
    assert not found.requires_grad


def test_a_backbone_that_weighs_no_clips_has_no_attention_to_explain_by() -> None:
    model, _, _ = made("open-ended", "hga")
    assert list(explainers(model)) == list(EXPLAINERS)
