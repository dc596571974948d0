"""What the configuration has under a name, and patterns that fit names."""

import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

from base.errors import UserError

T = TypeVar("T")


def entry_of(entries: Mapping[str, T], name: str, what: str) -> T:
    """The entry called `name`; `UserError` that lists the names there are, for another."""
    if name not in entries:
        raise UserError(f"the configuration has no {what} {name!r}; it has {', '.join(entries) or 'none'}")
    return entries[name]


def one_of(names: Iterable[str]) -> str:
    """A regular expression that fits these names and no others."""
    return "|".join(map(re.escape, names)) or r"(?!)"
