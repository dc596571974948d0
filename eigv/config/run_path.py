"""Runs by their path: one point of the grid, and settings that are changed for it alone."""

from typing import Any, NamedTuple

import yaml

from base.errors import UserError

SHAPE = "dataset/backbone/method/features/seedN, or dataset/backbone/method/features/key=value/seedN"


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
        parts = [self.dataset, self.backbone, self.method, self.features, self.point, f"seed{self.seed}"]
        return "/".join(part for part in parts if part)

    @classmethod
    def of(cls, text: str) -> "Run":
        """The run that a path spells; `UserError` for anything else."""
        parts = text.split("/")
        point = parts.pop(4) if len(parts) == 6 and "=" in parts[4] else ""
        if len(parts) != 5 or not all(parts) or not parts[4].removeprefix("seed").isdigit():
            raise UserError(f"{text!r} is not a run; a run reads {SHAPE}")
        dataset, backbone, method, features, seed = parts
        return cls(dataset, backbone, method, features, int(seed.removeprefix("seed")), point)


def point(values: dict[str, Any]) -> str:
    """Dotted keys and their values as part of a path."""
    return ",".join(f"{key}={spelled(value)}" for key, value in values.items())


def spelled(value: Any) -> str:
    """A value as it stands in a path: as in YAML."""
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)


def pairs(point: str) -> dict[str, str]:
    """The dotted keys and spelled values of a point; `UserError` for what does not read key=value."""
    found = {}
    for part in filter(None, point.split(",")):
        key, equals, value = part.partition("=")
        if not (key and equals and value):
            raise UserError(f"{part!r} does not read key=value, as in training.epochs=5")
        found[key] = value
    return found


def nested(point: str) -> dict[str, Any]:
    """The settings that a point changes, as nested groups."""
    settings: dict[str, Any] = {}
    for key, text in pairs(point).items():
        *groups, last = key.split(".")
        group = settings
        for name in groups:
            group = group.setdefault(name, {})
        group[last] = yaml.safe_load(text)
    return settings
