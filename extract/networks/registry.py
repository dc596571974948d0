"""Feature networks by name: looking one up, and loading it with its weights.

Looking an entry up does not import torch; building a network does.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from base import plug
from base.errors import UserError
from base.reading import sha256
from extract.config import RGB, FeaturesSettings, NetworkSettings, is_of_hub
from extract.networks.entry import NETWORKS, FeatureNetwork
from extract.networks.hub import HubFolder, from_folder
from extract.networks.local import from_settings

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class LoadedNetwork:
    """A network ready to run, and a description that goes into the attributes of what it makes."""

    module: nn.Module
    size: int
    mean: RGB
    std: RGB
    scale: float
    description: dict[str, object]

    def normalise(self, pixels: Tensor) -> Tensor:
        """RGB uint8 pixels with the channels in dimension 1 to what the network expects."""
        import torch

        shape = (1, 3) + (1,) * (pixels.ndim - 2)
        mean = torch.tensor(self.mean, device=pixels.device).view(shape)
        std = torch.tensor(self.std, device=pixels.device).view(shape)
        return (pixels.float() * (self.scale / 255.0) - mean) / std


class WeightsFile(NamedTuple):
    """Where the weights of a network are looked for."""

    path: Path
    origin: str
    """Where they come from, in words."""

    @property
    def is_there(self) -> bool:
        """Whether the file exists."""
        return self.path.is_file()


def lookup(kind: str, name: str, features: FeaturesSettings) -> FeatureNetwork:
    """The entry of a name: built in, of the configuration, or of the model hub.

    `UserError` that lists the known ones of this kind, where the files of a network of the hub are not there, and where
    the configuration asks for clips or pictures that it does not take.
    """
    own = {n: from_settings(n, network) for n, network in features.networks.items()}
    choice: NetworkSettings = getattr(features, kind)
    entry = from_folder(HubFolder.of(choice, features)) if is_of_hub(name) else (NETWORKS | own).get(name)
    if entry is None or entry.kind != kind:
        known = ", ".join(sorted(n for n, e in (NETWORKS | own).items() if e.kind == kind))
        hub = "transformers:NAME" + (", timm:NAME" if kind == "appearance" else "")
        raise UserError(f"there is no {kind} network {name!r}; known: {known}; and {hub} (docs/networks.md)")
    if entry.frames and kind == "motion" and features.sampling.frames != entry.frames:
        raise UserError(
            f"{name} takes clips of {entry.frames} frames, and `features.sampling.frames` is {features.sampling.frames}"
        )
    if entry.one_size and choice.size not in (None, entry.size):
        raise UserError(
            f"{name} takes pictures of {entry.size} pixels alone, and `size` is {choice.size}: leave it out"
        )
    return entry


def load_network(kind: str, features: FeaturesSettings) -> LoadedNetwork:
    """Builds a network with the weights that are asked for; missing ones are a `UserError`, never random."""
    import torch

    choice: NetworkSettings = getattr(features, kind)
    entry = lookup(kind, choice.network, features)
    size = choice.size or entry.size
    mean, std, scale = choice.mean or entry.mean, choice.std or entry.std, choice.scale or entry.scale
    torch.manual_seed(choice.seed)
    module = entry.build()
    description: dict[str, object] = {
        "network": choice.network,
        "size": size,
        "mean": mean,
        "std": std,
        "scale": scale,
    }
    if choice.network in features.networks:
        description |= {"builder": plug.describe(features.networks[choice.network].builder)}
    if entry.beside:
        description["config_sha256"] = {path.name: sha256(path) for path in entry.beside}
    if choice.weights == "random":
        _tame(module)
        description |= {"weights": f"random (seed {choice.seed})", "sha256": ""}
    else:
        path = _weights_to_load(kind, entry, features)
        digest = sha256(path)
        if choice.weights == "published" and entry.sha256 and not digest.startswith(entry.sha256):
            raise UserError(f"{path} is not the published file: its sha256 is {digest}, expected {entry.sha256}")
        try:
            module.load_state_dict(entry.load(path), strict=True)
        except (RuntimeError, KeyError, AttributeError) as error:
            raise UserError(f"{path} does not fit {choice.network}: {str(error)[:500]}") from None
        except pickle.UnpicklingError as error:
            raise UserError(
                f"{path} holds more than tensors, and is not loaded, since that could run code: {first_words(error)}"
            ) from None
        description |= {"weights": path.name, "sha256": digest, "source": entry.source, "licence": entry.licence}
    return LoadedNetwork(module.eval(), size, mean, std, scale, description)


def first_words(error: Exception) -> str:
    """The beginning of an error's message."""
    return str(error).splitlines()[0][:200]


def _tame(module: nn.Module) -> None:
    """Makes the residual branches of a network with random weights small.

    As initialised, and with BatchNorm's statistics at 0 and 1, every block doubles the variance: after the 50 blocks of
    ResNet-152 features do not fit float16.
    """
    from torch import nn

    for name, part in module.named_modules():
        if name.endswith(("bn3", "norm_c")):
            nn.init.constant_(part.weight, 0.2)


def weights_file(kind: str, features: FeaturesSettings) -> WeightsFile | None:
    """The file that has the weights of a network, whether it is there or not; None where there is none to be got:
    random weights, and those that a package carries. Of a network of the hub, the first file that is not there."""
    choice: NetworkSettings = getattr(features, kind)
    if is_of_hub(choice.network):
        return _hub_file(HubFolder.of(choice, features), choice)
    entry = lookup(kind, choice.network, features)
    if isinstance(choice.weights, Path):
        return WeightsFile(choice.weights, "named by `weights:`")
    if choice.weights == "random" or entry.locate:
        return None
    return WeightsFile(features.weights_folder / entry.file, f"from {entry.source}")


def _hub_file(folder: HubFolder, choice: NetworkSettings) -> WeightsFile | None:
    weights = [] if choice.weights == "random" else [choice.weights]
    files = [*folder.files, *(path if isinstance(path, Path) else folder.weights for path in weights)]
    absent = next((path for path in files if not path.is_file()), None)
    if absent is None and not weights:
        return None
    return WeightsFile(absent or files[-1], f"from {folder.source}; {folder.remedy}")


def weights_path(kind: str, features: FeaturesSettings) -> Path | None:
    """The file that a network loads; None for random weights. `UserError` where it is not there."""
    choice: NetworkSettings = getattr(features, kind)
    entry = lookup(kind, choice.network, features)
    return None if choice.weights == "random" else _weights_to_load(kind, entry, features)


def beside_weights(kind: str, features: FeaturesSettings) -> tuple[Path, ...]:
    """The files that have to lie beside the weights: those that say how a network of the hub is built."""
    return lookup(kind, getattr(features, kind).network, features).beside


def _weights_to_load(kind: str, entry: FeatureNetwork, features: FeaturesSettings) -> Path:
    """The file to load; `UserError` that says where it is published if it is not there."""
    if file := weights_file(kind, features):
        path = file.path
    else:
        assert entry.locate  # nothing is loaded for random weights
        path = entry.locate()
    if not path.is_file():
        digest = f", sha256 {entry.sha256}{'' if len(entry.sha256) == 64 else '...'}" if entry.sha256 else ""
        hub = is_of_hub(getattr(features, kind).network)
        remedy = HubFolder.of(getattr(features, kind), features).remedy if hub else "put the file there"
        raise UserError(
            f"the weights of {getattr(features, kind).network} are not there: {path}\n"
            f"  published as {entry.file} at {entry.source}{digest}\n"
            f"  {remedy}, or name another with `weights:`; `weights: random` is for tests only"
        )
    return path
