"""Tables, figures and pages: which runs each of them shows, and so which files a target needs.

Snakemake does not miss a file that is only needed for one that is there: a run that was removed would stay away. So a
target names the files of its runs as well.
"""

import json
from collections.abc import Iterable

from base.errors import UserError
from base.formats.run_folder import RunFolder
from eigv.config.experiment import SHOWN, Config
from eigv.config.methods import method
from eigv.config.run_path import Run
from eigv.plan import kinds
from eigv.plan.arguments import as_json, flags, spelled
from eigv.plan.entries import entry_of
from eigv.plan.paths import Paths
from eigv.plan.runs import Runs

PAPER = ("table1", "table2", "table3", "figure5a", "figure5b", "figure6", "explorer")
"""Targets that exist in every configuration, if only to say what it has instead."""
EVERY_PAGE = "explorer"
"""The target of all pages to browse."""


class Targets:
    """What a configuration shows; `UserError` for what it does not."""

    def __init__(self, config: Config, paths: Paths, runs: Runs) -> None:
        """Of `config`, whose files lie where `paths` says and whose runs where `runs` says."""
        self.config, self.paths, self.runs = config, paths, runs

    # Inputs of the rules.

    def table_runs(self, table: str) -> list[str]:
        """The metrics of the runs that a table shows."""
        shown = entry_of(self.config.tables, table, "table")
        files = []
        for run in self.config.runs(table):
            folder = self.runs.folder(run)
            shifted = self.config.datasets[run.dataset].shifted_test
            files.append(folder.metrics)
            files += [folder.of_split(shifted).metrics] if shown.shifted and shifted else []
        if shown.question_only:
            # A data set whose tokens are imported has no encoder here.
            encoded = [name for name in shown.datasets if not self.config.datasets[name].tokens]
            files += [self.runs.question_only(name).metrics for name in encoded]
        return list(map(str, files))

    def sweep_runs(self, sweep: str) -> list[str]:
        """The metrics of the runs that a sweep shows."""
        entry_of(self.config.sweeps, sweep, "sweep")
        return [str(self.runs.folder(run).metrics) for run in self.config.runs(sweep)]

    def curve_runs(self, curves: str) -> list[str]:
        """The metrics of the runs whose rationales curves are of."""
        shown = entry_of(self.config.curves, curves, "curves")
        runs = [run for run in self.config.runs(shown.table) if method(run.method).grounds]
        return [str(self.runs.folder(run).metrics) for run in runs]

    def histories(self, dataset: str) -> list[str]:
        """The learning curves of the runs of all tables on a data set."""
        return [str(folder.history) for folder in self._trained(dataset)]

    def trained(self, dataset: str) -> list[str]:
        """The folders of those runs."""
        return [str(folder.path) for folder in self._trained(dataset)]

    def _trained(self, dataset: str) -> list[RunFolder]:
        runs = [run for table in self.config.tables for run in self.config.runs(table) if run.dataset == dataset]
        return list(dict.fromkeys(map(self.runs.folder, runs)))

    def picture_inputs(self, picture: str) -> dict[str, list[str]]:
        """What a rationale picture is drawn from."""
        return self._answers((entry_of(self.config.rationales, picture, "rationale picture").run,))

    def page_inputs(self, page: str) -> dict[str, list[str]]:
        """What a page to browse is made from."""
        runs = entry_of(self.config.explorers, page, "page to browse").runs
        tested = [table for table in self.config.explanations.values() if table.split == "test"]
        explained = {run for table in tested for run in table.runs}
        files = [str(self.runs.folder(run).explanations) for run in runs if run in explained]
        return self._answers(runs) | {"explanations": files}

    def picture_gold(self, picture: str) -> list[str]:
        """The words that tell a rationale picture of the gold spans, where there are some."""
        return flags("--gold", self.picture_inputs(picture)["gold"])

    def page_gold(self, page: str) -> list[str]:
        """The same of a page to browse."""
        return flags("--gold", self.page_inputs(page)["gold"])

    def page_explanations(self, page: str) -> list[str]:
        """The words that tell a page to browse of post-hoc explanations, where they are made of a run of it."""
        return flags("--explanations", self.page_inputs(page)["explanations"])

    def _answers(self, runs: tuple[str, ...]) -> dict[str, list[str]]:
        """The answers of runs on one data set, and what shows the videos and questions beside them."""
        dataset = Run.of(runs[0]).dataset
        collection = self.config.datasets[dataset].videos
        return {
            "gold": [self.paths.gold(dataset)] if self.config.datasets[dataset].gold else [],
            "manifest": [self.paths.manifest(collection)],
            "predictions": [str(self.runs.folder(run).predictions) for run in runs],
            "questions": [self.paths.questions(dataset)],
            "video": [kinds.file(self.config, self.paths, collection, kinds.of_runs(runs))],
        }

    def explained(self, explanations: str) -> list[str]:
        """What the indicator and post-hoc explainers select in each of the runs of a table of both."""
        shown = entry_of(self.config.explanations, explanations, "table of explanations")
        return [str(self.runs.folder(run).of_split(shown.split).explanations) for run in shown.runs]

    # What decides a table, a figure or a page, beside the files that it is made from: these, and its own settings.

    def decides_table(self, table: str) -> str:
        """Which runs a table shows, and how."""
        shown = entry_of(self.config.tables, table, "table")
        return spelled(shown.model_dump(mode="json"), self.table_runs(table), self._formats(shown.datasets))

    def decides_sweep(self, sweep: str) -> str:
        """Which runs a sweep shows, and how."""
        shown = entry_of(self.config.sweeps, sweep, "sweep")
        return spelled(shown.model_dump(mode="json"), self.sweep_runs(sweep), self._formats(shown.datasets))

    def decides_explanations(self, explanations: str) -> str:
        """Which runs a table of explanations is of, and their split."""
        shown = entry_of(self.config.explanations, explanations, "table of explanations")
        return spelled(shown.model_dump(mode="json"), self.explained(explanations))

    def decides_curves(self, curves: str) -> str:
        """Of which runs curves are."""
        return spelled(self.curve_runs(curves))

    def _formats(self, datasets: Iterable[str]) -> list[str]:
        return [self.config.datasets[name].format for name in datasets]

    def decides_picture(self, picture: str) -> str:
        """Which questions a rationale picture shows; a seed decides a random choice alone, and ids leave none."""
        shown = entry_of(self.config.rationales, picture, "rationale picture")
        unread = {"questions", "choose", "seed"} if shown.qids else set() if shown.choose == "random" else {"seed"}
        return spelled(shown.model_dump(mode="json", exclude=unread))

    # Settings.

    def table_config(self, table: str) -> str:
        """What the command that makes a table reads of the configuration."""
        return self._config_for("tables", table)

    def sweep_config(self, sweep: str) -> str:
        """What the command that draws a sweep reads of the configuration."""
        return self._config_for("sweeps", sweep)

    def explanations_config(self, explanations: str) -> str:
        """What the command that makes a table of explanations reads of the configuration."""
        return self._config_for("explanations", explanations)

    def curves_config(self, curves: str) -> str:
        """What the command that draws curves reads of the configuration: their table too."""
        shown = entry_of(self.config.curves, curves, "curves")
        table = json.loads(self._config_for("tables", shown.table))
        return json.dumps(table | {"curves": {curves: shown.model_dump(mode="json")}})

    def _config_for(self, part: str, name: str) -> str:
        """The configuration with one only of its tables, sweeps, pictures and pages, as JSON: the others may change."""
        values = self.config.model_dump(mode="json", exclude_unset=True, exclude=set(SHOWN))
        if name in getattr(self.config, part):
            values[part] = {name: getattr(self.config, part)[name].model_dump(mode="json", exclude_unset=True)}
        return json.dumps(values)

    def picture_settings(self, picture: str) -> str:
        """What a rationale picture is drawn by, as JSON."""
        return as_json(entry_of(self.config.rationales, picture, "rationale picture"))

    def page_settings(self, page: str) -> str:
        """What a page to browse is made by, as JSON."""
        return as_json(entry_of(self.config.explorers, page, "page to browse"))

    # Targets.

    @property
    def names(self) -> list[str]:
        """Everything that can be asked for by its name."""
        return list(dict.fromkeys([*self.config.shown, *PAPER]))

    def files(self, name: str) -> list[str]:
        """The files of a target, with those of the runs that it shows. `UserError` if the configuration has none of
        that name."""
        config = self.config
        if name == EVERY_PAGE and config.explorers:
            return [file for page in config.explorers for file in self._page(page)]
        if name in config.tables:
            return [self.paths.table("md", name), *self.table_runs(name)]
        if name in config.sweeps:
            return [self.paths.figure("png", name), *self.sweep_runs(name)]
        if name in config.rationales:
            return [self.paths.figure("png", name), *self.picture_inputs(name)["predictions"]]
        if name in config.curves:
            return [self.paths.figure("png", name), *self.curve_runs(name)]
        if name in config.explanations:
            return [self.paths.table("md", name), *self.explained(name)]
        if name in config.checkpoints:
            return [str(self.paths.checkpoint(config.checkpoints[name].dataset, name).metrics)]
        if name in config.explorers:
            return self._page(name)
        raise UserError(f"the configuration {config.name!r} has no {name}; it has {', '.join(config.shown)}")

    def _page(self, page: str) -> list[str]:
        return [self.paths.page(page), *self.page_inputs(page)["predictions"]]

    def artefacts(self) -> list[str]:
        """The files of everything that the configuration shows, without the report."""
        files = [file for name in self.config.shown for file in self.files(name)]
        for dataset in dict.fromkeys(name for table in self.config.tables.values() for name in table.datasets):
            files += [self.paths.learning_curves("png", dataset), *self.histories(dataset)]
        collections = sorted({dataset.videos for dataset in self.config.datasets.values()})
        gold = [self.paths.gold(name) for name, dataset in self.config.datasets.items() if dataset.gold]
        return [*dict.fromkeys(files), *gold, *map(self.paths.problems, collections)]
