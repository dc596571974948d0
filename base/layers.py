"""Configurations and settings as they are written: YAML or JSON files and JSON texts, laid over each other."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from base.errors import UserError


def read(source: Path | str, what: str) -> dict[str, Any]:
    """The keys and values of JSON text (it begins with a brace), or of a YAML or JSON file; an empty file has none.

    `UserError` that begins with `what` for anything else.
    """
    values = _read(source, what)
    if not isinstance(values, dict | None):
        raise UserError(f"{what} {source} does not hold keys and values")
    return values or {}


def read_list(source: Path | str, what: str) -> list[Any]:
    """The list of JSON text (it begins with a bracket), or of a YAML or JSON file.

    `UserError` that begins with `what` for anything else.
    """
    values = _read(source, what)
    if not isinstance(values, list):
        raise UserError(f"{what} {source} does not hold a list")
    return values


def _read(source: Path | str, what: str) -> Any:
    if _is_text(source):
        return _json(str(source), what)
    path = Path(source)
    if not path.is_file():
        raise UserError(
            f"{what} {path} does not exist, or is not a file (give JSON text, or the path of a YAML or JSON file)"
        )
    try:
        text = path.read_text(encoding="utf-8")
        # YAML takes the numbers of JSON for text where they have an exponent and no point: 1e-05
        return _json(text, f"{what} {path}") if path.suffix == ".json" else yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{what} {path} is not YAML: {error}") from None


def read_all(sources: Sequence[Path | str], what: str) -> dict[str, Any]:
    """Several sources as one, later ones over earlier ones."""
    values: dict[str, Any] = {}
    for source in sources:
        values = over(values, read(source, what))
    return values


def over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """`below` with what `above` says, key by key; a list is replaced as a whole."""
    result = dict(below)
    for key, value in above.items():
        lower = below.get(key)
        result[key] = over(lower, value) if isinstance(lower, dict) and isinstance(value, dict) else value
    return result


def names(sources: Sequence[Path | str]) -> str:
    """The sources as a message names them."""
    return ", ".join("given as text" if _is_text(source) else str(source) for source in sources)


def _json(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"{what} is not JSON: {error.msg} at character {error.pos}") from None


def _is_text(source: Path | str) -> bool:
    return str(source).lstrip().startswith(("{", "["))
