"""The files that are not the workflow's own: those of other people, and code of the user's own.

Each is an input of the rule that reads it, so that a change of it reruns the rule; and that one of them is missing is
said before anything starts.
"""

from pathlib import Path
from typing import NamedTuple

from eigv.config.experiment import Config
from extract.annotations import READERS, splits
from extract.config import Dataset, VideoCollection
from extract.layouts import LAYOUTS


class Source(NamedTuple):
    """Files that belong together, and where people get them."""

    files: list[Path]
    origin: str


def annotations(dataset: Dataset) -> Source:
    """The annotation files of all splits, each once, and the gold spans."""
    reader = READERS[dataset.format]
    files = sorted({path for split in splits(dataset) for path in reader.files(dataset, split)})
    return Source(files + ([dataset.gold] if dataset.gold else []), reader.source)


def tokens(dataset: Dataset, split: str) -> list[Path]:
    """The file that the token features of a split are imported from; none where they are made here."""
    return [Path(dataset.tokens.format(split=split))] if dataset.tokens else []


def features(collection: VideoCollection) -> Source:
    """The files (or folders) that features are imported from; none where they are made here."""
    if collection.features is None:
        return Source([], "")
    layout = LAYOUTS[collection.features.layout]
    return Source(layout.files(collection.features), layout.source or "elsewhere")


def backbone_code(config: Config, backbone: str) -> list[Path]:
    """The file of a backbone of the user's own; none for a backbone of ours."""
    plugin = config.plugins.get(backbone)
    return [plugin.file] if plugin else []
