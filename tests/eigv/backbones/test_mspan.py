"""MSPAN computes the same in every order of its products."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from eigv.backbones.contract import ClipWidths
from eigv.backbones.mspan import Mspan
from eigv.backbones.parts.dropout import Dropout
from eigv.backbones.parts.gates import Activation, activated, gated
from eigv.config.run import MspanSettings

pytestmark = pytest.mark.usefixtures("one_thread")


def _fused(backbone: Mspan, pairs: int) -> Tensor:
    """The first two of `pairs` pairs."""
    torch.manual_seed(1)
    video, tokens = torch.randn(3, 5, 10).double(), torch.randn(4, 7, 6).double()
    clips, texts = backbone.encode_clips(video), backbone.encode_tokens(tokens, torch.tensor([7, 2, 4, 1]))
    index = torch.arange(pairs)
    return backbone.fuse(clips, texts, index % 3, index % 4)[:2]


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("scales", [1, 2, 4])
@pytest.mark.parametrize("rounds", [1, 3])
def test_maps_are_multiplied_first_where_that_is_less_work_and_nothing_changes(layers, scales, rounds):
    torch.manual_seed(0)
    settings = MspanSettings(hidden=4, scales=scales, rounds=rounds, graph_layers=layers, dropout=0)
    backbone = Mspan(settings, ClipWidths(6, 4), 6).double().eval()
    for name, parameter in backbone.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter)
    few, many = _fused(backbone, 2), _fused(backbone, 40)  # 2 * 5 and 40 * 5 nodes of a width of 8
    torch.testing.assert_close(few, many)
    parameters = list(backbone.parameters())
    for ours, theirs in zip(
        torch.autograd.grad(few.square().sum(), parameters, allow_unused=True),
        torch.autograd.grad(many.square().sum(), parameters, allow_unused=True),
        strict=True,
    ):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("activation", ["elu", "relu"])
@pytest.mark.parametrize("pairs", [None, torch.tensor([1, 0, 1])], ids=["row a pair", "row a video"])
def test_a_gate_is_activation_and_dropout_of_the_product(activation: Activation, pairs: Tensor | None) -> None:
    torch.manual_seed(0)
    dropout, function = Dropout(0.4), {"elu": F.elu, "relu": F.relu}[activation]
    seen = torch.randn(3 if pairs is None else 2, 5, 4, dtype=torch.float64, requires_grad=True)
    asked = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    found = gated(seen, pairs, asked, activation, dropout)
    whole = function((seen if pairs is None else seen[pairs]) * asked[:, None])
    scale = 2**16 / (2**16 - round(0.4 * 2**16))
    expected = torch.where((found == 0) & (whole != 0), 0.0, scale * whole)
    assert 0 < int((expected != 0).sum()) < int((whole != 0).sum())
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(activated(whole.detach().clone(), "relu", Dropout(0)), whole.relu())
    wanted = torch.randn_like(expected)
    for ours, theirs in zip(
        torch.autograd.grad((found * wanted).sum(), (seen, asked)),
        torch.autograd.grad((expected * wanted).sum(), (seen, asked)),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)


def test_half_precision_goes_through_and_reaches_every_parameter() -> None:
    torch.manual_seed(0)
    backbone = Mspan(MspanSettings(hidden=16), ClipWidths(6, 4), 6).train()
    with torch.autocast("cpu", torch.bfloat16):
        clips = backbone.encode_clips(torch.randn(3, 5, 10))
        texts = backbone.encode_tokens(torch.randn(4, 7, 6), torch.tensor([7, 2, 4, 1]))
        for pairs in (2, 60):
            index = torch.arange(pairs)
            fused = backbone.fuse(clips, texts, index % 3, index % 4)
            assert fused.dtype == torch.bfloat16
    fused.float().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in backbone.parameters())
