"""The registry of feature networks. Weights are data: where they come from, and what input they were trained on.

Looking an entry up does not import torch; building a network does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from extract.config import Features, Network
from extract.errors import UserError
from extract.files import sha256

if TYPE_CHECKING:
    from torch import Tensor, nn

    State = dict[str, Tensor]


@dataclass(frozen=True)
class FeatureNetwork:
    """A network that makes one kind of feature, and its published weights.

    Appearance networks map frames (N, 3, H, W) to (N, D), motion networks clips (N, 3, T, H, W) to (N, D).
    """

    kind: Literal["appearance", "motion"]
    build: Callable[[], nn.Module]
    """The network without its classifier, with whatever weights; loading is separate."""
    width: int
    """D."""
    size: int
    """Side of its input in pixels."""
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    """Of RGB values in 0..`scale`."""
    scale: float
    file: str
    """Name of the file of published weights, or how to find it in a package."""
    source: str
    licence: str
    load: Callable[[Path], State]
    """Reads the file into the names of `build()`."""
    locate: Callable[[], Path] | None = None
    """Finds weights that a package carries; None: the file is looked for in the weights folder."""
    sha256: str | None = None


NETWORKS: dict[str, FeatureNetwork] = {}


@dataclass(frozen=True)
class LoadedNetwork:
    """A network ready to run, and a description that goes into the attributes of what it makes."""

    entry: FeatureNetwork
    module: nn.Module
    size: int
    description: dict[str, object]

    def normalise(self, pixels: Tensor) -> Tensor:
        """RGB uint8 pixels with the channels in dimension 1 to what the network expects."""
        import torch

        shape = (1, 3) + (1,) * (pixels.ndim - 2)
        mean = torch.tensor(self.entry.mean, device=pixels.device).view(shape)
        std = torch.tensor(self.entry.std, device=pixels.device).view(shape)
        return (pixels.float() * (self.entry.scale / 255.0) - mean) / std


def lookup(kind: str, name: str) -> FeatureNetwork:
    """The entry of a name; `UserError` that lists the known ones of this kind."""
    entry = NETWORKS.get(name)
    if entry is None or entry.kind != kind:
        known = ", ".join(sorted(n for n, e in NETWORKS.items() if e.kind == kind))
        raise UserError(f"there is no {kind} network {name!r}; known: {known}")
    return entry


def input_size(kind: str, choice: Network) -> int:
    """The side of the square input in pixels."""
    return choice.size or lookup(kind, choice.network).size


def load_network(kind: str, choice: Network, features: Features) -> LoadedNetwork:
    """Builds a network with the weights that are asked for; missing ones are a `UserError`, never random."""
    import torch

    entry = lookup(kind, choice.network)
    torch.manual_seed(choice.seed)
    module = entry.build()
    description: dict[str, object] = {
        "network": choice.network,
        "size": input_size(kind, choice),
        "mean": entry.mean,
        "std": entry.std,
        "scale": entry.scale,
    }
    if choice.weights == "random":
        _tame(module)
        description |= {"weights": f"random (seed {choice.seed})", "sha256": ""}
    else:
        path = _weights_file(choice, entry, features)
        digest = sha256(path)
        if choice.weights == "published" and entry.sha256 and not digest.startswith(entry.sha256):
            raise UserError(f"{path} is not the published file: its sha256 is {digest}, expected {entry.sha256}")
        try:
            module.load_state_dict(entry.load(path), strict=True)
        except (RuntimeError, KeyError) as error:
            raise UserError(f"{path} does not fit {choice.network}: {str(error)[:500]}") from None
        description |= {"weights": path.name, "sha256": digest}
    return LoadedNetwork(entry, module.eval(), input_size(kind, choice), description)


def _tame(module: nn.Module) -> None:
    """Makes the residual branches of a network with random weights small.

    As initialised, and with BatchNorm's statistics at 0 and 1, every block doubles the variance: after the 50 blocks of
    ResNet-152 features do not fit float16.
    """
    from torch import nn

    for name, part in module.named_modules():
        if name.endswith(("bn3", "norm_c")):
            nn.init.constant_(part.weight, 0.2)


def _weights_file(choice: Network, entry: FeatureNetwork, features: Features) -> Path:
    if isinstance(choice.weights, Path):
        path = choice.weights
    elif entry.locate:
        path = entry.locate()
    else:
        path = features.weights_folder / entry.file
    if not path.is_file():
        known = f", sha256 {entry.sha256}..." if entry.sha256 else ""
        raise UserError(
            f"the weights of {choice.network} are not there: {path}\n"
            f"  published as {entry.file} at {entry.source}{known}\n"
            "  put the file there, or name another with `weights:`; `weights: random` is for tests only"
        )
    return path
