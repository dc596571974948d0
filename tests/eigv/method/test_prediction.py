"""Answers and rationales of a model at rest, on every backbone with both forms of answers."""

import dataclasses

import torch

from tests.eigv.method.small_models import every_backbone, every_form, small_batch, small_model


@every_backbone
@every_form
def test_evaluation_is_deterministic_and_does_not_depend_on_thesmall_batch(backbone: str, form: str) -> None:
    model, batch = small_model(form, 0.3, backbone).eval(), small_batch(form)
    A = batch.candidates
    last = dataclasses.replace(
        batch,
        video=batch.video[3:],
        tokens=batch.tokens[3 * A :],
        lengths=batch.lengths[3 * A :],
        answer=batch.answer[3:],
    )
    for source in ("video", "causal-scene"):
        first, second = model.predict(batch, source), model.predict(batch, source)
        assert first.logits.shape == (4, 3 if form == "multiple-choice" else 4)
        assert torch.equal(first.logits, second.logits)
        assert torch.equal(first.scene.causal, second.scene.causal)
        assert torch.equal(first.scene.causal, (first.scene.probability_causal > 0.5).float())
        alone = model.predict(last, source)
        torch.testing.assert_close(first.logits[3:], alone.logits, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(first.scene.probability_causal[3:], alone.scene.probability_causal)


@every_form
def test_the_answer_from_the_causal_scene_forgets_the_environment(form: str) -> None:
    model, batch = small_model(form).eval(), small_batch(form)
    scene = model.rationale(batch, "causal-scene")
    assert 0 < scene.causal.mean() < 1
    whole, alone = model.answer(batch), model.answer(batch, "causal-scene")
    assert not torch.allclose(whole, alone)
    if form == "open-ended":
        causal = dataclasses.replace(batch, video=scene.causal[..., None] * batch.video)
        torch.testing.assert_close(alone, model.answer(causal))
