import pytest
import torch
from torch import Tensor, nn

from eigv.backbones.parts.encoders import packed
from eigv.backbones.parts.last_states import last_states

pytestmark = pytest.mark.usefixtures("one_thread")


def _gradients(states: Tensor, wanted: Tensor, recurrent: nn.LSTM, tokens: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad((states * wanted).sum(), [*recurrent.parameters(), tokens]))


@pytest.mark.parametrize("lengths", [[9, 2, 9, 1, 5], [1, 1, 1], [4]])
def test_they_and_their_gradients_are_pytorchs(lengths: list[int]) -> None:
    torch.manual_seed(0)
    recurrent = nn.LSTM(5, 3, batch_first=True, bidirectional=True).double()
    tokens = torch.randn(len(lengths), 9, 5, dtype=torch.float64, requires_grad=True)
    found = last_states(recurrent, tokens, torch.tensor(lengths))
    _, (expected, _) = recurrent(packed(tokens, torch.tensor(lengths)))
    expected = torch.cat([expected[0], expected[1]], dim=1)
    torch.testing.assert_close(found, expected)
    wanted = torch.randn_like(expected)
    for ours, theirs in zip(
        _gradients(found, wanted, recurrent, tokens), _gradients(expected, wanted, recurrent, tokens), strict=True
    ):
        torch.testing.assert_close(ours, theirs)


def test_under_autocast_they_are_of_half_precision_and_close() -> None:
    torch.manual_seed(0)
    recurrent, tokens = nn.LSTM(16, 8, batch_first=True, bidirectional=True), torch.randn(6, 12, 16)
    lengths = torch.tensor([12, 3, 7, 7, 1, 2])
    expected = last_states(recurrent, tokens, lengths)
    with torch.autocast("cpu", torch.bfloat16):
        found = last_states(recurrent, tokens, lengths)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), expected, atol=2e-2, rtol=2e-2)
    found.float().sum().backward()
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in recurrent.parameters())
