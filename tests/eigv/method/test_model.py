"""The training step of every method with both forms of answers."""

import dataclasses
import itertools

import pytest
import torch
from torch import Tensor

from base.errors import UserError
from eigv.config.methods import METHODS, method
from eigv.method.draws import Draws
from eigv.method.objective import contrastive_loss
from tests.eigv.method.small_models import (
    BANK,
    MIXED,
    SETTINGS,
    every_backbone,
    every_form,
    every_method,
    small_batch,
    small_model,
)


class Fixed(Draws):
    """Draws with a given partner and given ratios; noise and substitutes are the same in every step and every row."""

    def __init__(self, partner: Tensor, causal: float, environment: float) -> None:
        super().__init__(0)
        self.partner, self.ratios = partner, itertools.cycle([causal, environment])

    def permutation(self, n: int) -> Tensor:
        return self.partner

    def beta(self, alpha: float, n: int) -> Tensor:
        return torch.full((n,), next(self.ratios))

    def gumbel(self, shape: tuple[int, ...]) -> Tensor:
        return Draws(1).gumbel((1, *shape[1:])).expand(shape)

    def integers(self, high: int | Tensor, shape: tuple[int, ...]) -> Tensor:
        unit = torch.rand((1, *shape[1:]), generator=torch.Generator().manual_seed(2), dtype=torch.float64)
        return (unit * high).long().expand(shape)


@every_backbone
@every_form
@every_method
@pytest.mark.parametrize("size", [1, 4])
def test_a_step_gives_finite_losses_and_gradients(backbone: str, form: str, name: str, size: int) -> None:
    model, which = small_model(form, 0.3, backbone, name), METHODS[name]
    losses = model.training_step(small_batch(form, size), which, Draws(0), BANK, SETTINGS)
    losses.total.backward()
    assert losses.total.isfinite() and 0 <= losses.accuracy <= 1.000001
    assert (losses.contrastive is not None) == which.contrasts
    learns = which.grounds and which.scenes == "indicator" and which.selects != "afterwards"
    assert (losses.scene is not None) == (learns or which.scenes != "indicator")
    for key, parameter in model.named_parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all(), key
    if size > 1:
        reached = all(
            p.grad is not None and p.grad.abs().sum() > 0 for p in model.grounding.causal.question.parameters()
        )
        assert reached == learns
    if losses.contrastive is not None:
        torch.testing.assert_close(losses.total.detach(), losses.answer + 0.75 * losses.contrastive)


@every_backbone
@every_form
@every_method
def test_the_loss_falls(backbone: str, form: str, name: str) -> None:
    model, batch = small_model(form, backbone=backbone, method=name), small_batch(form)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    totals = []
    for _ in range(16):
        # the same draws in every step: what is left is the fit
        losses = model.training_step(batch, METHODS[name], Draws(3), BANK, SETTINGS)
        optimizer.zero_grad()
        losses.total.backward()
        optimizer.step()
        # jointly, predictor and indicator are opponents: what one of them gains, the other may lose
        totals.append((losses.answer if METHODS[name].selects == "jointly" else losses.total).item())
    assert totals[-1] < totals[0] - 0.05


@every_form
def test_a_plain_step_is_the_cross_entropy_of_the_answers(form: str) -> None:
    model, batch = small_model(form).eval(), small_batch(form)
    losses = model.training_step(batch, METHODS["erm"], Draws(0), None, SETTINGS)
    expected = torch.nn.functional.cross_entropy(model.answer(batch), batch.answer)
    torch.testing.assert_close(losses.total.detach(), expected)


@every_backbone
@every_form
@pytest.mark.parametrize(("mixed", "plain"), [("mixup", "erm"), ("intervener", "erm"), ("eigv", "disruptor")])
@pytest.mark.parametrize(
    ("partner", "ratios"), [([0, 1, 2, 3], (0.3, 0.6)), ([1, 2, 3, 0], (1.0, 1.0))], ids=["oneself", "all the weight"]
)
def test_a_mix_of_nothing_new_is_the_method_without_it(
    backbone: str, form: str, mixed: str, plain: str, partner: list[int], ratios: tuple[float, float]
) -> None:
    model, batch = small_model(form, backbone=backbone).eval(), small_batch(form)
    batch = dataclasses.replace(
        batch,
        lengths=torch.full_like(batch.lengths, 6),  # no text grows by being mixed
        excluded=torch.full((4, 1), -1),  # the same substitutes with and without a partner
    )
    # a partner that weighs nothing still has no say among the negatives, unless these are mixed ones
    how = MIXED if ratios == (1.0, 1.0) else SETTINGS
    one, two = (
        model.training_step(batch, METHODS[name], Fixed(torch.tensor(partner), *ratios), BANK, how)
        for name in (mixed, plain)
    )
    for found, expected in ((one.total, two.total), (one.answer, two.answer), (one.accuracy, two.accuracy)):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert (one.contrastive is None) == (two.contrastive is None)


@every_backbone
@every_form
@pytest.mark.parametrize("name", ["mixup", "intervener", "eigv"])
def test_swapping_a_pair_with_mirrored_ratios_changes_nothing(backbone: str, form: str, name: str) -> None:
    model, batch = small_model(form, backbone=backbone).double().eval(), small_batch(form, 2)
    batch = dataclasses.replace(
        batch, video=batch.video.double(), tokens=batch.tokens.double(), excluded=torch.full((2, 1), -1)
    )
    A = batch.candidates
    texts = torch.arange(2 * A).view(2, A).flip(0).flatten()
    swapped = dataclasses.replace(
        batch,
        video=batch.video.flip(0),
        tokens=batch.tokens[texts],
        lengths=batch.lengths[texts],
        answer=batch.answer.flip(0),
    )
    pair = torch.tensor([1, 0])
    one = model.training_step(batch, METHODS[name], Fixed(pair, 0.3, 0.9), BANK, SETTINGS)
    two = model.training_step(swapped, METHODS[name], Fixed(pair, 0.7, 0.1), BANK, SETTINGS)
    torch.testing.assert_close(one.total, two.total, atol=1e-7, rtol=0)  # ratios are float32
    other = model.training_step(swapped, METHODS[name], Fixed(pair, 0.7, 0.9), BANK, SETTINGS)
    assert (other.total - one.total).abs() > 2e-7 or name == "mixup"  # which knows one ratio only


@every_backbone
@every_form
def test_video_twins_are_the_own_video_with_a_scene_of_the_bank(backbone: str, form: str) -> None:
    model, batch = small_model(form, backbone=backbone).eval(), small_batch(form, 3)
    draws = Fixed(torch.arange(3), 1.0, 1.0)
    losses = model.training_step(batch, METHODS["disrupt-v"], draws, BANK, SETTINGS)
    clips = model.backbone.encode_clips(batch.video)
    questions = model.backbone.encode_tokens(batch.tokens, batch.lengths).select(batch.text_of(batch.answer))
    scene = model.grounding(clips.local, questions.pooled, draws.gumbel((3, 2, 5)), SETTINGS.grounding.temperature)
    drawn = BANK.draw(batch.excluded, (3, 5), draws)  # the positive's, then those of two negatives

    def projected(video: Tensor, sample: int) -> Tensor:
        question, zero = questions.select(torch.tensor([sample])), torch.tensor([0])
        return model.heads.project(model.backbone.fuse(model.backbone.encode_clips(video[None]), question, zero, zero))[
            0
        ]

    causal, environment = scene.causal[..., None], scene.environment[..., None]
    terms = []
    for i in range(3):
        anchor = projected(batch.video[i], i)
        positive = projected(causal[i] * batch.video[i] + environment[i] * drawn[i, 0], i)
        negatives = [projected(environment[i] * batch.video[i] + causal[i] * drawn[i, n], i) for n in (1, 2)]
        similar = torch.stack([anchor @ other for other in (positive, *negatives)])
        terms.append(-similar.log_softmax(dim=0)[0])
    assert losses.contrastive is not None
    torch.testing.assert_close(losses.contrastive, torch.stack(terms).mean().detach(), atol=1e-5, rtol=1e-5)


@every_form
def test_question_negatives_are_the_other_questions_with_the_own_video(form: str) -> None:
    model, batch = small_model(form).eval(), small_batch(form, 2)  # of two samples, the other one is known
    losses = model.training_step(batch, METHODS["disrupt-q"], Draws(0), None, SETTINGS)
    clips = model.backbone.encode_clips(batch.video)
    texts = model.backbone.encode_tokens(batch.tokens, batch.lengths)
    right, own = batch.text_of(batch.answer), torch.arange(2)
    anchor = model.heads.project(model.backbone.fuse(clips, texts, own, right))
    negative = model.heads.project(model.backbone.fuse(clips, texts, own, right.flip(0)))
    expected = contrastive_loss(anchor, anchor, negative[:, None].expand(2, 2, -1))
    assert losses.contrastive is not None
    torch.testing.assert_close(losses.contrastive, expected.detach(), atol=1e-5, rtol=1e-5)


@every_form
@pytest.mark.parametrize("official", [False, True])
def test_batch_statistics_are_those_of_the_answers_alone_unless_the_switch_is_on(form: str, official: bool) -> None:
    contrasted, plain = small_model(form, backbone="mspan"), small_model(form, backbone="mspan")
    contrasted.backbone.contrast_reaches_answer_head = official
    contrasted.training_step(small_batch(form), METHODS["disrupt-q"], Draws(0), None, SETTINGS)
    plain.training_step(small_batch(form), METHODS["erm"], Draws(0), None, SETTINGS)
    same = [torch.allclose(one, two) for one, two in zip(contrasted.buffers(), plain.buffers(), strict=True)]
    assert not any(same) if official else all(same)


def test_an_unknown_method_is_refused_by_name() -> None:
    assert method("eigv").grounds
    with pytest.raises(UserError, match="did you mean 'disruptor'"):
        method("disrupter")


class Decided(Draws):
    """Draws whose Gumbel noise makes every clip causal, or none."""

    def __init__(self, causal: bool) -> None:
        super().__init__(0)
        self.column = 0 if causal else 1

    def gumbel(self, shape: tuple[int, ...]) -> Tensor:
        noise = torch.zeros(shape)
        noise[:, self.column] = 9.0
        return noise


@every_backbone
@every_form
@every_method
@pytest.mark.parametrize("causal", [True, False], ids=["all causal", "none causal"])
def test_a_step_bears_a_scene_of_everything_and_of_nothing(backbone: str, form: str, name: str, causal: bool) -> None:
    model = small_model(form, backbone=backbone, method=name)
    losses = model.training_step(small_batch(form), METHODS[name], Decided(causal), BANK, SETTINGS)
    losses.total.backward()
    assert losses.total.isfinite()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())
    if losses.scene is not None and METHODS[name].scenes == "indicator":
        assert (losses.scene.causal == float(causal)).all()
