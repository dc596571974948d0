"""Multiple choice whose questions and candidates are texts of their own, under every method."""

import dataclasses

import pytest
import torch

from eigv.backbones import build
from eigv.config.methods import METHODS
from eigv.method.batch import Batch
from eigv.method.draws import Draws
from eigv.method.model import VideoQA
from tests.eigv.method.small_models import BANK, SETTINGS, SIZES, every_method, small_batch, widths_of

pytestmark = pytest.mark.usefixtures("one_thread")
FORM = "multiple-choice"


def model_of(method: str) -> VideoQA:
    guide = model_of("faithful") if METHODS[method].scenes == "guide" else None
    torch.manual_seed(0)
    hcrn = SIZES.hcrn.model_copy(update={"texts": "apart"})
    return VideoQA(build("hcrn", SIZES.model_copy(update={"hcrn": hcrn}), widths_of("hcrn"), 6), guide=guide)


def apart(size: int = 4) -> Batch:
    generator = torch.Generator().manual_seed(2)
    return dataclasses.replace(
        small_batch(FORM, size),
        questions=torch.randn(size, 5, 6, generator=generator),
        question_lengths=torch.arange(size) % 5 + 1,
    )


@every_method
def test_a_step_gives_finite_losses_and_reaches_the_indicator(name: str) -> None:
    model, which = model_of(name), METHODS[name]
    losses = model.training_step(apart(), which, Draws(0), BANK, SETTINGS)
    losses.total.backward()
    assert losses.total.isfinite()
    reached = all(p.grad is not None and p.grad.any() for p in model.grounding.causal.question.parameters())
    assert reached == (which.grounds and which.scenes == "indicator" and which.selects != "afterwards")


@pytest.mark.parametrize("from_", ["video", "causal-scene"])
def test_neither_padding_nor_the_rest_of_the_batch_changes_an_answer(from_) -> None:
    model, batch = model_of("eigv").eval(), apart()
    together = model.answer(batch, from_)
    for row in range(4):
        texts = slice(3 * row, 3 * row + 3)
        alone = dataclasses.replace(
            batch,
            video=batch.video[row : row + 1],
            tokens=batch.tokens[texts],
            lengths=batch.lengths[texts],
            answer=batch.answer[row : row + 1],
            questions=batch.questions[row : row + 1, : row % 5 + 1],
            question_lengths=batch.question_lengths[row : row + 1],
            qids=batch.qids[row : row + 1],
        )
        torch.testing.assert_close(model.answer(alone, from_), together[row : row + 1], atol=1e-5, rtol=1e-5)


def test_the_indicator_is_asked_with_the_question_alone() -> None:
    model, batch = model_of("eigv").eval(), apart()
    other = dataclasses.replace(batch, tokens=batch.tokens.flip(0), lengths=batch.lengths.flip(0))
    one, two = (model.rationale(each).attention_causal for each in (batch, other))
    torch.testing.assert_close(one, two)
    asked = dataclasses.replace(batch, questions=batch.questions.flip(0))
    assert not torch.allclose(model.rationale(asked).attention_causal, one)
