"""What is missing, all of it at once, before the first job."""

from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from base.errors import UserError
from eigv.config.experiment import Config
from eigv.config.names import READS_FRAMES
from eigv.plan import kinds, sources
from eigv.plan.paths import Paths
from extract.annotations import splits
from extract.annotations.gold import gold_files
from extract.config import VideoCollection
from extract.networks import weights_file
from extract.text.encoder import is_folder
from extract.text.hub import why_not_there

OFFICIAL = "https://github.com/yl3800/EIGV"
"""Where the official checkpoints come from."""


class Part(NamedTuple):
    """Some data sets and collections of videos of a configuration."""

    datasets: Collection[str]
    collections: Collection[str]


def refuse_if_incomplete(config: Config, paths: Paths, part: Part, ask_hub: bool = True, videos: bool = True) -> None:
    """Raises `UserError` where a file that `part` needs and that nothing here makes is not there. It lists all such
    files of the whole configuration, with where to get each and where to put it.

    Without `ask_hub` a text encoder of the model hub is taken for there, without `videos` all of these.
    """
    if any(missing(config, paths, ask_hub, videos, part)):
        lines = missing(config, paths, ask_hub, videos)
        raise UserError("\n".join(["these files are needed and not there:", *lines]))


def missing(
    config: Config, paths: Paths, ask_hub: bool = True, videos: bool = True, part: Part | None = None
) -> Iterator[str]:
    """A line for each thing that is missing, of `part` alone if there is one; none if everything is there."""
    of = part or Part(config.datasets, config.videos)
    yield from _annotations(config, of)
    for name in of.collections if videos else ():
        yield from _videos(name, config.videos[name], ask_hub)
    for name, checkpoint in config.checkpoints.items():
        if checkpoint.dataset in of.datasets:
            yield from _absent([checkpoint.file], f"the official checkpoint {name}, from {OFFICIAL}")
    for name in config.plugins:
        yield from _absent(sources.backbone_code(config, name), f"the code of the backbone {name}")
    yield from _frames(config, of)
    to_make = _kinds_to_make(config, paths, of)
    for kind in to_make:
        yield from _absent(sources.network_code(config, kind), f"the code of the {kind} network")
    yield from _weights(config, to_make)
    if _will_fine_tune(config, paths, of) and (ask_hub or is_folder(config.text.encoder)):
        yield from _encoder(config.text.encoder)


def _annotations(config: Config, of: Part) -> Iterator[str]:
    for name in of.datasets:
        dataset = config.datasets[name]
        files, origin = sources.annotations(dataset)
        imported = [path for split in splits(dataset) for path in sources.tokens(dataset, split)]
        what = f"annotations of {name} ({dataset.format}), from {origin}"
        yield from _absent(files + gold_files(dataset) + imported, what)


def _videos(name: str, collection: VideoCollection, ask_hub: bool) -> Iterator[str]:
    if collection.features:
        files, origin = sources.features(collection)
        what = f"the features of {name} ({collection.features.layout}), from {origin}"
        yield from _absent(files, what, Path.exists)  # some layouts are folders
        encoder = collection.features.captions.encoder
        if collection.features.layout == "captions" and ask_hub and all(map(Path.exists, files)):
            yield from _encoder(encoder)
    if collection.folder and not collection.folder.is_dir():
        yield f"  the folder of the videos of {name}: {collection.folder}/<video id>.mp4 (or another suffix of videos)"
    if collection.mapping and not collection.mapping.is_file():
        yield f"  the mapping of video ids to files of {name}: {collection.mapping}"


def _frames(config: Config, of: Part) -> Iterator[str]:
    """Vectors of single frames, of collections whose features are made here."""
    if config.features.appearance.frames == "every":
        return
    runs = [run for name in (*config.tables, *config.sweeps) for run in config.runs(name)]
    reading = [run for run in runs if run.backbone in READS_FRAMES]
    collections = {config.datasets[run.dataset].videos for run in reading} & set(of.collections)
    for name in sorted(name for name in collections if not config.videos[name].features):
        yield f"  vectors of single frames of the videos of {name}, which the backbone {reading[0].backbone} reads:"
        yield "    set `features.appearance.frames: every`"


def _kinds_to_make(config: Config, paths: Paths, of: Part) -> list[str]:
    """The kinds of features that have still to be made for what the configuration shows."""
    # A configuration that shows nothing is there for its annotations and texts, unless it has no data set at all.
    of_all = () if config.datasets else sources.KINDS
    extracted = [name for name in of.collections if not config.videos[name].features]
    read = {name: kinds.shown(config, name) or of_all for name in extracted}
    absent = [name for name in extracted if read[name] and not Path(paths.video(name, read[name])).is_file()]
    return [kind for kind in sources.KINDS if any(kind in read[name] for name in absent)]


def shows_runs(config: Config) -> bool:
    """Whether a configuration shows anything; one that does not is there for its annotations, texts or features."""
    return bool(config.tables or config.sweeps or config.rationales or config.explorers or config.explanations)


def _will_fine_tune(config: Config, paths: Paths, of: Part) -> bool:
    """Whether an encoder has still to be fine-tuned for what the configuration shows."""
    own = [name for name in of.datasets if not config.datasets[name].tokens]
    return shows_runs(config) and not all(Path(paths.encoder(name)).is_dir() for name in own)


def _encoder(name: str) -> Iterator[str]:
    if reason := why_not_there(name):
        yield f"  the text encoder {name!r}:"
        yield from (f"    {line.strip()}" for line in reason.splitlines())


def _weights(config: Config, to_make: Iterable[str]) -> Iterator[str]:
    for kind in to_make:
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
