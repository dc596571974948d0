"""Which clip features the runs of a configuration read, and so which file of a collection each of them reads.

A collection of which all runs read one kind has a file of that kind alone: the other network is not run, and its
weights are not asked for. Where a configuration shows runs of both, all of them share one file.
"""

from collections.abc import Iterable, Iterator

from eigv.config.experiment import Config
from eigv.config.names import PARTS
from eigv.config.run_path import Run
from eigv.plan.paths import Paths
from eigv.plan.sources import KINDS


def shown(config: Config, collection: str) -> tuple[str, ...]:
    """The kinds that what a configuration shows reads of a collection; none where it shows nothing of it."""
    read = {kind for dataset, features in _shown(config) if _of(config, dataset) == collection for kind in features}
    return tuple(kind for kind in KINDS if kind in read)


def file(config: Config, paths: Paths, collection: str, kinds: Iterable[str] = KINDS) -> str:
    """The file that a run reads which reads these kinds of a collection."""
    if config.videos[collection].features:
        return paths.video(collection)  # as others have made it
    wanted, there = tuple(kinds), shown(config, collection)
    return paths.video(collection, there if set(wanted) <= set(there) else wanted)


def of_runs(texts: Iterable[str]) -> tuple[str, ...]:
    """The kinds that runs read, by their paths."""
    read = {kind for text in texts for kind in PARTS[Run.of(text).features]}
    return tuple(kind for kind in KINDS if kind in read)


def _of(config: Config, dataset: str) -> str:
    return config.datasets[dataset].videos


def _shown(config: Config) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Data sets, each with the kinds that runs on it read."""
    for table in config.tables.values():
        for choice in table.features:
            yield from ((dataset, PARTS[choice]) for dataset in table.datasets)
    for sweep in config.sweeps.values():
        yield from ((dataset, PARTS[sweep.features]) for dataset in sweep.datasets)
    pictures = [picture.run for picture in config.rationales.values()]
    pictures += [text for page in config.explorers.values() for text in page.runs]
    for text in pictures + [text for table in config.explanations.values() for text in table.runs]:
        yield Run.of(text).dataset, of_runs([text])
    for checkpoint in config.checkpoints.values():
        yield checkpoint.dataset, KINDS
