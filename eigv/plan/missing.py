"""What is missing, all of it at once, before the first job."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from base.errors import UserError
from eigv.config.experiment import Config
from eigv.plan import sources
from eigv.plan.paths import Paths
from extract.annotations import splits
from extract.config import VideoCollection
from extract.networks import weights_file
from extract.text.hub import why_not_there

OFFICIAL = "https://github.com/yl3800/EIGV"
"""Where the official checkpoints come from."""
KINDS = ("appearance", "motion")


def refuse_if_incomplete(config: Config, paths: Paths) -> None:
    """Raises `UserError` that lists every file that the configuration needs, that nothing here makes, and that is not
    there; with where to get it and where to put it."""
    if lines := list(missing(config, paths)):
        raise UserError("\n".join(["these files are needed and not there:", *lines]))


def missing(config: Config, paths: Paths) -> Iterator[str]:
    """A line for each thing that is missing; none if everything is there."""
    yield from _annotations(config)
    for name, collection in config.videos.items():
        yield from _videos(name, collection)
    for name, checkpoint in config.checkpoints.items():
        yield from _absent([checkpoint.file], f"the official checkpoint {name}, from {OFFICIAL}")
    for name in config.plugins:
        yield from _absent(sources.backbone_code(config, name), f"the code of the backbone {name}")
    if _will_extract(config, paths):
        for kind in KINDS:
            yield from _absent(sources.network_code(config, kind), f"the code of the {kind} network")
        yield from _weights(config)
    if _shows(config) and not all(Path(paths.encoder(name)).is_dir() for name in _own_texts(config)):
        yield from _encoder(config.text.encoder)


def _annotations(config: Config) -> Iterator[str]:
    for name, dataset in config.datasets.items():
        files, origin = sources.annotations(dataset)
        imported = [path for split in splits(dataset) for path in sources.tokens(dataset, split)]
        yield from _absent(files + imported, f"annotations of {name} ({dataset.format}), from {origin}")


def _videos(name: str, collection: VideoCollection) -> Iterator[str]:
    if collection.features:
        files, origin = sources.features(collection)
        what = f"the features of {name} ({collection.features.layout}), from {origin}"
        yield from _absent(files, what, Path.exists)  # some layouts are folders
    if collection.folder and not collection.folder.is_dir():
        yield f"  the folder of the videos of {name}: {collection.folder}/<video id>.mp4 (or another suffix of videos)"
    if collection.mapping and not collection.mapping.is_file():
        yield f"  the mapping of video ids to files of {name}: {collection.mapping}"


def _will_extract(config: Config, paths: Paths) -> bool:
    """Whether features have still to be made for what the configuration shows."""
    # A configuration that shows nothing is there for its annotations and texts, unless it has no data set at all.
    shown = _shows(config) or not config.datasets
    extracted = [name for name, collection in config.videos.items() if not collection.features]
    return bool(shown) and not all(Path(paths.video(name)).is_file() for name in extracted)


def _shows(config: Config) -> bool:
    return bool(config.tables or config.sweeps or config.rationales or config.explorers)


def _own_texts(config: Config) -> list[str]:
    """The data sets whose token features are made here."""
    return [name for name, dataset in config.datasets.items() if not dataset.tokens]


def _encoder(name: str) -> Iterator[str]:
    if reason := why_not_there(name):
        yield f"  the text encoder {name!r}:"
        yield from (f"    {line.strip()}" for line in reason.splitlines())


def _weights(config: Config) -> Iterator[str]:
    for kind in KINDS:
        file = weights_file(kind, config.features)
        if file and not file.is_there:
            network = getattr(config.features, kind).network
            yield f"  weights of the {kind} network {network}, {file.origin}:"
            yield f"    {file.path}"


def _absent(files: Iterable[Path], what: str, is_there: Callable[[Path], bool] = Path.is_file) -> Iterator[str]:
    """What to say of files some of which are not there."""
    absent = [path for path in files if not is_there(path)]
    if absent:
        yield f"  {what}:"
        yield from (f"    {path}" for path in absent)
