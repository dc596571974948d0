"""The files that are not the workflow's own: those of other people, and code of the user's own.

Each is an input of the rule that reads it, so that a change of it reruns the rule; and that one of them is missing is
said before anything starts.
"""

from pathlib import Path
from typing import NamedTuple

from base.plug import own_files
from eigv.config.experiment import Config
from eigv.config.names import PARTS
from extract.annotations import reader_of, splits
from extract.config import Dataset, VideoCollection, is_of_hub
from extract.layouts import layout_of
from extract.networks.hub import HubFolder

KINDS = PARTS["app+mot"]
"""The clip features."""


class Source(NamedTuple):
    """Files that belong together, and where people get them."""

    files: list[Path]
    origin: str


def annotations(dataset: Dataset) -> Source:
    """The annotation files of all splits, each once, and the code of a format of the user's own: alone where it is not
    there, since it says which files there are."""
    code = own_files(dataset.format)
    if not all(map(Path.is_file, code)):
        return Source(code, "your own code")
    reader = reader_of(dataset)
    files = sorted({path for split in splits(dataset) for path in reader.files(dataset, split)})
    return Source([*files, *code], reader.source)


def users(config: Config, collection: str) -> list[str]:
    """The data sets that ask for videos of a collection."""
    return [name for name, dataset in config.datasets.items() if dataset.videos == collection]


def tokens(dataset: Dataset, split: str) -> list[Path]:
    """The file that the token features of a split are imported from; none where they are made here."""
    return [Path(dataset.tokens.format(split=split))] if dataset.tokens else []


def features(collection: VideoCollection) -> Source:
    """The files (or folders) that features are imported from, and the code of a layout of the user's own; none where
    they are made here."""
    if collection.features is None:
        return Source([], "")
    code = own_files(collection.features.layout)
    if not all(map(Path.is_file, code)):
        return Source(code, "your own code")
    layout = layout_of(collection.features.layout)
    return Source([*layout.files(collection.features), *code], layout.source or "elsewhere")


def network_code(config: Config, kind: str) -> list[Path]:
    """The file that builds a feature network of the user's own; none for a network of ours."""
    network = config.features.networks.get(getattr(config.features, kind).network)
    return own_files(network.builder) if network else []


def network_weights(config: Config, kind: str) -> list[Path]:
    """The file of weights that the configuration names for a feature network, or the folder that it names has; none for
    published and random ones."""
    choice = getattr(config.features, kind)
    if choice.weights == "published" and is_of_hub(choice.network):
        folder = HubFolder.of(choice, config.features)
        return [] if folder.repository else [folder.weights]
    return [choice.weights] if isinstance(choice.weights, Path) else []


def backbone_code(config: Config, backbone: str) -> list[Path]:
    """The file of a backbone of the user's own; none for a backbone of ours."""
    plugin = config.plugins.get(backbone)
    return own_files(plugin.code) if plugin else []
