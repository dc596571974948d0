"""Strict, frozen, described settings, and errors that name the nearest known key."""

import difflib
import os
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from base.errors import UserError


class Settings(BaseModel):
    """Base of every group of settings: unknown keys are refused, values cannot be changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*")
    @classmethod
    def _home_is_spelled_out(cls, value: Any) -> Any:
        """A path below `~` lies in the home folder, as in a shell, not in a folder of that name."""
        if not (isinstance(value, str | Path) and str(value).startswith("~")):
            return value
        if isinstance(value, str) and not (value.startswith("~/") and len(value) > 2):
            return value  # a word, not a path
        try:
            return Path(value).expanduser() if isinstance(value, Path) else os.path.expanduser(value)  # noqa: PTH111
        except RuntimeError as error:
            raise ValueError(f"{error} (write the folder out)") from None


S = TypeVar("S", bound=Settings)


def parse(model: type[S], values: Any, where: str) -> S:
    """Checks `values` against `model`; everything that is wrong goes into one `UserError` that begins with `where`."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        lines = [_explain(model, dict(detail)) for detail in error.errors(include_url=False)]
        raise UserError(f"{where}:\n" + "\n".join(f"  {line}" for line in lines)) from None


def _explain(model: type[BaseModel], detail: dict[str, Any]) -> str:
    # What is wrong with a name of an entry is said of the entry.
    path = [part for part in detail["loc"] if part != "[key]" and not str(part).startswith("function-")]
    key = ".".join(str(part) for part in path)
    if detail["type"] == "extra_forbidden":
        known = sorted(_known_keys(model, path[:-1]))
        near = difflib.get_close_matches(str(path[-1]), known, n=1, cutoff=0.4)
        hint = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known)}"
        return f"unknown key `{key}`; {hint}"
    if detail["type"] == "missing":
        return f"`{key}` is missing"
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "model_type":
        message = "expected keys and values"
    return f"`{key}`: {message} (it is {detail['input']!r})" if key else message


def _known_keys(model: type[BaseModel], path: list[Any]) -> set[str]:
    """The keys of the group of settings that `path` leads to."""
    models = [model]
    for part in path:
        nested: list[type[BaseModel]] = []
        for candidate in models:
            if part in candidate.model_fields:
                nested += _models_in(candidate.model_fields[str(part)].annotation)
        models = nested or models  # a dictionary's key or a list's index: its values are what we already have
    return {name for candidate in models for name in candidate.model_fields}


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models_in(argument)
