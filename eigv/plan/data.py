"""What the rules of annotations, videos and texts are given. Their names of data sets and collections are wildcards."""

from pathlib import Path

from eigv.config.experiment import Config
from eigv.config.names import PARTS
from eigv.plan import kinds, sources
from eigv.plan.arguments import as_json
from eigv.plan.entries import entry_of, one_of
from eigv.plan.missing import Part, refuse_if_incomplete, shows_runs
from eigv.plan.paths import Paths
from extract.annotations.gold import gold_files
from extract.config import Dataset, DecodeJob, ImportJob, ProbeJob, VideoCollection
from extract.videos.listing import folder_key


class Data:
    """Data sets and collections of videos of a configuration; `UserError` for one that it does not have."""

    def __init__(self, config: Config, paths: Paths, ask_hub: bool = True) -> None:
        """Of `config`, whose files lie where `paths` says."""
        self.config, self.paths, self.ask_hub = config, paths, ask_hub

    def dataset(self, dataset: str) -> Dataset:
        """The settings of a data set."""
        return entry_of(self.config.datasets, dataset, "data set")

    def collection(self, collection: str) -> VideoCollection:
        """The settings of a collection of videos."""
        return entry_of(self.config.videos, collection, "video collection")

    # What data sets and collections there are, as patterns for the wildcards of rules.

    @property
    def imported_collections(self) -> str:
        """The collections whose features someone else has extracted."""
        return one_of(name for name, collection in self.config.videos.items() if collection.features)

    @property
    def extracted_collections(self) -> str:
        """The collections whose features are made here."""
        return one_of(name for name, collection in self.config.videos.items() if not collection.features)

    @property
    def grounded_datasets(self) -> str:
        """The data sets that have gold spans."""
        return one_of(name for name, dataset in self.config.datasets.items() if dataset.gold)

    @property
    def imported_texts(self) -> str:
        """The data sets whose token features someone else has made."""
        return one_of(name for name, dataset in self.config.datasets.items() if dataset.tokens)

    @property
    def own_texts(self) -> str:
        """The data sets whose token features are made here."""
        return one_of(name for name, dataset in self.config.datasets.items() if not dataset.tokens)

    # Inputs.

    def raw_annotations(self, dataset: str) -> list[str]:
        """The annotation files of a data set. `UserError` if anything that it needs is missing.

        Videos only where the configuration shows runs: else annotations can be all that is wanted, and `asking`
        misses them.
        """
        asked = self.dataset(dataset)
        part = Part([dataset], [asked.videos])
        refuse_if_incomplete(self.config, self.paths, part, self.ask_hub, videos=shows_runs(self.config))
        return list(map(str, sources.annotations(asked).files))

    def asking(self, collection: str) -> list[str]:
        """The annotation files of every data set that uses a collection; none: all its videos are asked for.

        `UserError` if anything that it or they need is missing.
        """
        self.collection(collection)  # which there may not be
        part = Part(sources.users(self.config, collection), [collection])
        refuse_if_incomplete(self.config, self.paths, part, self.ask_hub)
        files = [path for dataset in self._users(collection).values() for path in sources.annotations(dataset).files]
        return list(dict.fromkeys(map(str, files)))

    def gold(self, dataset: str) -> list[str]:
        """The files of the gold spans of a data set."""
        return list(map(str, gold_files(self.dataset(dataset))))

    def imported_features(self, collection: str) -> list[str]:
        """The files that the features of a collection are imported from."""
        return list(map(str, sources.features(self.collection(collection)).files))

    def own_network(self, kind: str) -> list[str]:
        """The user's own files that make the network of a kind of features, its code and its weights: a change of one
        of them makes the features anew."""
        files = sources.network_code(self.config, kind) + sources.network_weights(self.config, kind)
        return list(map(str, files))

    def imported_tokens(self, dataset: str, split: str) -> list[str]:
        """The file that the token features of a split are imported from."""
        return list(map(str, sources.tokens(self.dataset(dataset), split)))

    def manifest(self, dataset: str) -> str:
        """The manifest of the videos of a data set."""
        return self.paths.manifest(self.dataset(dataset).videos)

    def video(self, dataset: str, features: str = "app+mot") -> str:
        """The features of the videos of a data set that a run with these reads."""
        # What is no choice of features is refused with the run.
        wanted = PARTS.get(features, sources.KINDS)
        return kinds.file(self.config, self.paths, self.dataset(dataset).videos, wanted)

    def all_features(self) -> list[str]:
        """The features of every collection, of the kinds that are shown; of both where nothing is."""
        shown = {name: kinds.shown(self.config, name) or sources.KINDS for name in self.config.videos}
        return [kinds.file(self.config, self.paths, name, read) for name, read in shown.items()]

    # Settings that commands are told, most of them as JSON. What of them reruns a stage is said by `decides.py`.

    def format(self, dataset: str) -> str:
        """The format of the annotations of a data set."""
        return self.dataset(dataset).format

    def dataset_settings(self, dataset: str) -> str:
        """What the annotations of a data set are read by."""
        return as_json(self.dataset(dataset))

    def videos_settings(self, dataset: str) -> str:
        """What the collection of a data set is."""
        return self.collection_settings(self.dataset(dataset).videos)

    def collection_settings(self, collection: str) -> str:
        """What a collection is."""
        return as_json(self.collection(collection))

    def probe_settings(self, collection: str) -> str:
        """What the videos of a collection are looked at by."""
        asked, sampling = self.collection(collection), self.config.features.sampling
        return as_json(ProbeJob(collection=asked, sampling=sampling, datasets=self._users(collection)))

    def folder_key(self, collection: str) -> str:
        """A text that changes with the files of a collection, so that what is new or replaced is looked at again."""
        manifest = Path(self.paths.manifest(collection))
        return folder_key(self.collection(collection), manifest, everything=not sources.users(self.config, collection))

    def decode_settings(self, collection: str) -> str:
        """What the videos of a collection are decoded by."""
        return as_json(DecodeJob(collection=self.collection(collection), features=self.config.features))

    def import_settings(self, collection: str) -> str:
        """What the features of a collection are imported by."""
        asked, features = self.collection(collection), self.config.features
        return as_json(ImportJob(collection=asked, features=features, datasets=self._users(collection)))

    def _users(self, collection: str) -> dict[str, Dataset]:
        return {name: self.config.datasets[name] for name in sources.users(self.config, collection)}

    def feature_settings(self) -> str:
        """What the networks make features by, of every collection."""
        return as_json(self.config.features)

    def text_settings(self) -> str:
        """What the text encoder is fine-tuned and makes token features by, for every data set."""
        return as_json(self.config.text)
