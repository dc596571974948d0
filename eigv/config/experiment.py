"""The whole configuration: what is extracted, what is trained, what is shown; and what it says of one run."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from base import layers
from base.errors import UserError, no_such
from base.settings import parse
from eigv.config.choices import DataOn
from eigv.config.methods import READ_BY_ALL, method, without_indicator
from eigv.config.names import BackboneName, TargetName
from eigv.config.official import official
from eigv.config.override import Override
from eigv.config.run import (
    SECTIONS,
    BackbonesSettings,
    EigvSettings,
    InferenceSettings,
    Plugin,
    RunSettings,
    TrainingSettings,
)
from eigv.config.run_path import RUNS, Run, nested, parts, point
from eigv.config.targets import Checkpoint, Curves, Explanations, Explorer, Grid, Rationales, Sweep, Table
from extract.config import Extraction
from extract.config.names import OutputFolder

SHOWN = ("tables", "sweeps", "rationales", "explorers", "explanations", "curves", "checkpoints")
"""The parts of a configuration whose entries are targets by their names."""


class Training(TrainingSettings):
    """Optimisation of all runs, and what of it decides no number: where curves go, where data lie."""

    logger: tuple[Literal["csv", "tensorboard", "wandb"], ...] = Field(
        ("csv",),
        description="Where the curves of trainings go. `csv` is history.csv, which is always written; `tensorboard` "
        "and `wandb` (Weights & Biases) need their packages. It is for all runs at once, and reruns nothing.",
    )
    data_on: DataOn = Field(
        "auto",
        description="Where features and token features lie while a GPU trains: on it (`device`), in memory, from which "
        "batches are copied one ahead (`host`), or on it as far as they fit into 40 % of its free memory. For all runs "
        "at once, and reruns nothing.",
    )


class Config(Extraction):
    """Everything that decides a number. Threads, memory and partitions belong to the profiles.

    `device` and `deterministic` stand here because they decide its last digits. They are recorded with every run, and
    changing them reruns nothing.
    """

    name: str = Field(pattern=r"^[\w.-]+$", description="Name of this configuration.")
    output: OutputFolder | None = Field(
        None,
        description="The folder of runs, tables, figures and report, if not `results`: so that several configurations "
        "share their features.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto",
        description="What networks and models run on: `auto` takes a GPU where CUDA starts, and else says why it does "
        "not; `cuda` refuses to go on without.",
    )
    deterministic: bool = Field(
        False, description="Trainings use only operations that PyTorch calls deterministic; slower on a GPU."
    )
    backbones: BackbonesSettings = BackbonesSettings()
    eigv: EigvSettings = EigvSettings()
    training: Training = Training()
    inference: InferenceSettings = InferenceSettings()
    preset: Literal["paper", "official"] = Field(
        "paper",
        description="What runs are set to where this configuration says nothing: the paper's text, or the official "
        "code of the data set and the backbone (docs/method.md).",
    )
    plugins: dict[BackboneName, Plugin] = Field(
        {}, description="Backbones of your own, by name; a class alone is short for `{code: ...}`."
    )
    overrides: tuple[Override, ...] = Field((), description="Settings of some of the runs.")
    tables: dict[TargetName, Table] = Field({}, description="The tables of the paper, and your own, by name.")
    sweeps: dict[TargetName, Sweep] = Field({}, description="Pictures of accuracy against a setting, by name.")
    rationales: dict[TargetName, Rationales] = Field({}, description="Rationale pictures, by name.")
    explorers: dict[TargetName, Explorer] = Field({}, description="Pages to browse predictions, by name.")
    explanations: dict[TargetName, Explanations] = Field(
        {}, description="Tables of intrinsic against post-hoc rationales, by name (docs/rationales.md)."
    )
    curves: dict[TargetName, Curves] = Field({}, description="Deletion and insertion curves of tables, by name.")
    checkpoints: dict[TargetName, Checkpoint] = Field(
        {}, description="Checkpoints of the official code to be evaluated, by name."
    )

    @field_validator("plugins", mode="before", json_schema_input_type=dict[BackboneName, str | Plugin])
    @classmethod
    def _short_forms(cls, plugins: Any) -> Any:
        if not isinstance(plugins, dict):
            return plugins
        return {name: {"code": plugin} if isinstance(plugin, str) else plugin for name, plugin in plugins.items()}

    @model_validator(mode="after")
    def _names_exist(self) -> "Config":
        checks = (self._wrong_grids, self._wrong_runs, self._wrong_explanations, self._wrong_checkpoints)
        for check in (*checks, self._wrong_names):
            for problem in check():
                raise ValueError(problem)
        return self

    def _wrong_grids(self) -> Iterator[str]:
        """What is wrong with the runs of tables and sweeps, and with whom overrides are for."""
        grids: dict[str, Grid] = {f"tables.{name}": table for name, table in self.tables.items()}
        for where, grid in (grids | {f"sweeps.{name}": sweep for name, sweep in self.sweeps.items()}).items():
            for dataset in grid.datasets:
                if dataset not in self.datasets:
                    yield f"`{where}.datasets` names {dataset!r}, which is not in `datasets`"
                elif absent := self._unread(dataset, "train", "val", "test"):
                    yield f"`{where}.datasets` names {dataset!r}, whose `splits` lack {absent}, which runs need"
            for problem in filter(None, map(self.unknown_backbone, grid.backbones)):
                yield f"`{where}.backbones`: {problem}"
            values = [grid.at] + ([{grid.key: v} for v in grid.values] if isinstance(grid, Sweep) else [])
            for problem in filter(None, map(_wrong_point, values)):
                yield f"`{where}`: {problem}"
        for name, curves in self.curves.items():
            if curves.table not in self.tables:
                yield f"`curves.{name}.table` names {curves.table!r}, which is not in `tables`"
        for override in self.overrides:
            for name in override.when.dataset:
                if name not in self.datasets:
                    yield f"`overrides` names {name!r}, which is not in `datasets`"

    def _wrong_runs(self) -> Iterator[str]:
        """What is wrong with the runs whose answers are shown."""
        shown = [(f"rationales.{name}.run", picture.run) for name, picture in self.rationales.items()]
        shown += [(f"explorers.{name}.runs", run) for name, page in self.explorers.items() for run in page.runs]
        for where, text in shown:
            try:
                run = Run.of(text)
            except UserError as error:
                yield f"`{where}`: {error}"
                continue
            if run.dataset not in self.datasets:
                yield f"`{where}` names {run.dataset!r}, which is not in `datasets`"
            elif self.videos[self.datasets[run.dataset].videos].folder is None:
                yield f"`{where}` shows frames: `videos.{self.datasets[run.dataset].videos}` needs `folder`"
        for name, page in self.explorers.items():
            if len({Run.of(run).dataset for run in page.runs}) > 1:
                yield f"`explorers.{name}.runs`: a page compares runs of one data set"

    def _wrong_explanations(self) -> Iterator[str]:
        """What is wrong with the runs whose indicator is held against post-hoc explainers."""
        for name, table in self.explanations.items():
            where = f"explanations.{name}"
            try:
                runs = [Run.of(text) for text in table.runs]
            except UserError as error:
                yield f"`{where}.runs`: {error}"
                continue
            first = runs[0]
            if len({run._replace(seed=0) for run in runs}) > 1:
                yield f"`{where}.runs` differ in more than their seed: a table is of one thing; give another its own"
            elif len(set(runs)) < len(runs):
                yield f"`{where}.runs` names a run twice"
            elif first.dataset not in self.datasets:
                yield f"`{where}.runs` names {first.dataset!r}, which is not in `datasets`"
            elif absent := self._unread(first.dataset, "train", "val", "test"):
                yield f"`{where}.runs` names {first.dataset!r}, whose `splits` lack {absent}, which runs need"
            elif not self.datasets[first.dataset].gold:
                yield f"`{where}` measures against gold spans: `datasets.{first.dataset}` needs `gold`"
            elif problem := self.unknown_backbone(first.backbone) or without_indicator(first.method):
                yield f"`{where}.runs`: {problem}"
            elif table.split not in (splits := list(filter(None, ("test", self.datasets[first.dataset].shifted_test)))):
                yield f"`{where}.split`: {first.dataset!r} is tested on {' and '.join(splits)}, not on {table.split!r}"

    def _wrong_checkpoints(self) -> Iterator[str]:
        """Checkpoints of a data set or of a model that there is not."""
        for name, checkpoint in self.checkpoints.items():
            if checkpoint.dataset not in self.datasets:
                yield f"`checkpoints.{name}.dataset` names {checkpoint.dataset!r}, which is not in `datasets`"
                continue
            # Without token features of others an encoder is fine-tuned first.
            needed = ("test",) if self.datasets[checkpoint.dataset].tokens else ("train", "val", "test")
            if absent := self._unread(checkpoint.dataset, *needed):
                yield f"`checkpoints.{name}.dataset` needs {absent} among the `splits` of {checkpoint.dataset!r}"
            try:
                official(self.datasets[checkpoint.dataset].format, checkpoint.backbone)
            except UserError as error:
                yield f"`checkpoints.{name}`: {error}"

    def _unread(self, dataset: str, *needed: str) -> str:
        """Those of the splits that a data set does not read; empty if it reads all."""
        return ", ".join(split for split in needed if split not in self.datasets[dataset].splits)

    def _wrong_names(self) -> Iterator[str]:
        """Names that stand for two things."""
        for name in self.plugins:
            if name in BackbonesSettings.model_fields:
                yield f"`plugins.{name}`: a backbone of that name is built in; give yours another"
        names = self.shown
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"{name!r} names more than one of {', '.join(f'`{part}`' for part in SHOWN)}"

    @property
    def shown(self) -> list[str]:
        """The names of everything that can be asked for, part by part."""
        return [name for part in SHOWN for name in getattr(self, part)]

    @property
    def outcomes(self) -> Path:
        """The folder of runs, tables and figures."""
        return self.output or self.results

    @property
    def runs_folder(self) -> Path:
        """The folder that the paths of runs begin in."""
        return self.outcomes / RUNS

    def unknown_backbone(self, name: str) -> str | None:
        """What to say of a backbone that there is not; None for one that there is."""
        there = [*BackbonesSettings.model_fields, *self.plugins]
        return None if name in there else no_such("backbone", name, there, "one of your own is named under `plugins`")

    def runs(self, name: str) -> list[Run]:
        """The runs that a table or a sweep needs, in its order, each once."""
        runs = self.tables[name].runs() if name in self.tables else [run for _, run in self.sweeps[name].runs()]
        return list(dict.fromkeys(canonical(self, run) for run in runs))


def settings_of_run(config: Config, run: Run) -> dict[str, Any]:
    """The settings of one run, as JSON values; `UserError` for a run that is not in the grid.

    From the bottom up: the defaults, the official settings if they are asked for, what the configuration says for all
    runs, its overrides, the run's own point. What the run does not read is left at its default, so that changing it
    leaves the run alone.
    """
    if run.dataset not in config.datasets:
        raise UserError(f"the configuration has no data set {run.dataset!r}; it has {', '.join(config.datasets)}")
    if problem := config.unknown_backbone(run.backbone):
        raise UserError(problem)
    values: dict[str, Any] = {}
    if config.preset == "official":
        values = official(config.datasets[run.dataset].format, run.backbone, run.method)
    own_point = parse(Override, nested(run.point), str(run))
    for layer in (config, *(override for override in config.overrides if override.when.fits(run)), own_point):
        said = layer.model_dump(
            mode="json", exclude_unset=True, include=set(SECTIONS), exclude={"training": {"logger", "data_on"}}
        )
        values = layers.over(values, said)
    own = values.pop("backbones", {}).get(run.backbone)
    if run.backbone in config.plugins:
        values["plugin"] = config.plugins[run.backbone]
    elif own:
        values["backbones"] = {run.backbone: own}
    for group in method(run.method).unread:
        said = values.get("eigv", {}).pop(group, {})
        if kept := {name: said[name] for name in READ_BY_ALL.get(group, ()) if name in said}:
            values["eigv"][group] = kept
    values |= {name: value for name, value in run._asdict().items() if name not in ("dataset", "point")}
    return parse(RunSettings, values, str(run)).model_dump(mode="json")


def canonical(config: Config, run: Run) -> Run:
    """The run without those parts of its point that change nothing: where a sweep meets the configuration's own value,
    it is the same run as everywhere else."""
    for key in parts(run.point):
        shorter = run._replace(point=point({k: v for k, v in parts(run.point).items() if k != key}))
        if settings_of_run(config, shorter) == settings_of_run(config, run):
            run = shorter
    return run


def _wrong_point(values: dict[str, Any]) -> str | None:
    """What to say of settings that no run has, or of values that do not fit; None for good ones."""
    try:
        parse(Override, nested(point(values)), "settings of runs")
    except UserError as error:
        return str(error)
    return "`when` is no setting of a run" if any(key.split(".")[0] == "when" for key in values) else None


def load(sources: Sequence[Path | str]) -> Config:
    """Reads configuration files or JSON texts, later ones over earlier ones, key by key; `UserError` for anything
    unknown."""
    return parse(Config, layers.read_all(sources, "the configuration"), f"configuration {layers.names(sources)}")
