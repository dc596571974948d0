"""Code that a configuration names: `path/of/a/file.py:attribute`, or `module:attribute`.

The one door for code of a user's own: backbones, feature networks, annotation formats, feature layouts. Formats and
layouts that are built in come through it as well, so that a configuration is checked without importing them.
"""

import hashlib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from base.errors import UserError, did_you_mean, no_such
from base.reading import sha256

PATTERN = r"^.+:[A-Za-z_]\w*$"
"""What names code looks like."""

OWN = "own_"
"""What the names of the modules of files begin with."""

T = TypeVar("T")


def load(place: str, expected: type[T], what: str) -> T:
    """The object at `place`, an instance of `expected`; a file is run once in a process.

    Raises `UserError` that begins with `what`, and names the file, and the line that failed.
    """
    source, _, attribute = place.rpartition(":")
    if not source:
        raise UserError(f"{what}: {place!r} names no code; write path/of/a/file.py:{place}, or module:{place}")
    module = _run_file(Path(source), what) if source.endswith(".py") else _import(source, what)
    if not hasattr(module, attribute):
        there = [name for name in vars(module) if not name.startswith("_")]
        hint = did_you_mean(attribute, there) or f"it has {', '.join(there) or 'nothing'}"
        raise UserError(f"{what}: {source} has no {attribute!r}; {hint}")
    found = getattr(module, attribute)
    if not isinstance(found, expected):
        raise UserError(
            f"{what}: {place} is of the type {type(found).__name__}, expected {expected.__module__}:{expected.__name__}"
        )
    return found


def forget() -> None:
    """Files that were run are run anew where they are loaded next, so that nothing of their first use is left."""
    for name in [name for name in sys.modules if name.startswith(OWN)]:
        del sys.modules[name]


def own_files(place: str) -> list[Path]:
    """The file that a name stands for, if it is one of the user's own: an input of whatever runs its code."""
    source = place.rpartition(":")[0]
    return [Path(source)] if source.endswith(".py") else []


def describe(place: str) -> str:
    """The place, for what says where a result comes from; with the hash of a file of the user's own."""
    return place + "".join(f" (sha256 {sha256(file)})" for file in own_files(place))


def check_name(value: str, built_in: Iterable[str], what: str) -> str:
    """A name that is built in, or code of the user's own; `ValueError` that lists the names for anything else."""
    names = sorted(built_in)
    if value in names or ":" in value.strip(":"):
        return value
    raise ValueError(no_such(what, value, names, "one of your own is named path/of/a/file.py:NAME"))


def name_schema(built_in: Iterable[str]) -> dict[str, Any]:
    """The JSON schema of such a name, which lets editors offer the built-in ones."""
    return {"anyOf": [{"enum": list(built_in), "type": "string"}, {"pattern": PATTERN, "type": "string"}]}


def _import(name: str, what: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        hint = "; a file is named with its ending, path/of/a/file.py" if error.name == name else ""
        raise UserError(f"{what}: the module {name} cannot be imported: {error}{hint}") from None


def _run_file(file: Path, what: str) -> ModuleType:
    path = file.resolve()
    if not path.is_file():
        raise UserError(f"{what}: the file {file} does not exist")
    # Of its content too: edited, it is run anew in a process that works on.
    name = f"{OWN}{path.stem}_{hashlib.sha256(bytes(path) + path.read_bytes()).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever someone's code does
        del sys.modules[name]
        if isinstance(error, UserError):
            raise
        raise UserError(f"{what}: {file}{_line(error, path)} fails: {type(error).__name__}: {error}") from error
    return module


def _line(error: Exception, path: Path) -> str:
    """The line of the file that an error comes from, if it comes from one."""
    frames = traceback.extract_tb(error.__traceback__)
    numbers = [frame.lineno for frame in frames if Path(frame.filename) == path]
    return f", line {numbers[-1]}," if numbers else ""
