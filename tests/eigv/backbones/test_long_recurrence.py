"""LSTM layers side by side against PyTorch's, and their gradients."""

import pytest
import torch
from torch import Tensor, nn

from eigv.backbones.parts.long_recurrence import States, first_step, recur, step
from eigv.backbones.parts.steps import by_step

pytestmark = pytest.mark.usefixtures("one_thread")
S, H, SIZES = 2, 3, [4, 4, 2, 1]


def made_up(*shapes: tuple[int, ...]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True) for shape in shapes]


@pytest.mark.parametrize("begun", [False, True])
def test_gradients_are_those_of_finite_differences(begun: bool) -> None:
    inputs = made_up((S, sum(SIZES), 4 * H), (S, 4 * H, H), *[(S, 4, H)] * 2 * begun)

    def read(mapped: Tensor, weight: Tensor, *start: Tensor) -> States:
        return recur(mapped, weight, SIZES, States(*start) if start else None)

    assert torch.autograd.gradcheck(read, inputs)


def test_texts_of_all_lengths_are_read_as_pytorch_reads_them() -> None:
    lengths = torch.tensor([2, 5, 1, 5, 3])
    layer = nn.LSTM(3, H, batch_first=True).double()
    (tokens,) = made_up((5, 6, 3))
    steps = by_step(lengths, 6, torch.device("cpu"))
    mapped = steps.read(tokens) @ layer.weight_ih_l0.T + layer.bias_ih_l0 + layer.bias_hh_l0
    found = recur(mapped[None], layer.weight_hh_l0[None], steps.sizes)
    padded, cells = steps.back(found.state[0]), found.cell[0].index_select(0, steps.last)
    for row, length in enumerate(lengths.tolist()):
        states, (_, cell) = layer(tokens[row : row + 1, :length])
        torch.testing.assert_close(padded[row, :length], states[0])
        assert (padded[row, length:] == 0).all()
        torch.testing.assert_close(cells[row], cell[0, 0])


def test_a_step_is_that_of_a_cell() -> None:
    cell = nn.LSTMCell(3, H).double()
    x, state, last = made_up((4, 3), (4, H), (4, H))
    bias = cell.bias_ih + cell.bias_hh
    for ours, theirs in (
        (step(x @ cell.weight_ih.T + state @ cell.weight_hh.T + bias, last), cell(x, (state, last))),
        (first_step(x @ cell.weight_ih.T + bias), cell(x)),
    ):
        torch.testing.assert_close(ours.state, theirs[0])
        torch.testing.assert_close(ours.cell, theirs[1])


def test_products_are_those_of_autocast() -> None:
    mapped, weight = (x.detach().float() for x in made_up((S, sum(SIZES), 4 * H), (S, 4 * H, H)))
    with torch.autocast("cpu", torch.bfloat16):
        found = recur(mapped, weight, SIZES).state
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), recur(mapped, weight, SIZES).state, rtol=0.05, atol=0.05)
