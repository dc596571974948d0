"""What of the configuration decides the numbers of each stage: a change of it, and of nothing else, reruns the stage.

Commands are told their settings whole (`data.py`); rules have what is listed here as the parameter that Snakemake
compares. What decides no number (where weights lie, how long a decoder may take, how much goes through a network at
once) is in none of these. tests/eigv/plan/test_decides.py has a row for every key of the configuration.
"""

import hashlib
from typing import Any

from base.reading import sha256
from base.settings import Settings
from eigv.config.experiment import Config, settings_of_run
from eigv.config.run_path import Run
from eigv.plan import sources
from eigv.plan.arguments import spelled
from eigv.plan.entries import entry_of
from extract.annotations import wanted_videos
from extract.config import FORMATS, Dataset, VideoCollection, is_of_hub
from extract.networks.hub import HubFolder

PICTURE = {"network", "size", "fit", "short_side", "resample"}
"""The settings of a network that decide which pictures are made for it."""
SAID = {"source", "sha256", "licence"}
"""What is said of the weights of a network of the user's own; none of it decides a number."""
POLICIES = {"missing", "unreadable", "damaged"}


class Decides:
    """What decides each stage, as JSON; `UserError` for a data set or a collection that the configuration lacks."""

    def __init__(self, config: Config) -> None:
        """Of `config`."""
        self.config = config
        self._video_ids: dict[str, str] = {}

    # Annotations.

    def annotations(self, dataset: str) -> str:
        """How the annotation files are read, and which they are."""
        asked = self._dataset(dataset)
        files = [str(path) for path in sources.annotations(asked).files]
        return spelled(_reading(asked), files)

    def gold(self, dataset: str) -> str:
        """Where the gold spans lie."""
        return spelled(_only(self._dataset(dataset), {"gold"}))

    def questions(self, dataset: str) -> str:
        """Which questions are used, and the answer vocabulary of an open-ended data set."""
        asked = self._dataset(dataset)
        read = {"videos", "splits", "shifted_test"} | (set() if asked.format == "nextqa" else {"answers"})
        return spelled(_only(asked, read), _only(self._collection(asked.videos), POLICIES))

    # Videos.

    def probe(self, collection: str) -> str:
        """Where videos are looked for, which are asked for, and how many frames they must have."""
        asked = _only(self._collection(collection), {"folder", "mapping", "subfolders"} | POLICIES)
        return spelled(asked, self._wanted(collection), _only(self.config.features.sampling))

    def shards(self, collection: str) -> str:
        """Which videos are left out."""
        return spelled(_only(self._collection(collection), POLICIES))

    def decode(self, collection: str) -> str:
        """Which frames are read, and the pictures that are made of them."""
        features = self.config.features
        pictures = {kind: _only(getattr(features, kind), PICTURE) for kind in sources.KINDS}
        own = {kind: self._network(kind, {"size", "short_side"}) for kind in sources.KINDS}
        every = features.appearance.frames != "middle"
        policies = _only(self._collection(collection), POLICIES)
        return spelled(policies, _only(features.sampling), pictures, own, every)

    def features(self, kind: str) -> str:
        """The network of a kind, its weights, and the pictures that it sees."""
        choice = getattr(self.config.features, kind)
        read = choice.model_dump(mode="json", exclude=set() if choice.weights == "random" else {"seed"})
        of_all = _only(self.config.features, {"precision", "compile"})
        return spelled(kind, read, self._network(kind, None), of_all)

    def merge(self, collection: str) -> str:
        """Which videos are kept, and the numbers they are stored as."""
        policies = _only(self._collection(collection), POLICIES)
        return spelled(policies, _only(self.config.features, {"storage"}))

    def import_features(self, collection: str) -> str:
        """The features of others, and the videos that they are of."""
        asked, features = self._collection(collection), self.config.features
        found = _only(asked, {"folder", "mapping", "subfolders", "features"} | POLICIES)
        sampled = _only(features.sampling) if asked.folder else {}
        files = [str(path) for path in sources.features(asked).files]
        return spelled(found, files, self._wanted(collection), sampled, _only(features, {"storage"}))

    # Texts.

    def finetune(self) -> str:
        """The encoder and its fine-tuning."""
        return spelled(*self.config.text.of_encoder())

    def tokens(self) -> str:
        """Which hidden states of the fine-tuned encoder become features, of what text."""
        apart = {"layout"} if self.config.text.layout == "apart" else set()
        return spelled(_only(self.config.text, {"length", "truncate", "layer"} | apart))

    def import_tokens(self, dataset: str) -> str:
        """The token features of others, and the tokenizer that counts them."""
        return spelled(_only(self._dataset(dataset), {"tokens", "shifted_test"}), self.config.text.encoder)

    # Models.

    def train(self, run: str) -> str:
        """The settings of a run but for how it answers when it is evaluated."""
        asked = Run.of(run)
        settings = settings_of_run(self.config, asked)
        del settings["inference"]
        return spelled(settings, self.config.datasets[asked.dataset].videos)

    def evaluate(self, run: str) -> str:
        """How a trained model answers."""
        return str(settings_of_run(self.config, Run.of(run))["inference"]["answer_from"])

    def _dataset(self, name: str) -> Dataset:
        return entry_of(self.config.datasets, name, "data set")

    def _collection(self, name: str) -> VideoCollection:
        return entry_of(self.config.videos, name, "video collection")

    def _network(self, kind: str, read: set[str] | None) -> dict[str, Any]:
        """What decides a network of the user's own, or of the model hub; nothing for one of ours."""
        choice = getattr(self.config.features, kind)
        if is_of_hub(choice.network):
            files = HubFolder.of(choice, self.config.features).files
            return {path.name: sha256(path) for path in files if path.is_file()}
        network = self.config.features.networks.get(choice.network)
        return network.model_dump(mode="json", include=read, exclude=SAID) if network else {}

    def _wanted(self, collection: str) -> str:
        """A digest of the ids of the videos that the annotations ask for, which are read for it."""
        if collection not in self._video_ids:
            users = [self._dataset(name) for name in sources.users(self.config, collection)]
            ids = sorted(wanted_videos(users))
            self._video_ids[collection] = hashlib.sha256("\n".join(ids).encode()).hexdigest() if users else "all"
        return self._video_ids[collection]


def _reading(dataset: Dataset) -> dict[str, Any]:
    """What the annotation files of a data set are read by."""
    read = {"format", "annotations", "splits", "shifted_test"}
    if dataset.format == "custom" or dataset.format not in FORMATS:
        read |= {"split_shares", "split_seed"}
    return _only(dataset, read)


def _only(settings: Settings, names: set[str] | None = None) -> dict[str, Any]:
    """Some of a group's settings, all without `names`."""
    return settings.model_dump(mode="json", include=names)
