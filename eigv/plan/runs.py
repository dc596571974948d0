"""What the rules of training and evaluation are given: the settings of a run, its folder, code of the user's own."""

import json
from collections.abc import Iterable
from typing import Any

from base import layers
from base.errors import UserError
from base.formats.run_folder import RunFolder
from eigv.config.experiment import Config, canonical, settings_of_run
from eigv.config.methods import GUIDE
from eigv.config.methods import method as method_of
from eigv.config.run_path import Run
from eigv.config.targets import Checkpoint
from eigv.plan import sources
from eigv.plan.arguments import flags
from eigv.plan.entries import entry_of
from eigv.plan.missing import Part, refuse_if_incomplete
from eigv.plan.paths import Paths


class Runs:
    """Runs and official checkpoints of a configuration; `UserError` for a run that is not in its grid."""

    def __init__(self, config: Config, paths: Paths, ask_hub: bool = True) -> None:
        """Of `config`, whose files lie where `paths` says."""
        self.config, self.paths, self.ask_hub = config, paths, ask_hub

    def settings(self, run: str) -> str:
        """What decides the numbers of a run: its backbone's sizes, its method's settings, the optimisation. As JSON."""
        return json.dumps(settings_of_run(self.config, Run.of(run)))

    def before(self, run: str) -> list[str]:
        """What the training of a run goes on from: the model that it puts an indicator on, the one that guides it, or
        the gold spans that say its scenes. `UserError` where there are no gold spans.
        """
        asked = Run.of(run)
        how = method_of(asked.method)
        if how.selects == "afterwards":
            predictor = settings_of_run(self.config, asked)["eigv"]["faithful"]["predictor"]
            return _model(self.folder(asked._replace(method=predictor)))
        if how.scenes == "guide":
            return _model(self.folder(asked._replace(method=GUIDE)))
        return self._wanted_gold(run, "its scenes are the gold spans") if how.scenes == "gold" else []

    def labels(self, run: str) -> list[str]:
        """The gold spans that the indicator of a run learns from; `UserError` where there are none."""
        asked = Run.of(run)
        if method_of(asked.method).selects == "no":
            return []
        share = settings_of_run(self.config, asked)["eigv"]["faithful"]["labelled"]
        return self._wanted_gold(run, f"`eigv.faithful.labelled` is {share}") if share else []

    def labels_option(self, run: str) -> list[str]:
        """The words that tell a training of them."""
        return flags("--labels", self.labels(run))

    def _wanted_gold(self, run: str, why: str) -> list[str]:
        dataset = Run.of(run).dataset
        if not self.config.datasets[dataset].gold:
            raise UserError(f"{run}: {why}, and `datasets.{dataset}` has no `gold`")
        return [self.paths.gold(dataset)]

    def before_option(self, run: str) -> list[str]:
        """The words that tell a training of it."""
        return flags("--before", self.before(run)[:1])

    def beside(self) -> list[str]:
        """What trainings are told that decides no number, as words of the command line: where their curves go, if
        history.csv is not all, and where their data lie, if that is not left to them."""
        how = self.config.training
        loggers = [logger for logger in how.logger if logger != "csv"]
        curves = [*flags("--logger", loggers), "--curves", f"{self.paths.outcomes}/logs"] if loggers else []
        return curves + (flags("--data-on", [how.data_on]) if how.data_on != "auto" else [])

    def ahead(self, run: str, waiting: Iterable[str], most: int) -> str:
        """What a training may train ahead: the next of the `waiting` runs of its data set, `most` at the most, as JSON.

        Of their settings what differs from the run's own, so that a list of many fits a command line.
        """
        own = settings_of_run(self.config, Run.of(run))
        after: list[str] = []
        earlier: list[str] = []
        for other in sorted(set(waiting) - {run}):
            # What goes on from another run waits for that.
            if Run.of(other).dataset == Run.of(run).dataset and not self.before(other) + self.labels(other):
                (after if other > run else earlier).append(other)
        entries: list[dict[str, Any]] = []
        for other in after + earlier:
            values = settings_of_run(self.config, Run.of(other))
            differing = _differing(values, own)
            # A key cannot be taken away: of code of the user's own, whose settings may have any names.
            if layers.over(own, differing) == values and len(entries) < most:
                place = {"out": str(self.paths.run(other).path), "state": self.paths.state(other), "name": other}
                entries.append({"settings": differing, **place})
        return json.dumps(entries)

    def evaluations_ahead(self, run: str, split: str, waiting: Iterable[tuple[str, str]], most: int) -> str:
        """What an evaluation may evaluate ahead: of the `waiting` runs and splits of its data set `most`, as JSON."""
        dataset = Run.of(run).dataset
        others = [one for one in sorted(set(waiting) - {(run, split)}) if Run.of(one[0]).dataset == dataset]
        return json.dumps([self._evaluation(*other) for other in others[:most]])

    def _evaluation(self, run: str, split: str) -> dict[str, Any]:
        """The command line of an evaluation, as an entry of a list."""
        folder, gold = self.paths.run(run), self.gold(Run.of(run).dataset, Run.of(run).method)
        return {
            "model": str(folder.model),
            "out": str((folder if split == "test" else folder.of_split(split)).path),
            "split": split,
            "inference": settings_of_run(self.config, Run.of(run))["inference"],
            "gold": gold[0] if gold else None,
            "state": self.paths.evaluation_state(run, split),
        }

    def own_files(self, backbone: str) -> list[str]:
        """The user's own files that a run executes: a change of one of them trains anew."""
        return list(map(str, sources.backbone_code(self.config, backbone)))

    def folder(self, run: Run | str) -> RunFolder:
        """The files of a run. What its point does not change is left out of their path."""
        return self.paths.run(canonical(self.config, Run.of(run) if isinstance(run, str) else run))

    def question_only(self, dataset: str = "{dataset}") -> RunFolder:
        """The files of the run that sees no video: the fine-tuned text encoder by itself."""
        return self.paths.question_only(self.config.text.finetuning.seed, dataset)

    def gold(self, dataset: str, method: str) -> list[str]:
        """The gold spans that the rationales of a run are measured against; none where there are none of either."""
        asked = entry_of(self.config.datasets, dataset, "data set")
        return [self.paths.gold(dataset)] if asked.gold and method_of(method).grounds else []

    def gold_of_checkpoint(self, dataset: str) -> list[str]:
        """The same of an official checkpoint, which grounds."""
        return self.gold(dataset, "eigv")

    def gold_option(self, dataset: str, method: str = "eigv") -> list[str]:
        """The words that tell an evaluation of them."""
        return flags("--gold", self.gold(dataset, method))

    def faithfulness(self, run: str) -> str:
        """On how many questions an evaluation measures whether answers rest on the rationales."""
        return str(settings_of_run(self.config, Run.of(run))["inference"]["faithfulness"])

    def noise_draws(self, run: str) -> str:
        """How often an evaluation draws the causal scenes with noise."""
        return str(settings_of_run(self.config, Run.of(run))["inference"]["noise_draws"])

    def environment(self, run: str) -> str:
        """What becomes of the environment's clips where an evaluation answers from the causal scene."""
        return str(settings_of_run(self.config, Run.of(run))["inference"]["environment"])

    def checkpoint(self, checkpoint: str) -> Checkpoint:
        """The settings of an official checkpoint."""
        return entry_of(self.config.checkpoints, checkpoint, "checkpoint")

    def checkpoint_file(self, checkpoint: str) -> str:
        """Its file. `UserError` if anything that it or its data set needs is missing."""
        asked = self.checkpoint(checkpoint)
        part = Part([asked.dataset], [self.config.datasets[asked.dataset].videos])
        refuse_if_incomplete(self.config, self.paths, part, self.ask_hub)
        return str(asked.file)

    def checkpoint_backbone(self, checkpoint: str) -> str:
        """Its backbone."""
        return self.checkpoint(checkpoint).backbone


def _model(run: RunFolder) -> list[str]:
    return [str(run.model), str(run.weights)]


def _differing(values: dict[str, Any], below: dict[str, Any]) -> dict[str, Any]:
    """What is to go over `below` to give `values`."""
    found = {}
    for key, value in values.items():
        lower = below.get(key)
        if isinstance(lower, dict) and isinstance(value, dict):
            if inner := _differing(value, lower):
                found[key] = inner
        elif key not in below or value != lower:
            found[key] = value
    return found
