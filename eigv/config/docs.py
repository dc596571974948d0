"""The table of every key in config/README.md, generated from the typed models."""

import json
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticUndefined

from base.writing import write_text
from eigv.config.experiment import Config
from eigv.config.override import Override
from eigv.config.run import SECTIONS

BEGIN, END = "<!-- keys: made by `make schema` -->", "<!-- end of keys -->"


def keys() -> str:
    """A Markdown table: key, type, default, meaning. `<name>` stands for a name of your own."""
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for path, field, default in _fields(Config, ""):
        cells = (f"`{path}`", _type(field.annotation), _shown(default), field.description or "")
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def key_paths() -> list[str]:
    """Every key as config/README.md spells it."""
    return [path for path, _, _ in _fields(Config, "")]


def with_keys(readme: str) -> str:
    """The text of a README with its table of keys brought up to date."""
    before, rest = readme.split(BEGIN, 1)
    return f"{before}{BEGIN}\n{keys()}\n{END}{rest.split(END, 1)[1]}"


def write(readme: Path) -> None:
    """Brings a README's table of keys up to date."""
    write_text(readme, with_keys(readme.read_text(encoding="utf-8")))


def _fields(model: type[BaseModel], prefix: str, defaults: Any = None) -> Iterator[tuple[str, FieldInfo, Any]]:
    """Every key below `model` with its default: that of the group `defaults`, if the group has one as a whole."""
    for name, field in model.model_fields.items():
        path = f"{prefix}{name}"
        default = getattr(defaults, name) if isinstance(defaults, BaseModel) else field.default
        hidden = SkipJsonSchema() in field.metadata  # type: ignore[type-arg]
        if hidden or (model is Override and name in SECTIONS):
            continue
        nested = _model(field.annotation)
        if nested is None:
            yield path, field, default
        elif nested[0] is Override:
            about = f"{field.description} Each has `when` and any keys of {', '.join(f'`{s}`' for s in SECTIONS)}."
            yield path, FieldInfo(annotation=field.annotation, description=about), ()
            yield from _fields(nested[0], f"{path}[].")
        else:
            if default is None:  # a group that may be left out
                yield path, field, default
            yield from _fields(nested[0], f"{path}{nested[1]}.", default)


def _model(annotation: Any) -> tuple[type[BaseModel], str] | None:
    """The group of settings that a key leads to, and what stands in a path between the two."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, ""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType) and type(None) in arguments:
        return _model(arguments[0])
    if origin is dict and (found := _model(arguments[1])):
        return found[0], ".<name>"
    if origin is tuple and (found := _model(arguments[0])):
        return found[0], "[]"
    return None


def _type(annotation: Any) -> str:
    """A type as people write it."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _type(arguments[0])
    if origin is typing.Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_type(part) for part in arguments if part is not type(None))
    if origin is tuple:
        return "list" if _model(arguments[0]) else f"list of {_type(arguments[0])}"
    if origin is dict or _model(annotation):
        return "keys and values"
    return {str: "text", int: "whole number", float: "number", bool: "`true`, `false`", Path: "path"}.get(
        annotation, str(annotation)
    )


def _shown(default: Any) -> str:
    if default is PydanticUndefined:
        return "required"
    if default is None:
        return ""
    value = list(default) if isinstance(default, tuple) else default
    return f"`{json.dumps(value if not isinstance(value, Path) else str(value)).strip(chr(34))}`"
