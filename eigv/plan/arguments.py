"""What rules put on the command line of the commands that they call."""

import json
from collections.abc import Iterable
from typing import Any

from base.settings import Settings


def as_json(settings: Settings) -> str:
    """A group of settings as JSON: an argument."""
    return json.dumps(settings.model_dump(mode="json"))


def spelled(*parts: Any) -> str:
    """Values as JSON that is the same for the same values: a parameter that is compared."""
    return json.dumps(parts, sort_keys=True)


def flags(option: str, values: Iterable[str]) -> list[str]:
    """An option that is given once for each value, as words of a command line, each of which the rule quotes."""
    return [word for value in values for word in (option, value)]
