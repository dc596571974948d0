"""What a reader of a number must be told: what it lacks, and in what it differs from the numbers beside it."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from base.errors import UserError
from eigv.config.experiment import Config, settings_of_run
from eigv.config.run import InferenceSettings, RunSettings
from eigv.paper.results import Cell, Result


def footnotes(config: Config, cells: list[Cell]) -> list[list[str]]:
    """For each cell what must be said of it."""
    usual = {name: Counter(v for c in cells for r in c.results if (v := traits(r)[name])) for name in TRAITS}
    plain = {_column(cell): cell for cell in cells if cell.method == "erm"}
    notes = []
    for cell in cells:
        found = [note for result in cell.results for note in _about_result(config, result)]
        found += _about_seeds(cell)
        found += _about_mixture(cell, usual)
        found += _about_training(cell, plain.get(_column(cell)))
        notes.append(list(dict.fromkeys(found)))
    return notes


TRAITS = ("code", "appearance", "motion", "text encoder", "answers read from")
"""In what all numbers of a table should agree."""


def traits(result: Result) -> dict[str, str]:
    """What a result was made with; empty where that is not known."""
    inputs = result.metrics.get("inputs") or {}
    networks = {kind: inputs.get(kind) or {} for kind in ("appearance", "motion")}
    return {
        "code": _code(result.about),
        **{kind: _network(network) for kind, network in networks.items()},
        "text encoder": str(inputs.get("text_encoder", "")),
        "answers read from": str(result.metrics.get("answer_from", "")),
    }


def _code(about: dict[str, Any]) -> str:
    """The commit that trained, and the one that evaluated if it is another."""
    evaluated = about.get("commit", "")
    trained = about.get("trained_by_commit") or evaluated
    short = [commit[:10] + ("+changes" if "+" in commit else "") for commit in dict.fromkeys((trained, evaluated))]
    return ", evaluated by ".join(filter(None, short))


def _network(network: dict[str, Any]) -> str:
    if not network:
        return ""
    digest = str(network.get("sha256", ""))[:8]
    return f"{network.get('network')} ({network.get('weights')}{', ' + digest if digest else ''})"


def _about_result(config: Config, result: Result) -> Iterator[str]:
    inputs, metrics = result.metrics.get("inputs") or {}, result.metrics
    for kind in ("appearance", "motion"):
        network = inputs.get(kind) or {}
        if str(network.get("weights", "")).startswith("random"):
            yield f"{kind} features from {network['network']} with random weights: not a result"
    if left_out := metrics.get("questions_left_out"):
        every = metrics["questions"] + left_out
        yield f"{left_out} of {every} questions left out, their videos are missing or unreadable"
    yield from filter(None, _without_numbers(metrics.get("rationale", {}).get("warning", "")))
    if differ := other_settings(config, result):
        yield f"made with other settings than this configuration's: {', '.join(differ)}"


def other_settings(config: Config, result: Result) -> list[str]:
    """The settings of a result that are not its configuration's, each as `key found, not wanted`.

    None where the result does not tell its settings, or the configuration does not know its run.
    """
    settings = result.about.get("settings")
    if not settings or result.run.backbone == "question-only":
        return []
    try:
        wanted = settings_of_run(config, result.run)
    except UserError:
        return []
    return _differences(_complete(settings), wanted)


def _complete(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of a result with those that it does not name, which did not exist when it was made: by default."""
    inference = InferenceSettings().model_dump(mode="json") | settings.get("inference", {})
    try:
        known = RunSettings.model_validate({name: of for name, of in settings.items() if name != "inference"})
    except ValidationError:
        return settings | {"inference": inference}
    return known.model_dump(mode="json") | {"inference": inference}


def _without_numbers(warnings: str) -> list[str]:
    """Warnings without their numbers, which differ from run to run and stand in `metrics.json`: a footnote for all."""
    return [re.sub(r":[^:]*\d %.*", "", warning) for warning in re.sub(r" \([^)]*\)", "", warnings).split("; ")]


def _about_seeds(cell: Cell) -> Iterator[str]:
    if 0 < len(cell.results) < len(cell.runs):
        there = ", ".join(str(result.run.seed) for result in cell.results)
        yield f"{len(cell.results)} of {len(cell.runs)} seeds have been run: {there}"


def _about_mixture(cell: Cell, usual: dict[str, Counter[str]]) -> Iterator[str]:
    """Traits that most of the table does not share."""
    for name, counts in usual.items():
        if len(counts) < 2:
            continue
        common = counts.most_common(1)[0][0]
        for odd in sorted({traits(result)[name] for result in cell.results} - {common, ""}):
            yield f"{name}: {odd}; elsewhere {common}"


def _about_training(cell: Cell, plain: Cell | None) -> Iterator[str]:
    """A method that was optimised otherwise than the plain backbone that it is compared with."""
    if plain is None or plain is cell or not plain.results or not cell.results:
        return
    mine, theirs = (c.results[0].about.get("settings", {}) for c in (cell, plain))
    groups = ("training", "backbones", "inference")
    differ = _differences({g: mine.get(g) for g in groups}, {g: theirs.get(g) for g in groups})
    if differ:
        yield f"{', '.join(differ)} in the plain backbone's training"


def _differences(found: Any, wanted: Any, key: str = "") -> list[str]:
    if isinstance(found, dict) and isinstance(wanted, dict):
        names = sorted(found.keys() | wanted.keys())
        return [
            line
            for name in names
            for line in _differences(found.get(name), wanted.get(name), f"{key}.{name}".strip("."))
        ]
    return [] if found == wanted else [f"{key} {found}, not {wanted}"]


def _column(cell: Cell) -> tuple[str, ...]:
    return cell.dataset, cell.backbone, cell.features, cell.split
