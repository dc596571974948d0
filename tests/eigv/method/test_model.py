"""Every method with both forms of answers."""

import dataclasses
import itertools
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from base.errors import UserError
from eigv.backbones import BACKBONES, ClipWidths, build
from eigv.config.methods import METHODS, method
from eigv.config.run import (
    BackbonesSettings,
    BlockFusionSettings,
    ComemSettings,
    DisruptorSettings,
    EigvSettings,
    HgaSettings,
    MspanSettings,
)
from eigv.method.batch import Batch
from eigv.method.draws import Draws
from eigv.method.memory_bank import MemoryBank
from eigv.method.model import VideoQA
from eigv.method.objective import contrastive_loss

SETTINGS = EigvSettings(disruptor=DisruptorSettings(negatives=2))
BANK = MemoryBank(torch.randn(9, 5, 10, generator=torch.Generator().manual_seed(5)))
FORMS = ["multiple-choice", "open-ended"]
every_form = pytest.mark.parametrize("form", FORMS)
SMALL = BackbonesSettings(
    comem=ComemSettings(hidden=4, words=12),
    hga=HgaSettings(hidden=8, words=12, fusion=BlockFusionSettings(width=20, chunks=4, rank=3)),
    mspan=MspanSettings(hidden=4),
)
every_backbone = pytest.mark.parametrize("backbone", sorted(BACKBONES))
every_method = pytest.mark.parametrize("name", list(METHODS))


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Tensors this small are slower on many threads, much so on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def _model(form: str, dropout: float = 0.0, backbone: str = "hga") -> VideoQA:
    torch.manual_seed(0)
    built = build(backbone, SMALL, ClipWidths(6, 4), token_width=6)
    for module in built.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = dropout
    return VideoQA(built, None if form == "multiple-choice" else 4)


def _batch(form: str, size: int = 4) -> Batch:
    generator = torch.Generator().manual_seed(7)
    A = 3 if form == "multiple-choice" else 1
    return Batch(
        video=BANK.features[:size].clone(),
        tokens=torch.randn(size * A, 6, 6, generator=generator),
        lengths=torch.randint(1, 7, (size * A,), generator=generator),
        answer=torch.randint(3, (size,), generator=generator),
        excluded=torch.arange(size)[:, None],
        candidates=A,
        qids=[str(i) for i in range(size)],
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
    model, which = _model(form, 0.3, backbone), METHODS[name]
    losses = model.training_step(_batch(form, size), which, Draws(0), BANK, SETTINGS)
    losses.total.backward()
    assert losses.total.isfinite() and 0 <= losses.accuracy <= 1.000001
    assert (losses.contrastive is not None) == which.contrasts
    assert (losses.scene is not None) == which.grounds
    for key, parameter in model.named_parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all(), key
    if size > 1:
        reached = all(
            p.grad is not None and p.grad.abs().sum() > 0 for p in model.grounding.causal.question.parameters()
        )
        assert reached == which.grounds
    if losses.contrastive is not None:
        torch.testing.assert_close(losses.total.detach(), losses.answer + 0.75 * losses.contrastive)


@every_backbone
@every_form
@every_method
def test_the_loss_falls(backbone: str, form: str, name: str) -> None:
    model, batch = _model(form, backbone=backbone), _batch(form)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    totals = []
    for _ in range(16):
        # the same draws in every step: what is left is the fit
        losses = model.training_step(batch, METHODS[name], Draws(3), BANK, SETTINGS)
        optimizer.zero_grad()
        losses.total.backward()
        optimizer.step()
        totals.append(losses.total.item())
    assert totals[-1] < totals[0] - 0.05


@every_form
def test_a_plain_step_is_the_cross_entropy_of_the_answers(form: str) -> None:
    model, batch = _model(form).eval(), _batch(form)
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
    model, batch = _model(form, backbone=backbone).eval(), _batch(form)
    batch = dataclasses.replace(
        batch,
        lengths=torch.full_like(batch.lengths, 6),  # no text grows by being mixed
        excluded=torch.full((4, 1), -1),  # the same substitutes with and without a partner
    )
    one, two = (
        model.training_step(batch, METHODS[name], Fixed(torch.tensor(partner), *ratios), BANK, SETTINGS)
        for name in (mixed, plain)
    )
    for found, expected in ((one.total, two.total), (one.answer, two.answer), (one.accuracy, two.accuracy)):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert (one.contrastive is None) == (two.contrastive is None)


@every_backbone
@every_form
@pytest.mark.parametrize("name", ["mixup", "intervener", "eigv"])
def test_swapping_a_pair_with_mirrored_ratios_changes_nothing(backbone: str, form: str, name: str) -> None:
    model, batch = _model(form, backbone=backbone).double().eval(), _batch(form, 2)
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
    assert (other.total - one.total).abs() > 1e-6 or name == "mixup"  # which knows one ratio only


@every_backbone
@every_form
def test_video_twins_are_the_own_video_with_a_scene_of_the_bank(backbone: str, form: str) -> None:
    model, batch = _model(form, backbone=backbone).eval(), _batch(form, 3)
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
    model, batch = _model(form).eval(), _batch(form, 2)  # of two samples, the other one is known
    losses = model.training_step(batch, METHODS["disrupt-q"], Draws(0), None, SETTINGS)
    clips = model.backbone.encode_clips(batch.video)
    texts = model.backbone.encode_tokens(batch.tokens, batch.lengths)
    right, own = batch.text_of(batch.answer), torch.arange(2)
    anchor = model.heads.project(model.backbone.fuse(clips, texts, own, right))
    negative = model.heads.project(model.backbone.fuse(clips, texts, own, right.flip(0)))
    expected = contrastive_loss(anchor, anchor, negative[:, None].expand(2, 2, -1))
    assert losses.contrastive is not None
    torch.testing.assert_close(losses.contrastive, expected.detach(), atol=1e-5, rtol=1e-5)


@every_backbone
@every_form
def test_evaluation_is_deterministic_and_does_not_depend_on_the_batch(backbone: str, form: str) -> None:
    model, batch = _model(form, 0.3, backbone).eval(), _batch(form)
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
@pytest.mark.parametrize("official", [False, True])
def test_batch_statistics_are_those_of_the_answers_alone_unless_the_switch_is_on(form: str, official: bool) -> None:
    contrasted, plain = _model(form, backbone="mspan"), _model(form, backbone="mspan")
    contrasted.backbone.contrast_reaches_answer_head = official
    contrasted.training_step(_batch(form), METHODS["disrupt-q"], Draws(0), None, SETTINGS)
    plain.training_step(_batch(form), METHODS["erm"], Draws(0), None, SETTINGS)
    same = [torch.allclose(one, two) for one, two in zip(contrasted.buffers(), plain.buffers(), strict=True)]
    assert not any(same) if official else all(same)


@every_form
def test_the_answer_from_the_causal_scene_forgets_the_environment(form: str) -> None:
    model, batch = _model(form).eval(), _batch(form)
    scene = model.rationale(batch, "causal-scene")
    assert 0 < scene.causal.mean() < 1
    whole, alone = model.answer(batch), model.answer(batch, "causal-scene")
    assert not torch.allclose(whole, alone)
    if form == "open-ended":
        causal = dataclasses.replace(batch, video=scene.causal[..., None] * batch.video)
        torch.testing.assert_close(alone, model.answer(causal))


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
    model = _model(form, backbone=backbone)
    losses = model.training_step(_batch(form), METHODS[name], Decided(causal), BANK, SETTINGS)
    losses.total.backward()
    assert losses.total.isfinite()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())
    if METHODS[name].grounds:
        assert losses.scene is not None and (losses.scene.causal == float(causal)).all()
