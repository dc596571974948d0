"""Random parts, the objective of the indicator, and the scene of a mix, each by hand."""

from math import exp, log

import pytest
import torch

from eigv.config.run import FaithfulSettings
from eigv.method.draws import Draws
from eigv.method.faithful import frozen, label_loss, random_parts, select, selection, weights_of
from eigv.method.grounding import Scene
from eigv.method.intervener import Intervention, mixed_scene
from tests.eigv.method.small_models import every_backbone, every_form, small_batch, small_model

PLAIN = FaithfulSettings(completeness=0, price=0, contiguity=0)


def scene_of(rows: list[list[float]]) -> Scene:
    causal = torch.tensor(rows, dtype=torch.float32)
    return Scene(causal, 1 - causal, causal, 1 - causal)


# Answers with probabilities (.8, .2) from the chosen clips, (.4, .6) from the others; the first is right.
OF_SCENE, OF_REST = torch.tensor([[0.8, 0.2]]).log(), torch.tensor([[0.4, 0.6]]).log()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, -log(0.8)),
        ({"completeness": 2.0}, -log(0.8) - 2 * log(0.6)),
        ({"price": 2.0, "gated": False}, -log(0.8) + 2 * 0.5),
        ({"price": 2.0}, -log(0.8) + 0.8 * 2 * 0.5),
        ({"price": 2.0, "gated": False, "budget": 0.2}, -log(0.8) + 2 * 0.3),
        ({"price": 2.0, "gated": False, "budget": 0.6}, -log(0.8)),
        ({"contiguity": 0.3}, -log(0.8) + 0.3 * 2 / 3),
    ],
)
def test_the_objective_by_hand(changed: dict[str, float], expected: float) -> None:
    scene = scene_of([[1, 0, 0, 1]])
    found = selection(scene, OF_SCENE, OF_REST, torch.tensor([0]), PLAIN.model_copy(update=changed))
    assert found.loss.item() == pytest.approx(expected, rel=1e-6)
    assert found.from_scene.tolist() == [True] and found.from_environment.tolist() == [False]


def test_a_question_counts_by_the_chance_of_its_answer_by_hand() -> None:
    """1 / p, of 1 / 100 as of a twentieth: so what an environment says with .8 weighs as much as what it denies."""
    answers = torch.tensor([[0.8, 0.2], [0.8, 0.2], [0.99, 0.01]]).log()
    found = weights_of(answers, torch.tensor([0, 1, 1]))
    assert found.tolist() == pytest.approx([1 / 0.8, 1 / 0.2, 20], rel=1e-6)
    assert 0.8 * found[0].item() == pytest.approx(0.2 * found[1].item())


def test_labels_pull_at_the_clips_of_labelled_samples_alone_by_hand():
    margin = torch.tensor([[2.0, -1.0], [3.0, 3.0]], requires_grad=True)
    scene = Scene(margin.sigmoid().round(), margin.sigmoid().round(), margin, torch.zeros(2, 2))
    gold = torch.tensor([[True, False], [False, False]])
    loss = label_loss(scene, gold)
    loss.backward()
    assert loss.item() == pytest.approx((log(1 + exp(-2)) + log(1 + exp(-1))) / 2, rel=1e-6)
    assert margin.grad[0, 0] < 0 < margin.grad[0, 1] and not margin.grad[1].any()
    assert label_loss(scene, torch.zeros(2, 2, dtype=torch.bool)).item() == 0


def test_an_environment_that_is_sure_costs_a_finite_price() -> None:
    sure = torch.tensor([[90.0, -90.0]], requires_grad=True)
    how = PLAIN.model_copy(update={"completeness": 1.0})
    loss = selection(scene_of([[1, 0]]), OF_SCENE, sure, torch.tensor([0]), how).loss
    loss.backward()
    assert loss.item() == pytest.approx(180 - log(0.8), rel=1e-5) and sure.grad.isfinite().all()


def test_the_gate_has_no_gradient_of_its_own() -> None:
    logits = OF_SCENE.clone().requires_grad_()
    how = PLAIN.model_copy(update={"price": 5.0})
    selection(scene_of([[1, 1]]), logits, OF_REST, torch.tensor([0]), how).loss.backward()
    alone = OF_SCENE.clone().requires_grad_()
    torch.nn.functional.cross_entropy(alone, torch.tensor([0])).backward()
    torch.testing.assert_close(logits.grad, alone.grad)


def test_parts_are_clips_as_they_are_or_nothing_of_every_size() -> None:
    video = torch.rand(4000, 8, 3) + 1
    parts = random_parts(video, Draws(0))
    kept = (parts != 0).all(dim=-1)
    assert torch.equal(parts, kept[..., None] * video)
    # p ~ U(0, 1) makes every number of clips equally likely
    shares = torch.bincount(kept.sum(dim=1), minlength=9) / 4000
    assert shares.min() > 0.085 and shares.max() < 0.14


@every_backbone
@every_form
def test_only_the_indicator_learns(backbone: str, form: str) -> None:
    model = small_model(form, backbone=backbone).eval()
    select(model, small_batch(form), FaithfulSettings(), Draws(0)).loss.backward()
    reached = {name.split(".")[0] for name, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert reached == {"grounding"}
    assert all(p.requires_grad for p in model.parameters())


@every_backbone
@every_form
def test_without_noise_the_choice_is_that_of_a_prediction(backbone: str, form: str) -> None:
    model, batch = small_model(form, backbone=backbone).eval(), small_batch(form)
    found = select(model, batch, FaithfulSettings())
    predicted = model.predict(batch, "causal-scene")
    assert torch.equal(found.scene.causal, predicted.scene.causal)
    assert torch.equal(found.from_scene, predicted.logits.argmax(dim=1) == batch.answer)


def test_what_was_frozen_before_stays_frozen() -> None:
    layer = torch.nn.Linear(2, 2)
    layer.bias.requires_grad_(False)
    with frozen(layer):
        assert not layer.weight.requires_grad
    assert layer.weight.requires_grad and not layer.bias.requires_grad


def test_the_scene_of_a_mix_has_the_causal_clips_of_both_but_not_of_a_trace() -> None:
    scene = scene_of([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]])
    half = torch.tensor([0.5, 0.9, 0.1])
    found = mixed_scene(scene, Intervention(torch.tensor([1, 2, 0]), half, half))
    assert found.causal.tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0]]
    assert torch.equal(found.environment, 1 - found.causal)


@every_form
def test_a_guide_says_the_scenes_and_keeps_its_weights(form: str) -> None:
    model, batch = small_model(form, method="eigv-faithful"), small_batch(form)
    assert not model.train().guide.training and model.training
    predicted, of_guide = model.eval().predict(batch), model.guide.predict(batch)
    assert torch.equal(predicted.scene.causal, of_guide.scene.causal)
    assert not any(p.requires_grad for p in model.guide.parameters())
