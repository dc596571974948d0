"""The benchmark of training: counters, turns, texts as long as real ones, and one whole case in small."""

import numpy as np
import pytest
import torch

from benchmarks.training.__main__ import Arithmetic, Operations, alternate, counting, measure, measure_alone
from benchmarks.training.sides import SHAPES, lengths_of


def test_operations_and_arithmetic_are_counted_forward_and_backward():
    weight = torch.ones(3, 4, requires_grad=True)

    def step():
        (torch.ones(2, 3) @ weight).sum().backward()

    with Arithmetic() as arithmetic:
        step()
    with Operations() as operations:
        step()
    assert arithmetic.count == 2 * (2 * 2 * 3 * 4)  # the product, and the gradient of the weight
    assert operations.count > 4


def test_the_arithmetic_of_recurrent_layers_is_seen():
    layer = torch.nn.LSTM(4, 5, batch_first=True)
    with torch.no_grad(), counting(Arithmetic()) as arithmetic:
        layer(torch.ones(2, 3, 4))
    assert arithmetic.count == 2 * (2 * 3) * (4 + 5) * (4 * 5)


def test_sides_take_turns_after_one_that_is_not_counted():
    seen: list[str] = []
    took = alternate({"a": lambda: seen.append("a"), "b": lambda: seen.append("b")}, turns=2)
    assert seen == ["a", "b"] * 3
    assert set(took) == {"a", "b"}


@pytest.mark.parametrize(("dataset", "low", "high"), [("nextqa", 16.5, 18.5), ("msvd-qa", 8, 10)])
def test_texts_are_as_long_as_real_ones(dataset, low, high):
    lengths = lengths_of(dataset, 3000, np.random.default_rng(1))
    assert lengths.shape == (3000, SHAPES[dataset].candidates)
    assert lengths.min() >= 1
    assert lengths.max() <= SHAPES[dataset].padded
    assert low < lengths.mean() < high


@pytest.mark.slow
def test_a_case_is_measured():
    row = measure("nextqa", "mspan", batch=2, steps=1, videos=20)
    assert 0 < float(row["step, official"]) < 2
    assert 0 < float(row["peak memory"]) < 2
    assert 0 < float(row["arithmetic"]) <= 1


@pytest.mark.slow
def test_a_backbone_without_a_peer_is_measured_against_its_own_arithmetic():
    row = measure_alone("msvd-qa", "amu", batch=2, steps=1, videos=20)
    assert float(row["step / its floor, eigv"]) > 1 and float(row["step / its floor, erm"]) > 1
