"""What a step hands from one part of the method to the next: exclusions, ratios, scenes, noise, questions."""

import dataclasses

import pytest
import torch
from torch import Tensor

from eigv.config.methods import METHODS
from eigv.config.run import DisruptorSettings, EigvSettings, GroundingSettings, IntervenerSettings, ObjectiveSettings
from eigv.method.draws import Draws
from eigv.method.intervener import draw_intervention
from eigv.method.memory_bank import MemoryBank
from eigv.method.objective import answers_of_both
from tests.eigv.method.small_models import BANK, every_form, small_batch, small_model

EXPLICIT = EigvSettings(
    grounding=GroundingSettings(temperature=0.7),
    intervener=IntervenerSettings(alpha=0.4, alpha_environment=2.5),
    disruptor=DisruptorSettings(negatives=3, exclude="own-videos", questions="others", owners="own"),
    objective=ObjectiveSettings(beta=0.3, similarity="dot", temperature=1.0),
)


class Noted(Draws):
    """Draws that note what was asked of them, with a given partner."""

    def __init__(self, partner: list[int]) -> None:
        super().__init__(0)
        self.partner = torch.tensor(partner)
        self.alphas: list[float] = []

    def permutation(self, n: int) -> Tensor:
        return self.partner

    def beta(self, alpha: float, n: int) -> Tensor:
        self.alphas.append(alpha)
        return super().beta(alpha, n)


class NotedBank(MemoryBank):
    """A bank that notes what was asked of it."""

    def draw(self, excluded: Tensor, shape: tuple[int, ...], draws: Draws) -> Tensor:
        self.excluded, self.shape = [set(row) - {-1} for row in excluded.tolist()], shape
        return super().draw(excluded, shape, draws)


PARTNER = [1, 2, 3, 0]


@every_form
@pytest.mark.parametrize("mixed", [True, False], ids=["eigv", "disruptor"])
def test_neither_the_own_video_nor_the_partners_gives_substitutes(form: str, mixed: bool) -> None:
    batch = dataclasses.replace(small_batch(form), excluded=torch.tensor([[4, -1], [5, 8], [6, 6], [7, -1]]))
    bank = NotedBank(BANK.features)
    method = METHODS["eigv" if mixed else "disruptor"]
    small_model(form).training_step(batch, method, Noted(PARTNER), bank, EXPLICIT)
    own = [{4}, {5, 8}, {6}, {7}]
    partners = [own[other] if mixed else set() for other in PARTNER]
    assert bank.excluded == [one | other for one, other in zip(own, partners, strict=True)]
    assert bank.shape == (1 + 3, 5)  # of the positive and of three negatives, every clip


@every_form
def test_clips_that_are_excluded_never_reach_the_losses(form: str) -> None:
    features = BANK.features[:3].clone()
    batch = dataclasses.replace(small_batch(form, 2), video=features[:2].clone())
    features[:2] = torch.nan  # the videos of the two samples, each the other's partner
    losses = small_model(form).training_step(batch, METHODS["eigv"], Noted([1, 0]), MemoryBank(features), EXPLICIT)
    assert losses.total.isfinite() and losses.contrastive is not None and losses.contrastive.isfinite()


@every_form
def test_the_ratios_of_a_step_are_drawn_with_the_alphas_of_its_settings(form: str) -> None:
    draws = Noted(PARTNER)
    small_model(form).training_step(small_batch(form), METHODS["eigv"], draws, BANK, EXPLICIT)
    assert draws.alphas == [0.4, 2.5]


@pytest.mark.parametrize("ratios", ["sample", "batch"])
def test_each_ratio_has_an_alpha_of_its_own(ratios: str) -> None:
    settings = IntervenerSettings(alpha=50, alpha_environment=0.01, ratios=ratios)
    drawn = [draw_intervention(50, settings, Draws(seed)) for seed in range(20)]
    causal, environment = (torch.stack([getattr(mix, name) for mix in drawn]) for name in ("equivariant", "invariant"))
    assert ((causal - 0.5).abs() < 0.25).all()
    assert ((environment - 0.5).abs() > 0.4).float().mean() > 0.8
    assert abs(environment.mean() - 0.5) < 0.3


def test_the_scene_of_a_step_is_grounded_with_the_noise_and_temperature_of_the_settings() -> None:
    model, batch = small_model("open-ended").eval(), small_batch("open-ended")
    losses = model.training_step(batch, METHODS["intervener"], Noted(PARTNER), None, EXPLICIT)
    draws = Noted(PARTNER)
    draw_intervention(4, EXPLICIT.intervener, draws)
    noise = draws.gumbel((4, 2, 5))
    clips = model.backbone.encode_clips(batch.video)
    question = model.backbone.encode_tokens(batch.tokens, batch.lengths)
    expected = model.grounding(clips.local, question.pooled, noise, 0.7)
    assert losses.scene is not None
    assert torch.equal(losses.scene.causal, expected.causal)
    weight = torch.arange(20.0).view(4, 5)
    gradients = [
        torch.autograd.grad((weight * scene.causal).sum(), model.grounding.causal.question.weight)[0]
        for scene in (losses.scene, expected)
    ]
    torch.testing.assert_close(*gradients)


@every_form
@pytest.mark.parametrize("name", ["disrupt-q", "disrupt-v", "disruptor", "eigv"])
def test_the_total_is_the_answer_loss_and_a_share_of_the_contrast(form: str, name: str) -> None:
    losses = small_model(form).training_step(small_batch(form), METHODS[name], Noted(PARTNER), BANK, EXPLICIT)
    assert losses.contrastive is not None
    torch.testing.assert_close(losses.total.detach(), losses.answer + 0.3 * losses.contrastive)


@pytest.mark.parametrize(("similarity", "temperature"), [("dot", 5.0), ("cosine", 0.2)])
def test_the_contrast_of_a_step_is_that_of_the_settings(similarity: str, temperature: float) -> None:
    model, batch = small_model("open-ended").eval(), small_batch("open-ended", 2)
    objective = ObjectiveSettings(beta=0.3, similarity=similarity, temperature=temperature)
    how = EXPLICIT.model_copy(update={"objective": objective})
    losses = model.training_step(batch, METHODS["disrupt-q"], Draws(0), None, how)
    clips, texts = model.backbone.encode_clips(batch.video), model.backbone.encode_tokens(batch.tokens, batch.lengths)
    own = torch.arange(2)
    anchor, negative = (
        model.heads.project(model.backbone.fuse(clips, texts, own, question)) for question in (own, own.flip(0))
    )
    if similarity == "cosine":
        anchor, negative = (vectors / vectors.norm(dim=1, keepdim=True) for vectors in (anchor, negative))
    same, other = ((anchor * vectors).sum(dim=1) / temperature for vectors in (anchor, negative))
    expected = -torch.log(same.exp() / (same.exp() + 3 * other.exp())).mean()
    assert losses.contrastive is not None
    torch.testing.assert_close(losses.contrastive, expected.detach(), atol=1e-5, rtol=1e-4)


def test_the_accuracy_of_a_step_is_what_the_predicted_answer_weighs() -> None:
    model, batch = small_model("open-ended").eval(), small_batch("open-ended")
    plain = model.training_step(batch, METHODS["erm"], Draws(0), None, EXPLICIT)
    right = (model.answer(batch).argmax(dim=1) == batch.answer).float()
    assert plain.accuracy == right.mean()


@every_form
@pytest.mark.parametrize("query", ["question", "answer"])
def test_an_answer_needs_no_gradient_and_its_rationale_is_of_the_own_question(form: str, query: str) -> None:
    model, batch = small_model(form).eval(), small_batch(form)
    model.query = query
    found = model.predict(batch)
    assert not found.logits.requires_grad and not found.scene.causal.requires_grad
    clips, texts = model.backbone.encode_clips(batch.video), model.backbone.encode_tokens(batch.tokens, batch.lengths)
    A = batch.candidates
    by_candidate = texts.pooled.view(4, A, -1)
    predicted = found.logits.argmax(dim=1) if A > 1 else torch.zeros(4, dtype=torch.int64)
    asked = by_candidate.mean(dim=1) if query == "question" else by_candidate[torch.arange(4), predicted]
    for scene, asking in ((found.scene, asked), (found.elsewhere, asked[[1, 2, 3, 0]])):
        expected = model.grounding(clips.local, asking)
        torch.testing.assert_close(scene.probability_causal, expected.probability_causal)
        assert torch.equal(scene.causal, expected.causal)


def test_answers_of_both_stand_side_by_side_the_own_first() -> None:
    found = answers_of_both(torch.tensor([2, 0]), torch.tensor([1, 0]), torch.tensor([0.75, 0.25]), 3)
    assert found.tolist() == [[0, 0, 0.75, 0.25, 0, 0], [0.25, 0, 0, 0, 0, 0.75]]
