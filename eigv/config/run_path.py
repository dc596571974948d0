"""Runs by their path: one point of the grid, and settings that are changed for it alone."""

import re
from typing import Any, NamedTuple

import yaml

from base.errors import UserError

PATH = "{dataset}/{backbone}/{method}/{features}{point}/seed{seed}"
"""The path of a run, below the folder of runs. It is spelt here alone: whatever writes, reads or matches such paths,
the rules too, derives from it. `point` has its slash with it, and is empty for a run that changes no setting."""
CONSTRAINTS = {
    "dataset": "[^/]+",
    "backbone": "[^/]+",
    "method": "[^/]+",
    "features": "[^/]+",
    # What a run changes in the configuration: nothing, or /key=value,key=value
    "point": "(/[^/=]+=[^/]+)?",
    "seed": r"\d+",
}
"""What each part of the path looks like, as regular expressions."""
RUNS = "runs"
"""The folder of runs, in that of a configuration's outcomes."""

_PATTERN = re.compile(PATH.format(**{name: f"(?P<{name}>{pattern})" for name, pattern in CONSTRAINTS.items()}))
_NAMES = {name: name for name in CONSTRAINTS} | {"seed": "N"}
SHAPE = PATH.format(**_NAMES | {"point": ""})
"""The path in words."""
SHAPE_WITH_SETTINGS = PATH.format(**_NAMES | {"point": "/key=value"})


class Run(NamedTuple):
    """One point of the grid. Its path spells it."""

    dataset: str
    backbone: str
    method: str
    features: str
    seed: int
    point: str = ""
    """What differs from the configuration: `eigv.intervener.alpha=0.5`, or several of these with commas between."""

    def __str__(self) -> str:
        return PATH.format(**self._asdict() | {"point": self.point and f"/{self.point}"})

    @classmethod
    def of(cls, text: str) -> "Run":
        """The run that a path spells; `UserError` for anything else."""
        match = _PATTERN.fullmatch(text)
        if match is None:
            raise UserError(f"{text!r} is not a run; a run reads {SHAPE}, or {SHAPE_WITH_SETTINGS}")
        values = match.groupdict()
        return cls(**values | {"seed": int(values["seed"]), "point": values["point"].removeprefix("/")})


def question_only(dataset: str, seed: int | str) -> str:
    """The path of the run of a text encoder by itself, which sees no video, below the folder of runs."""
    return f"{dataset}/question-only/seed{seed}"


def point(values: dict[str, Any]) -> str:
    """Dotted keys and their values as part of a path."""
    return ",".join(f"{key}={spelled(value)}" for key, value in values.items())


def spelled(value: Any) -> str:
    """A value as it stands in a path: as in YAML."""
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)


def parts(point: str) -> dict[str, str]:
    """The dotted keys and spelled values of a point; `UserError` for what does not read key=value."""
    values = {}
    for part in filter(None, point.split(",")):
        key, equals, value = part.partition("=")
        if not (key and equals and value):
            raise UserError(f"{part!r} does not read key=value, as in training.epochs=5")
        values[key] = value
    return values


def nested(point: str) -> dict[str, Any]:
    """The settings that a point changes, as nested groups."""
    settings: dict[str, Any] = {}
    for key, text in parts(point).items():
        *groups, last = key.split(".")
        group = settings
        for name in groups:
            group = group.setdefault(name, {})
        group[last] = yaml.safe_load(text)
    return settings
