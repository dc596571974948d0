"""What rules put on the command line of the commands that they call."""

import json
from collections.abc import Iterable, Mapping

from base.settings import Settings


def as_json(settings: Settings | Mapping[str, Settings]) -> str:
    """A group of settings, or several by name, as JSON: an argument, and as a parameter of a rule what reruns it."""
    if isinstance(settings, Settings):
        return json.dumps(settings.model_dump(mode="json"))
    return json.dumps({name: group.model_dump(mode="json") for name, group in settings.items()})


def flags(option: str, values: Iterable[str]) -> list[str]:
    """An option that is given once for each value, as words of a command line, each of which the rule quotes."""
    return [word for value in values for word in (option, value)]
