"""The order of an epoch, and one step of the optimiser, with what `training` says of it."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from base.jobs.adam import Adam, AdamW
from base.jobs.resume import History, best_epoch
from eigv.config.run import RunSettings, TrainingSettings
from eigv.method.draws import Draws


def optimizer_of(model: nn.Module, how: TrainingSettings) -> Optimizer:
    """Adam, or AdamW, over all parameters of `model`."""
    kind = AdamW if how.optimiser == "adamw" else Adam
    # Fused: one operation for all weights, which on a GPU can also leave a step out without asking the processor
    # (`eigv.runs.learning.not_finite`).
    return kind(model.parameters(), how.learning_rate, weight_decay=how.weight_decay, fused=True)


def begin_epoch(settings: RunSettings, draws: Draws, questions: int, epoch: int, done: int) -> Tensor:
    """The order of `questions` in an epoch, (n,) int64, of which `training.questions` are n.

    It follows from the run's seed and the epoch's number, as all draws do from its first step on: where no step is
    `done`, the generators begin anew.
    """
    seed = settings.seed * 1_000_003 + epoch
    if done == 0:
        torch.manual_seed(seed)
        draws.seed(seed)
    order = torch.randperm(questions, generator=torch.Generator().manual_seed(seed))
    return order[: settings.training.questions]


def gradient_norm(parameters: Iterable[nn.Parameter]) -> Tensor:
    """The norm of all gradients together, a number, in two operations however many there are."""
    return torch.linalg.vector_norm(
        torch.stack(torch._foreach_norm([p.grad for p in parameters if p.grad is not None]))
    )


def update(optimizer: Optimizer, norm: Tensor, how: TrainingSettings, step: int) -> None:
    """Makes step `step` of the whole training, counted from 1, of gradients whose norm is `norm`."""
    if how.clip_norm is not None:
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        torch.nn.utils.clip_grads_with_norm_(parameters, how.clip_norm, norm)
    rates = [group["lr"] for group in optimizer.param_groups]
    for group in optimizer.param_groups:
        group["lr"] *= warmth(how, step)
    optimizer.step()
    # The rate itself is that of the schedule, which knows nothing of the warm-up.
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = rate


def warmth(how: TrainingSettings, step: int) -> float:
    """The share of the learning rate that step `step` of the whole training has, counted from 1."""
    return min(1.0, step / how.warmup_steps) if how.warmup_steps else 1.0


def why_stop(history: History, how: TrainingSettings) -> str:
    """Why the epochs so far are enough, in words; empty where they are not."""
    if how.stop_after is None or not history:
        return ""
    stale = len(history) - 1 - history.index(best_epoch(history))
    if stale < how.stop_after:
        return ""
    return f"no better validation accuracy in {stale} epoch{'s' if stale > 1 else ''}"
