"""A row of the tables of keys (`every_key.py`)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class Row(NamedTuple):
    """Another value for a key."""

    key: str
    value: Any
    reruns: list[str]
    """Stages or groups of them."""
    where: Mapping[str, Any] = MappingProxyType({})
    """What else the configuration says, before and after."""
