"""What `make flops` counts and adds up."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from benchmarks import flops
from benchmarks.launches import AsCudnn, Launches, counted
from eigv.config.run_path import Run
from tests.eigv.method.small_models import BANK, every_backbone, small_batch, small_model
from tests.eigv.runs.test_training import settings


def test_launches_are_what_the_device_is_handed_forward_and_backward():
    weight, on_host = torch.ones(3, 4, requires_grad=True, device="meta"), torch.ones(3)
    with Launches() as seen:
        on_host = on_host * 2
        product = torch.ones(2, 3, device="meta") @ weight  # ones, product
    assert on_host[0] == 2 and product.is_meta and seen.count == 2
    with Launches() as seen:
        product.sum().backward()
    assert seen.count >= 4  # sum, its gradient, that of the product, and the weight's


@pytest.mark.parametrize("packed", [True, False])
def test_a_recurrent_layer_counts_as_one_operation_whatever_its_steps(packed):
    layer, counts = nn.LSTM(3, 2, batch_first=True, bidirectional=True).to("meta"), []
    for steps in (2, 9):
        given = torch.ones(2, steps, 3, device="meta", requires_grad=True)
        with AsCudnn(), Launches() as seen:
            states, (last, _) = layer(
                pack_padded_sequence(given, torch.tensor([steps, 1]), batch_first=True) if packed else given
            )
            values = states.data if packed else states
            (values.sum() + last.sum()).backward()
        assert values.shape[-1] == 4 and last.shape == (2, 2, 2)
        assert given.grad is not None and layer.weight_hh_l0_reverse.grad is not None
        counts.append(seen.count)
    assert packed or counts[0] == counts[1] < 40


@every_backbone
def test_a_step_and_an_answer_are_counted_without_calculating(backbone):
    model = small_model("multiple-choice", 0.1, backbone)
    learned, answered = counted(model, settings("eigv"), small_batch("multiple-choice"), BANK)
    assert 100 < answered < learned < 10_000  # most of them HME, whose memories are read step by step


def test_hours_are_arithmetic_over_the_rate_and_launches_one_after_the_other(monkeypatch):
    monkeypatch.setattr(flops, "LAUNCH", 1e-3)
    cost = flops.Cost(step=1, whole=7200 * 2e12, model=1, launched=1, launched_in_all=3600 * 1000)
    assert cost.hours(2e12) == pytest.approx(2 + 1)
    runs = [Run("nextqa", "hga", "eigv", "app+mot", seed) for seed in (0, 1)]
    monkeypatch.setattr(flops, "RATES", {"float32": 2e12, "bf16": 4e12})
    monkeypatch.setattr(flops, "RATE", 2e12)
    said = flops._hours(runs, {runs[0]: cost})
    row = [cell.strip() for cell in next(line for line in said.splitlines() if "nextqa" in line).split("|")[1:-1]]
    assert row == ["nextqa", "2", "2", "6", "4", "3.0", "3.0"]
