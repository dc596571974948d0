"""The data set that a command line names: by its format and folder, or by its name in a configuration."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from base import layers
from base.errors import UserError
from base.settings import parse
from extract.annotations.contract import reader_of
from extract.config import Dataset, Extraction, VideoCollection


def choose(
    name: str,
    configs: Sequence[Path | str] = (),
    annotations: Path | None = None,
    videos: Path | None = None,
    mapping: Path | None = None,
    subfolders: list[str] | None = None,
) -> tuple[Dataset, VideoCollection | None]:
    """The data set, and its videos if they are named.

    With `configs`, later ones over earlier ones, `name` is a data set of the configuration; else it is a format, and
    `annotations` the folder of its files. What else is given goes over the configuration. Of a format, videos are
    looked for as they are published. `UserError` for what is missing or does not fit.
    """
    where: dict[str, Any] = {"folder": videos, "mapping": mapping, "subfolders": subfolders or None}
    given = {key: value for key, value in where.items() if value is not None}
    if configs:
        dataset, collection = _of_configuration(name, configs)
        if annotations:
            dataset = dataset.model_copy(update={"annotations": annotations})
        given = collection.model_dump(exclude_unset=True) | given
    elif annotations is None:
        raise UserError("give --annotations, the folder of the annotation files, or --config, a configuration file")
    else:
        dataset = parse(Dataset, {"format": name, "annotations": annotations, "videos": "videos"}, "--dataset")
        given = {"subfolders": reader_of(dataset).subfolders} | given
    if given.get("folder"):
        return dataset, parse(VideoCollection, given, "--videos")
    if mapping:
        raise UserError("--mapping says where videos lie below --videos: give that folder too")
    return dataset, None


def manifest_of(name: str, configs: Sequence[Path | str]) -> Path | None:
    """The manifest that a run of the configuration has made of the data set's videos; None where there is none."""
    if not configs:
        return None
    dataset, _ = _of_configuration(name, configs)
    results = layers.read_all(configs, "the configuration").get("results", "results")
    path = Path(str(results), "videos", dataset.videos, "manifest.csv")
    return path if path.is_file() else None


def _of_configuration(name: str, configs: Sequence[Path | str]) -> tuple[Dataset, VideoCollection]:
    """A data set of a configuration, with its collection. What only `eigv` reads is left aside."""
    files = layers.names(configs)
    values = layers.read_all(configs, "the configuration")
    extraction = parse(
        Extraction, {key: value for key, value in values.items() if key in Extraction.model_fields}, files
    )
    if name not in extraction.datasets:
        raise UserError(f"{files} has no data set {name!r}; it has {', '.join(extraction.datasets) or 'none'}")
    dataset = extraction.datasets[name]
    return dataset, extraction.videos[dataset.videos]
