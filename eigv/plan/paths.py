"""Where the workflow's files lie.

Whatever is not named when a path is asked for is a wildcard in it: the path is then a pattern for a rule.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from base.formats.run_folder import RunFolder
from eigv.config.experiment import Config
from eigv.config.names import PARTS
from eigv.config.run_path import PATH, Run, question_only


@dataclass(frozen=True)
class Paths:
    """The files of one configuration."""

    results: str
    """The folder of features, annotations and texts, which several configurations can share."""
    outcomes: str
    """The folder of tables, figures and report."""
    runs: str
    """The folder that the paths of runs begin in."""

    @classmethod
    def of(cls, config: Config) -> "Paths":
        """The files of a configuration."""
        return cls(str(config.results), str(config.outcomes), str(config.runs_folder))

    def collection(self, collection: str = "{collection}") -> str:
        """The folder of a collection of videos."""
        return f"{self.results}/videos/{collection}"

    def manifest(self, collection: str = "{collection}") -> str:
        """What is known of the files of a collection."""
        return f"{self.collection(collection)}/manifest.csv"

    def video(self, collection: str = "{collection}", kinds: Sequence[str] = PARTS["app+mot"]) -> str:
        """The features of a collection: all of them, or those of one kind."""
        return f"{self.collection(collection)}/{kinds[0] if len(kinds) == 1 else 'video'}.h5"

    def shard(self, what: str, collection: str = "{collection}") -> str:
        """A part of a collection: `what` is csv (its list of videos), frames.h5, appearance.h5 or motion.h5."""
        return f"{self.collection(collection)}/shards/{{scatteritem}}.{what}"

    def dataset(self, dataset: str = "{dataset}") -> str:
        """The folder of a data set."""
        return f"{self.results}/datasets/{dataset}"

    def all_annotations(self, dataset: str = "{dataset}") -> str:
        """The folder of its annotations, those of videos that cannot be used with them."""
        return f"{self.dataset(dataset)}/all_annotations"

    def questions(self, dataset: str = "{dataset}") -> str:
        """The folder of the annotations of videos that can be used, and of the answer vocabulary."""
        return f"{self.dataset(dataset)}/annotations"

    def gold(self, dataset: str = "{dataset}") -> str:
        """The seconds that hold the answers, of the questions that can be used."""
        return f"{self.dataset(dataset)}/gold.json"

    def encoder(self, dataset: str = "{dataset}") -> str:
        """The folder of the fine-tuned text encoder."""
        return f"{self.dataset(dataset)}/text/encoder"

    def text(self, split: str = "{split}", dataset: str = "{dataset}") -> str:
        """The token features of a split."""
        return f"{self.dataset(dataset)}/text/text_{split}.h5"

    def run(self, run: Run | str = PATH) -> RunFolder:
        """The files of a run."""
        return RunFolder(Path(self.runs, str(run)))

    def state(self, run: Run | str = PATH) -> str:
        """What a training needs to go on after a kill: outside its outputs, which Snakemake removes before a rerun."""
        return f"{self.outcomes}/state/runs/{run}"

    def evaluation_state(self, run: str = PATH, split: str = "{split}") -> str:
        """The folder beside which what is evaluated ahead lies, until its own job takes it."""
        return f"{self.outcomes}/state/evaluations/{run}/{split}"

    def question_only(self, seed: int, dataset: str = "{dataset}") -> RunFolder:
        """The files of the run that sees no video."""
        return self.run(question_only(dataset, seed))

    def checkpoint(self, dataset: str = "{dataset}", checkpoint: str = "{checkpoint}") -> RunFolder:
        """The files of an official checkpoint, which are those of a run."""
        return RunFolder(Path(self.outcomes, "checkpoints", dataset, checkpoint))

    def table(self, ending: str, table: str = "{table}") -> str:
        """A table in one of its forms."""
        return f"{self.outcomes}/tables/{table}.{ending}"

    def figure(self, ending: str, figure: str) -> str:
        """A figure in one of its forms."""
        return f"{self.outcomes}/figures/{figure}.{ending}"

    def learning_curves(self, ending: str, dataset: str = "{dataset}") -> str:
        """The learning curves of the runs on a data set."""
        return self.figure(ending, f"learning-curves-{dataset}")

    def page(self, page: str = "{page}") -> str:
        """A page to browse predictions."""
        return f"{self.outcomes}/explorer/{page}.html"

    def problems(self, collection: str = "{collection}") -> str:
        """The page about the videos of a collection that cannot be read."""
        return f"{self.outcomes}/report/problems-{collection}.html"

    @property
    def times(self) -> str:
        """The page about what each stage took."""
        return f"{self.outcomes}/report/times.html"

    @property
    def report(self) -> str:
        """Snakemake's report."""
        return f"{self.outcomes}/report.html"
