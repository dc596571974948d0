"""`training.compile`: parts of a training step through torch.compile, and what is done where that fails.

A part is a chain of small operations between matrix products, which the compiler makes few of. A module names its own
by `compiles`, the name of a method of tensors. Everything else stays as it is: what has a gradient written by hand,
and recurrent layers. The compiler is imported here alone, and only where it is asked for.
"""

import logging
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

log = logging.getLogger(__name__)

OPTIONS: dict[str, Any] = {"fallback_random": True}
"""Random numbers as without the compiler."""


def compile_parts(model: nn.Module, device: str) -> list[str]:
    """Compiles the parts of a model on `device`; returns their names, none where nothing can be compiled there.

    They are compiled at their first step. What fails, here or then, goes on uncompiled, which a warning says, with the
    reason. Without gradients, as in evaluation, parts are not compiled: what a trained model answers depends on no
    compiler.
    """
    if problem := _why_not(device):
        log.warning(
            "training.compile: nothing is compiled: %s. The training goes on as without it; a processor needs a C++ "
            "compiler (`CXX` names it, else g++), a GPU Triton",
            problem,
        )
        return []
    found = []
    for where, module in model.named_modules():
        if name := getattr(module, "compiles", ""):
            part = f"{where}.{name}"
            setattr(module, name, _Part(part, getattr(module, name)))
            found.append(part)
    log.info("compiled at their first step: %s", ", ".join(found) or "nothing, for no part of this model says so")
    return found


class _Part:
    """A method, compiled where gradients are wanted, until that fails."""

    def __init__(self, name: str, plain: Callable[..., Any]) -> None:
        self.name, self.plain = name, plain
        self.compiled: Callable[..., Any] | None = torch.compile(plain, dynamic=True, options=OPTIONS)

    def __call__(self, *given: Any) -> Any:
        if self.compiled is None or not torch.is_grad_enabled():
            return self.plain(*given)
        from torch._dynamo.exc import TorchDynamoException
        from torch._functorch import config

        try:
            # The backward pass at once, so that it cannot fail later
            with config.patch(force_non_lazy_backward_lowering=True):
                return self.compiled(*given)
        except TorchDynamoException as error:
            self.compiled = None
            log.warning(
                "training.compile: %s cannot be compiled here and goes on uncompiled: %s", self.name, _first_line(error)
            )
            return self.plain(*given)


def _why_not(device: str) -> str:
    """Why nothing can be compiled for `device`: what a trial says; empty where it works."""
    from torch._dynamo.exc import TorchDynamoException

    given = torch.ones(3, device=device, requires_grad=True)
    try:
        torch.compile(lambda x: (x.sin() * x).sum())(given).backward()
    except (TorchDynamoException, RuntimeError) as error:  # the latter: PyTorch has no compiler for this Python
        return _first_line(error)
    return ""


def _first_line(error: Exception) -> str:
    """What an error of the compiler says before its advice."""
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
