"""What environment.yml, requirements.lock and pyproject.toml pin, and where they disagree."""

import re
import tomllib
from collections.abc import Iterator
from typing import NamedTuple

import yaml
from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from rattler import MatchSpec
from rattler.exceptions import InvalidMatchSpecError

EXTRAS = ("demo", "cluster", "test")
"""The extras that environment.yml holds; the tools of `dev` are in the lock alone."""
UNPINNED = ("tensorboard", "wandb")
"""Extras that whoever asks for them installs: nothing made here depends on them."""
INSTALLERS = ("python", "pip")
"""What conda installs and neither the lock nor pyproject.toml names."""
PYPI_NAMES = {"matplotlib-base": "matplotlib"}
"""Packages of conda-forge that PyPI has under another name."""


class Pin(NamedTuple):
    """An exact version of a package, None where any version may come, and the machines that it is for."""

    version: str | None
    marker: Marker | None = None

    def __str__(self) -> str:
        """As in a requirements file."""
        return f"{self.version or 'not pinned'}" + (f" ({self.marker})" if self.marker else "")


class Environment(NamedTuple):
    """environment.yml, parsed."""

    channels: list[str]
    conda: list[MatchSpec]
    pip: list[Requirement]


def read_environment(text: str) -> Environment:
    """environment.yml from its text. A line that conda or pip would not understand is a ValueError naming it."""
    content = yaml.safe_load(text)
    lines = content["dependencies"]
    conda = [_parsed(MatchSpec, line, strict=True) for line in lines if isinstance(line, str)]
    pip = [_parsed(Requirement, line) for section in lines if isinstance(section, dict) for line in section["pip"]]
    return Environment(content["channels"], conda, pip)


def disagreements(environment: Environment, lock: str, project: str) -> list[str]:
    """A sentence for every package on which the three files disagree, and for the version of Python."""
    metadata = tomllib.loads(project)["project"]
    return [
        *_names_of_environment(environment, metadata),
        *_pins_of_environment(environment, lock),
        *_lock_against_project(lock, metadata),
        *_pythons(environment, lock, metadata["requires-python"]),
    ]


def python_of_lock(lock: str) -> str:
    """The version of Python that the lock was made with, as pip-compile's header says: `3.11`."""
    return re.search(r"pip-compile with Python (\S+)", lock)[1]


def _parsed(kind, line, **options):
    try:
        return kind(line, **options)
    except (InvalidMatchSpecError, InvalidRequirement) as error:
        raise ValueError(f"environment.yml: {line!r}: {error}") from None


def _names_of_environment(environment: Environment, metadata: dict) -> Iterator[str]:
    """The environment holds what pyproject.toml needs, all of it and nothing else, once."""
    names, needed = [name for name, _ in _environment_pins(environment)], _needed(metadata, EXTRAS)
    yield from (f"environment.yml has {name} twice" for name in sorted(set(names)) if names.count(name) > 1)
    yield from (f"environment.yml has no {name}, which pyproject.toml needs" for name in needed if name not in names)
    yield from (
        f"environment.yml has {name}, which pyproject.toml does not need" for name in names if name not in needed
    )


def _pins_of_environment(environment: Environment, lock: str) -> Iterator[str]:
    locked, _ = _read_lock(lock)
    for name, pin in _environment_pins(environment):
        if name in locked and pin != locked[name]:
            yield f"{name} is {pin} in environment.yml, {locked[name]} in requirements.lock"


def _lock_against_project(lock: str, metadata: dict) -> Iterator[str]:
    locked, direct = _read_lock(lock)
    needed = _needed(metadata, tuple(name for name in metadata["optional-dependencies"] if name not in UNPINNED))
    yield from (
        f"requirements.lock has no {name}, which pyproject.toml needs" for name in sorted(needed.keys() - direct)
    )
    yield from (
        f"requirements.lock has {name}, which pyproject.toml does not need" for name in sorted(direct - needed.keys())
    )
    for name in sorted(direct & needed.keys()):
        pin, wanted = locked[name], needed[name]
        if not wanted.specifier.contains(pin.version) or wanted.marker != pin.marker:
            yield f"{name} is {pin} in requirements.lock, pyproject.toml wants {wanted}"


def _pythons(environment: Environment, lock: str, allowed: str) -> Iterator[str]:
    locked = python_of_lock(lock)
    (python,) = [str(spec.version) for spec in environment.conda if spec.name.normalized == "python"]
    if python != f"{locked}.*":
        yield f"Python is {python} in environment.yml, {locked} in requirements.lock"
    if not SpecifierSet(allowed).contains(locked):
        yield f"Python is {locked} in requirements.lock, pyproject.toml wants {allowed}"


def _environment_pins(environment: Environment) -> list[tuple[str, Pin]]:
    conda = [(spec.name.normalized, Pin(_exact(spec.version))) for spec in environment.conda]
    pip = [(canonicalize_name(line.name), Pin(_exact(line.specifier), line.marker)) for line in environment.pip]
    return [(PYPI_NAMES.get(name, name), pin) for name, pin in conda if name not in INSTALLERS] + pip


def _exact(version) -> str | None:
    """The one version that a specification allows; `=1.2`, which allows 1.2.3, is not exact."""
    found = re.fullmatch(r"==([\w.!+]+)", str(version))
    return found and found[1]


def _read_lock(lock: str) -> tuple[dict[str, Pin], set[str]]:
    """Every pin of the lock, and the names of those that pyproject.toml itself asks for."""
    pins, direct = {}, set()
    for line, reasons in re.findall(r"^([\w-].*)\n((?:    #.*\n)*)", lock, re.MULTILINE):
        requirement = Requirement(line)
        name = canonicalize_name(requirement.name)
        pins[name] = Pin(_exact(requirement.specifier), requirement.marker)
        if "(pyproject.toml)" in reasons:
            direct.add(name)
    return pins, direct


def _needed(metadata: dict, extras: tuple[str, ...]) -> dict[str, Requirement]:
    lines = metadata["dependencies"] + [line for extra in extras for line in metadata["optional-dependencies"][extra]]
    return {canonicalize_name(line.name): line for line in map(Requirement, lines)}
