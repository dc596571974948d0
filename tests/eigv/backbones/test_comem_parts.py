"""What Co-Mem computes for all pairs at once, against the same written pair by pair, with gradients."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from eigv.backbones.parts import episodes
from eigv.backbones.parts.episodes import likeness, read
from eigv.backbones.parts.recurrence import recur
from eigv.backbones.parts.steps import by_step

S, V, K, D, P = 2, 3, 4, 5, 7
INDEX = torch.tensor([0, 0, 2, 1, 2, 0, 1])


def _made_up(*shapes: tuple[int, ...]) -> list[Tensor]:
    torch.manual_seed(0)
    return [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]


def _same(ours: Callable[..., Tensor], formula: Callable[..., Tensor], inputs: list[Tensor]) -> None:
    """In values and in the gradients of all inputs."""
    found, expected = ours(*inputs), formula(*inputs)
    torch.testing.assert_close(found, expected)
    weights = torch.randn_like(expected)
    of_ours = torch.autograd.grad((found * weights).sum(), inputs)
    for one, other in zip(of_ours, torch.autograd.grad((expected * weights).sum(), inputs), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("rows", [2048, 16], ids=["at once", "in parts, the last one smaller"])
@pytest.mark.parametrize("vectors", [1, 2])
@pytest.mark.parametrize("of_video", [(S, V, K, D), (S, 1, 1, D)], ids=["each", "alike"])
def test_likenesses_are_products_and_distances(
    rows: int, vectors: int, of_video: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(episodes, "CHUNK", rows)

    def formula(facts: Tensor, compared: Tensor, weight: Tensor, offset: Tensor) -> Tensor:
        fact, x = facts[:, INDEX][:, :, :, None], compared[:, :, None]
        both = torch.stack([fact * x, (fact - x).abs()], dim=3)
        return torch.einsum("spkimd,soimd->spko", both, weight) + (offset[:, INDEX] if offset.shape[1] > 1 else offset)

    inputs = _made_up((S, V, K, D), (S, P, vectors, D), (S, D, 2, vectors, D), of_video)
    _same(lambda facts, *others: likeness(facts, INDEX, *others), formula, inputs)


def test_likenesses_with_a_single_video_have_offsets_of_its_facts() -> None:
    only = torch.zeros(P, dtype=torch.int64)
    facts, x, weight, offset = _made_up((S, 1, K, D), (S, P, 1, D), (S, D, 2, 1, D), (S, 1, K, D))
    difference = likeness(facts, only, x, weight, offset) - likeness(facts, only, x, weight, torch.zeros_like(offset))
    torch.testing.assert_close(difference, offset.expand(S, P, K, D))


def test_a_fact_that_equals_what_is_asked_has_no_distance() -> None:
    facts, weight = torch.ones(1, 1, 1, 2, requires_grad=True), torch.ones(1, 2, 2, 1, 2)
    weight[:, :, 0] = 0  # of products
    found = likeness(facts, torch.zeros(1, dtype=torch.int64), torch.ones(1, 1, 1, 2), weight, torch.zeros(1, 1, 1, 2))
    found.sum().backward()
    assert facts.grad is not None
    assert not found.any() and not facts.grad.any()


def test_reading_goes_on_from_the_second_fact() -> None:
    def formula(
        state: Tensor,
        hidden: Tensor,
        gates: Tensor,
        resets: Tensor,
        candidates: Tensor,
        weight: Tensor,
        bias: Tensor,
    ) -> Tensor:
        for k in range(1, K):
            r, of_state = hidden.split(D, dim=2)
            n = torch.tanh(candidates[:, INDEX, k] + torch.sigmoid(resets[:, INDEX, k] + r) * of_state)
            state = state + gates[:, :, k, None] * (n - state)
            hidden = state @ weight.transpose(1, 2) + bias[:, None]
        return state

    facts = (S, V, K, D)
    inputs = _made_up((S, P, D), (S, P, 2 * D), (S, P, K), facts, facts, (S, 2 * D, D), (S, 2 * D))
    _same(lambda *x: read(*x[:5], INDEX, *x[5:]), formula, inputs)


def test_a_second_gradient_of_one_reading_is_refused_and_not_wrong() -> None:
    facts = (S, V, K, D)
    inputs = _made_up((S, P, D), (S, P, 2 * D), (S, P, K), facts, facts, (S, 2 * D, D), (S, 2 * D))
    state = read(*inputs[:5], INDEX, *inputs[5:]).sum()
    state.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        state.backward()


def test_texts_of_all_lengths_are_read_as_a_recurrent_layer_reads_them() -> None:
    lengths, size = torch.tensor([2, 5, 1, 5, 3]), 6
    layers = [nn.GRU(3, 4, batch_first=True).double() for _ in range(S)]
    (tokens,) = _made_up((len(lengths), size, 3))
    rows, last, sizes, *_ = by_step(lengths, size, torch.device("cpu"))
    assert sizes == [5, 4, 3, 2, 2]
    parameters = [p for layer in layers for p in layer.parameters()]

    def ours(tokens: Tensor, *_: Tensor) -> Tensor:
        flat = tokens.flatten(0, 1)[rows]
        mapped = torch.stack([flat @ layer.weight_ih_l0.T + layer.bias_ih_l0 for layer in layers])
        weights, biases = (torch.stack([getattr(x, f"{n}_hh_l0") for x in layers]) for n in ("weight", "bias"))
        return recur(mapped, weights, biases, sizes)[:, last]

    def formula(tokens: Tensor, *_: Tensor) -> Tensor:
        ends = [layer(text[None, :n])[0][0, -1] for layer in layers for text, n in zip(tokens, lengths, strict=True)]
        return torch.stack(ends).view(S, len(lengths), -1)

    _same(ours, formula, [tokens, *parameters])


def test_products_are_those_of_autocast() -> None:
    facts, x, weight, offset = (
        tensor.detach().float() for tensor in _made_up((S, V, K, D), (S, P, 1, D), (S, D, 2, 1, D), (S, 1, 1, D))
    )
    with torch.autocast("cpu", torch.bfloat16):
        found = likeness(facts, INDEX, x, weight, offset)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), likeness(facts, INDEX, x, weight, offset), rtol=0.05, atol=0.1)
