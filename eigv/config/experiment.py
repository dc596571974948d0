"""The whole configuration: what is extracted, what is trained, what is shown. One place for every default."""

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, model_validator

from base.errors import UserError
from base.settings import Settings, parse
from eigv.config.methods import method
from eigv.config.official import official
from eigv.config.run import SECTIONS, Backbones, Eigv, Inference, Plugin, RunSettings, Training
from eigv.config.run_path import RUNS, Run, nested, pairs
from eigv.config.run_path import point as spelled_point
from eigv.config.shown import (
    BackboneName,
    Checkpoint,
    Explorer,
    FeatureChoice,
    MethodName,
    Rationales,
    Sweep,
    Table,
    TargetName,
)
from extract.config import Dataset, Features, Text, VideoCollection

SHOWN = ("tables", "sweeps", "rationales", "explorers", "checkpoints")
"""The parts of a configuration whose entries are targets by their names."""


class When(Settings):
    """Which runs an override is for; what is empty fits every run."""

    dataset: str | None = Field(None, description="Name of a data set.")
    backbone: BackboneName | None = Field(None, description="A backbone.")
    method: MethodName | None = Field(None, description="A method.")
    features: FeatureChoice | None = Field(None, description="A choice of features.")

    def fits(self, run: Run) -> bool:
        """Whether the run is one of them."""
        return all(wanted in (None, getattr(run, name)) for name, wanted in self)


class Override(Settings):
    """Settings of some of the runs, over those of all; later overrides win."""

    when: When = Field(When(), description="The runs that it is for.")
    backbones: Backbones = Backbones()
    eigv: Eigv = Eigv()
    training: Training = Training()
    inference: Inference = Inference()


class Config(Settings):
    """Everything that decides a number. Threads, memory and partitions belong to the profiles."""

    name: str = Field(pattern=r"^[\w.-]+$", description="Name of this configuration.")
    results: Path = Field(Path("results"), description="The folder that everything is written to.")
    output: Path | None = Field(
        None,
        description="The folder of runs, tables, figures and report, if not `results`: so that several configurations "
        "share their features.",
    )
    videos: dict[str, VideoCollection] = Field(description="Collections of raw videos, by name.")
    datasets: dict[str, Dataset] = Field(
        {}, description="Data sets, by name; none where only features are wanted (`snakemake videos`)."
    )
    features: Features = Features()
    text: Text = Text()
    backbones: Backbones = Backbones()
    eigv: Eigv = Eigv()
    training: Training = Training()
    inference: Inference = Inference()
    preset: Literal["paper", "official"] = Field(
        "paper",
        description="What runs are set to where this configuration says nothing: the paper's text, or the official "
        "code of the data set and the backbone (docs/method.md).",
    )
    plugins: dict[BackboneName, Plugin] = Field({}, description="Backbones of your own, by name.")
    overrides: tuple[Override, ...] = Field((), description="Settings of some of the runs.")
    tables: dict[TargetName, Table] = Field({}, description="The tables of the paper, and your own, by name.")
    sweeps: dict[TargetName, Sweep] = Field({}, description="Pictures of accuracy against a setting, by name.")
    rationales: dict[TargetName, Rationales] = Field({}, description="Rationale pictures, by name.")
    explorers: dict[TargetName, Explorer] = Field({}, description="Pages to browse predictions, by name.")
    checkpoints: dict[TargetName, Checkpoint] = Field(
        {}, description="Checkpoints of the official code to be evaluated, by name."
    )

    @model_validator(mode="after")
    def _names_exist(self) -> "Config":
        for problem in self._problems():
            raise ValueError(problem)
        return self

    def _problems(self) -> Iterator[str]:
        """What refers to something that is not there."""
        for name, dataset in self.datasets.items():
            if dataset.videos not in self.videos:
                yield f"`datasets.{name}.videos` names the collection {dataset.videos!r}, which is not in `videos`"
        grids = {f"tables.{name}": table for name, table in self.tables.items()}
        for where, grid in (grids | {f"sweeps.{name}": sweep for name, sweep in self.sweeps.items()}).items():
            for dataset_name in grid.datasets:
                if dataset_name not in self.datasets:
                    yield f"`{where}.datasets` names {dataset_name!r}, which is not in `datasets`"
            for problem in filter(None, map(self.unknown_backbone, grid.backbones)):
                yield f"`{where}.backbones`: {problem}"
            values = [grid.at] + ([{grid.key: v} for v in grid.values] if isinstance(grid, Sweep) else [])
            for problem in filter(None, map(_wrong_point, values)):
                yield f"`{where}`: {problem}"
        for override in self.overrides:
            if override.when.dataset not in (None, *self.datasets):
                yield f"`overrides` names {override.when.dataset!r}, which is not in `datasets`"
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
        for name, checkpoint in self.checkpoints.items():
            if checkpoint.dataset not in self.datasets:
                yield f"`checkpoints.{name}.dataset` names {checkpoint.dataset!r}, which is not in `datasets`"
                continue
            try:
                official(self.datasets[checkpoint.dataset].format, checkpoint.backbone)
            except UserError as error:
                yield f"`checkpoints.{name}`: {error}"
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
        there = [*Backbones.model_fields, *self.plugins]
        if name in there:
            return None
        near = difflib.get_close_matches(name, there, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "a file of your own is named under `plugins`"
        return f"there is no backbone {name!r} ({', '.join(there)}); {hint}"

    def runs(self, name: str) -> list[Run]:
        """The runs that a table or a sweep needs, in its order, each once."""
        runs = self.tables[name].runs() if name in self.tables else [run for _, run in self.sweeps[name].runs()]
        return list(dict.fromkeys(canonical(self, run) for run in runs))


def section(config: Config, run: Run) -> dict[str, Any]:
    """The settings of one run, as JSON values; `UserError` for a run that is not in the grid.

    From the bottom up: the defaults, the preset, what the configuration says for all runs, its overrides, the run's own
    point. What the run does not read is left at its default, so that changing it leaves the run alone.
    """
    if run.dataset not in config.datasets:
        raise UserError(f"the configuration has no data set {run.dataset!r}; it has {', '.join(config.datasets)}")
    if problem := config.unknown_backbone(run.backbone):
        raise UserError(problem)
    values: dict[str, Any] = {}
    if config.preset == "official":
        values = official(config.datasets[run.dataset].format, run.backbone)
    own_point = parse(Override, nested(run.point), str(run))
    for layer in (config, *(override for override in config.overrides if override.when.fits(run)), own_point):
        _merge(values, layer.model_dump(mode="json", exclude_unset=True, include=set(SECTIONS)))
    own = values.pop("backbones", {}).get(run.backbone)
    if run.backbone in config.plugins:
        values["plugin"] = config.plugins[run.backbone]
    elif own:
        values["backbones"] = {run.backbone: own}
    for group in method(run.method).unread:
        values.get("eigv", {}).pop(group, None)
    values |= {name: value for name, value in run._asdict().items() if name not in ("dataset", "point")}
    return parse(RunSettings, values, str(run)).model_dump(mode="json")


def canonical(config: Config, run: Run) -> Run:
    """The run without those parts of its point that change nothing: where a sweep meets the configuration's own value,
    it is the same run as everywhere else."""
    for key in pairs(run.point):
        shorter = run._replace(point=spelled_point({k: v for k, v in pairs(run.point).items() if k != key}))
        if section(config, shorter) == section(config, run):
            run = shorter
    return run


def _wrong_point(values: dict[str, Any]) -> str | None:
    """What to say of settings that no run has, or of values that do not fit; None for good ones."""
    try:
        parse(Override, nested(spelled_point(values)), "settings of runs")
    except UserError as error:
        return str(error)
    return "`when` is no setting of a run" if any(key.split(".")[0] == "when" for key in values) else None


def load(sources: Sequence[Path | str]) -> Config:
    """Reads configuration files or JSON texts, later ones over earlier ones, key by key; `UserError` for anything
    unknown."""
    merged: dict[str, Any] = {}
    for source in sources:
        _merge(merged, _read(source))
    names = [str(source) if not _is_text(source) else "given as text" for source in sources]
    return parse(Config, merged, "configuration " + ", ".join(names))


def _is_text(source: Path | str) -> bool:
    return str(source).lstrip().startswith("{")


def _read(source: Path | str) -> dict[str, Any]:
    name = "given as text" if _is_text(source) else source
    try:
        text = str(source) if _is_text(source) else Path(source).read_text(encoding="utf-8")
        return yaml.safe_load(text) or {}
    except FileNotFoundError:
        raise UserError(f"the configuration {name} does not exist") from None
    except yaml.YAMLError as error:
        raise UserError(f"the configuration {name} is not YAML: {error}") from None


def _merge(base: dict[str, Any], over: dict[str, Any]) -> None:
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = value
