import pytest
import torch
from torch.nn import functional as F

from eigv.backbones.parts.dropout import Dropout

N = 1_000_000


@pytest.mark.parametrize(("p", "times"), [(0.3, 1), (0.5, 1), (0.3, 2)])
def test_the_share_that_is_dropped_is_the_probability_and_the_mean_is_kept(p: float, times: int) -> None:
    torch.manual_seed(0)
    dropped = Dropout(p, times)(torch.ones(N))
    kept = (1 - p) ** times
    share = float((dropped > 0).double().mean())
    assert share == pytest.approx(kept, abs=5 * (kept * (1 - kept) / N) ** 0.5)
    assert dropped.unique().tolist() == pytest.approx([0, 1 / kept], rel=1e-4)
    # neither neighbours nor places four apart, which share a random number or its bits, go together
    for apart in (1, 2, 3, 4, 8):
        both = float(((dropped[:-apart] > 0) & (dropped[apart:] > 0)).double().mean())
        assert both == pytest.approx(kept**2, abs=5e-3)


@pytest.mark.parametrize("shape", [(7,), (3, 5), (2, 3, 4), (0, 4), ()])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_values_and_gradients_are_those_of_the_mask(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    dropout, x = Dropout(0.5), torch.randn(shape).to(dtype).requires_grad_()
    torch.manual_seed(1)
    of_input = dropout(x)
    torch.manual_seed(1)
    of_relu = dropout.after_relu(x)
    assert of_input.shape == of_relu.shape == x.shape and of_input.dtype == of_relu.dtype == dtype
    kept = of_input != 0
    torch.testing.assert_close(of_input, torch.where(kept, 2 * x, torch.zeros_like(x)))
    torch.testing.assert_close(of_relu, of_input.relu())
    (gradient,) = torch.autograd.grad(of_relu.sum(), x)
    torch.testing.assert_close(gradient, 2 * (kept & (x > 0)).to(dtype))


def test_the_seed_decides_the_masks_and_they_differ_from_call_to_call() -> None:
    dropout, x = Dropout(0.3), torch.ones(1000)
    torch.manual_seed(0)
    first, second = dropout(x), dropout(x)
    torch.manual_seed(0)
    assert torch.equal(dropout(x), first)
    assert not torch.equal(first, second)


def test_nothing_is_dropped_or_drawn_in_evaluation_nor_at_probability_0() -> None:
    x, before = torch.randn(9), torch.get_rng_state()
    for dropout in (Dropout(0.5).eval(), Dropout(0.0)):
        assert torch.equal(dropout(x), x)
        assert torch.equal(dropout.after_relu(x), F.relu(x))
    assert torch.equal(torch.get_rng_state(), before)
