"""Which way the gradient of a step points in bf16, beside that in float64."""

from dataclasses import replace

import pytest
import torch

from eigv.backbones import BACKBONES, ClipWidths, build
from eigv.backbones.parts import block_fusion
from eigv.config.methods import METHODS
from eigv.config.run import BackbonesSettings, EigvSettings
from eigv.method.batch import Batch
from eigv.method.draws import Draws
from eigv.method.memory_bank import MemoryBank
from eigv.method.model import VideoQA
from eigv.runs import precision
from tests.eigv.method.small_models import every_form

SIZES = BackbonesSettings.model_validate(
    {
        "comem": {"hidden": 32, "words": 64},
        "hga": {"hidden": 32, "words": 64, "fusion": {"width": 100, "chunks": 10, "rank": 5}},
        "hcrn": {"hidden": 32, "words": 64},
        "mspan": {"hidden": 32},
    }
)
SEEDS = range(3)
B, K, L, WIDTH, TOKEN_WIDTH = 8, 8, 10, 64, 48


def questions(form: str) -> tuple[Batch, torch.Tensor]:
    """A batch, and the features of the bank."""
    generator = torch.Generator().manual_seed(7)
    A = 5 if form == "multiple-choice" else 1
    bank = torch.randn(20, K, 2 * WIDTH, generator=generator).relu()
    batch = Batch(
        video=bank[:B].clone(),
        tokens=torch.randn(B * A, L, TOKEN_WIDTH, generator=generator),
        lengths=torch.randint(2, L + 1, (B * A,), generator=generator),
        answer=torch.randint(4, (B,), generator=generator),
        excluded=torch.arange(B)[:, None],
        candidates=A,
        qids=[str(number) for number in range(B)],
    )
    return batch, bank


def gradient(backbone: str, form: str, numbers: str, seed: int, rounded: bool = False) -> torch.Tensor:
    """Of a step of the method eigv, without dropout; `rounded`: of the model whose weights are rounded to bf16."""
    torch.manual_seed(seed)
    frames = ClipWidths(0, WIDTH, (4, WIDTH // 4), K)
    built = build(backbone, SIZES, frames if backbone == "hcrn" else ClipWidths(WIDTH, WIDTH), TOKEN_WIDTH)
    for module in built.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    model = VideoQA(built, None if form == "multiple-choice" else 4)
    if rounded:
        for parameter in model.parameters():
            parameter.data = parameter.data.bfloat16().float()
    exact = torch.float64 if numbers == "float64" else torch.float32
    batch, bank = questions(form)
    batch = replace(batch, video=batch.video.to(exact), tokens=batch.tokens.to(exact))
    with precision.calculating("bf16" if numbers == "bf16" else "float32", "cpu"):
        losses = model.to(exact).training_step(
            batch, METHODS["eigv"], Draws(0), MemoryBank(bank.to(exact)), EigvSettings()
        )
    losses.total.backward()
    return torch.cat([p.grad.flatten().double() for p in model.parameters() if p.grad is not None])


def cosines(backbone: str, form: str, numbers: str = "bf16", rounded: bool = False) -> list[float]:
    return [
        torch.nn.functional.cosine_similarity(
            gradient(backbone, form, numbers, seed, rounded), gradient(backbone, form, "float64", seed), dim=0
        ).item()
        for seed in SEEDS
    ]


@pytest.mark.parametrize("backbone", sorted(set(BACKBONES) - {"hga"}))
@every_form
def test_a_gradient_in_bf16_points_where_that_in_float64_does(backbone, form):
    assert min(cosines(backbone, form)) > 0.995


@every_form
def test_of_hga_all_is_kept_but_what_passes_the_signed_square_root(monkeypatch, form):
    """Its derivative is without bound near 0, where any rounding decides: of the weights alone, too."""
    assert min(cosines("hga", form, "float32")) > 0.999
    whole, of_weights = (
        sum(found) / len(SEEDS) for found in (cosines("hga", form), cosines("hga", form, "float64", True))
    )
    assert whole > 0.5 and whole > of_weights - 0.2
    assert of_weights < 0.95
    monkeypatch.setattr(block_fusion, "signed_square_root", lambda x: x)
    assert min(cosines("hga", form)) > 0.995
