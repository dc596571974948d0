"""Networks that the configuration describes: any of torchvision, or one's own file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from base import plug
from base.errors import UserError
from extract.config import LocalNetwork
from extract.networks.entry import FeatureNetwork

if TYPE_CHECKING:
    from torch import nn

    from extract.networks.entry import State


def from_settings(name: str, network: LocalNetwork) -> FeatureNetwork:
    """The entry that the configuration's `networks.<name>` describes. Nothing is imported before it is built."""
    return FeatureNetwork(
        kind=network.kind,
        build=lambda: _build(name, network),
        size=network.size,
        short_side=network.short_side or network.size,
        mean=network.mean,
        std=network.std,
        scale=network.scale,
        file=network.file,
        source=network.source,
        licence=network.licence,
        load=lambda path: renamed(read_state(path), network.keys),
        sha256=network.sha256,
    )


def read_state(path: Path) -> State:
    """The tensors of a file: safetensors, or what torch.save wrote (a `state_dict` inside is taken out)."""
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    import torch

    loaded = torch.load(path, map_location="cpu", weights_only=True)
    return loaded.get("state_dict", loaded)


def renamed(state: State, keys: tuple[tuple[str, str | None], ...]) -> State:
    """The tensors under the names that the pairs of `keys` make of theirs."""
    result = {}
    for name, tensor in state.items():
        new: str | None = name
        for pattern, replacement in keys:
            if new is not None and re.search(pattern, new):
                new = None if replacement is None else re.sub(pattern, replacement, new)
        if new is not None:
            result[new] = tensor
    return result


def _build(name: str, network: LocalNetwork) -> nn.Module:
    from torch import nn

    builder = plug.load(network.builder, object, f"networks.{name}")
    if not callable(builder):
        raise UserError(f"networks.{name}: {network.builder} is no function")
    module = builder()
    if not isinstance(module, nn.Module):
        raise UserError(f"networks.{name}: {network.builder} returns {type(module).__name__}, not a torch module")
    if network.head:
        parent, _, attribute = network.head.rpartition(".")
        try:
            owner = module.get_submodule(parent)
            owner.get_submodule(attribute)
        except AttributeError:
            raise UserError(f"networks.{name}: the network has no part {network.head!r} to take off") from None
        setattr(owner, attribute, nn.Identity())
    return module
