"""The published numbers: one data file, read as it is."""

import functools
import math
from pathlib import Path
from typing import Any

import yaml

from eigv.paper.results import Key

FILE = Path(__file__).with_name("published.yaml")


@functools.cache
def published() -> dict[str, Any]:
    """The whole file."""
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


def value(table: str, key: Key) -> float:
    """The accuracy on test, in percent, that the paper's `table` gives; NaN where it gives none."""
    if key.split != "test":
        return math.nan
    if key.method == "question-only":
        return published()["question_only"].get(key.dataset, {}).get("value", math.nan)
    found: Any = published()["tables"].get(table, {})
    for name in (key.dataset, key.backbone, key.features, key.method):
        found = found.get(name, {})
    return found or math.nan


def note(key: Key) -> str:
    """What must be said of a published value; mostly nothing."""
    if key.method == "question-only":
        return published()["question_only"].get(key.dataset, {}).get("note", "")
    # A system that is cited is a backbone here, or the method IGV, which was published on HGA.
    system = {"erm": key.backbone, "igv": "igv" if key.backbone == "hga" else ""}.get(key.method)
    if not system or key.features != "app+mot":
        return ""
    cited_too: dict[str, Any] = next((row for row in published()["cited"] if row["model"].lower() == system), {})
    notes: dict[str, str] = published()["elsewhere"].get(key.dataset, {})
    return notes.get(system) or cited_too.get("notes", {}).get(key.dataset, "")


def cited(datasets: tuple[str, ...]) -> list[dict[str, Any]]:
    """The results that the paper's Table 1 cites, of those systems that have one on these data sets."""
    return [row for row in published()["cited"] if set(row["values"]) & set(datasets)]
