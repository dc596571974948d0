"""The data set that a command line names: by its format and folder, or by its name in a configuration file."""

from pathlib import Path
from typing import Any

import yaml

from base.errors import UserError
from base.settings import parse
from extract.annotations.contract import READERS
from extract.config import Dataset, VideoCollection


def choose(
    name: str,
    config: Path | None,
    annotations: Path | None,
    videos: Path | None = None,
    mapping: Path | None = None,
    subfolders: list[str] | None = None,
) -> tuple[Dataset, VideoCollection | None]:
    """The data set, and its videos if they are named.

    With `config`, `name` is a data set of that file; else it is a format, and `annotations` the folder of its files.
    What else is given goes over the configuration. Of a format, videos are looked for as they are published.
    """
    dataset: dict[str, Any] = {"format": name, "videos": "videos"}
    collection: dict[str, Any] = {}
    if config:
        values = _read(config)
        known = values.get("datasets") or {}
        if name not in known:
            raise UserError(f"{config} has no data set {name!r}; it has {', '.join(known) or 'none'}")
        dataset = known[name]
        collections = values.get("videos") or {}
        if dataset.get("videos") not in collections:
            there = ", ".join(collections) or "none"
            raise UserError(
                f"{config}: `datasets.{name}.videos` names the collection {dataset.get('videos')!r}, which is not in "
                f"`videos`; there are {there}"
            )
        collection = collections[dataset["videos"]]
    elif annotations is None:
        raise UserError("give --annotations, the folder of the annotation files, or --config, a configuration file")
    elif name in READERS:
        collection = {"subfolders": READERS[name].subfolders}
    given = {"folder": videos, "mapping": mapping, "subfolders": subfolders or None}
    collection |= {key: value for key, value in given.items() if value is not None}
    dataset |= {"annotations": annotations} if annotations else {}
    where = str(config) if config else "--dataset"
    found = parse(VideoCollection, collection, where) if collection.get("folder") else None
    if mapping and found is None:
        raise UserError("--mapping says where videos lie below --videos: give that folder too")
    return parse(Dataset, dataset, where), found


def _read(config: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(config.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"the configuration {config} does not exist") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"the configuration {config} is not YAML: {error}") from None
    if not isinstance(values, dict):
        raise UserError(f"the configuration {config} does not hold keys and values")
    return values
