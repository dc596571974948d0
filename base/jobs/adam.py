"""PyTorch's Adam and AdamW, without the import of PyTorch's compiler that its first step would begin with."""

import inspect

import torch


class Adam(torch.optim.Adam):
    """Adam: the same steps, to the bit.

    An optimiser of PyTorch imports the compiler, which takes as long as PyTorch itself, for nothing but to say that it
    is not to be compiled. Nobody compiles this one. Where the compiler is imported anyway, as by a model that is
    compiled, nothing changes.
    """

    step = torch.no_grad()(inspect.unwrap(torch.optim.Adam.step))


class AdamW(torch.optim.AdamW):
    """AdamW, likewise."""

    step = Adam.step


# `torch._disable_dynamo` looks here for what it has made of a method, before it imports the compiler to make it.
for _method in vars(torch.optim.Optimizer).values():
    _plain = getattr(_method, "__wrapped__", None)
    if _plain is not None and not hasattr(_plain, "__dynamo_disable"):
        setattr(_plain, "__dynamo_disable", _plain)
