"""The two sides of a comparison: from paths to runs, and from runs to pairs of the same seed."""

import contextlib
import glob
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from base.errors import UserError
from base.formats.run_folder import RunFolder
from eigv.config.run_path import PATH, RUNS, Run, question_only

SEED = PATH.rpartition("/")[2]
"""What the folder of a run is called, with its seed to be filled in."""


@dataclass(frozen=True)
class Evaluated:
    """One run, evaluated on one split."""

    files: RunFolder
    metrics: dict[str, Any]
    seed: int
    dataset: str
    """As the path of the run says; empty where it does not."""

    @property
    def split(self) -> str:
        """The split it was evaluated on."""
        return str(self.metrics.get("split", "test"))


@dataclass(frozen=True)
class Side:
    """The runs of one system, which differ in their seed."""

    name: str
    """A or B."""
    place: str
    """As it was given."""
    runs: dict[int, Evaluated]
    """By their seed, in order."""


def side(name: str, place: str, split: str | None = None) -> Side:
    """The runs at `place`: a run's folder, a folder of runs `seed<n>`, or a pattern of such folders.

    Without `split` a folder counts with the split that it holds, and seeds with their results on test. `UserError`
    where there are none, or several of the same seed.
    """
    found = [folder for path in _paths(name, place) for folder in _folders(path, split)]
    if not found:
        seeds = SEED.format(seed="<n>")
        raise UserError(
            f"{name}: {place} holds no results on {split or 'test'}, neither in it nor in its folders {seeds}; "
            "name the folder of an evaluated run, or that of its seeds"
        )
    runs: dict[int, Evaluated] = {}
    for folder in dict.fromkeys(found):
        run = _evaluated(folder)
        if run.seed in runs:
            raise UserError(
                f"{name}: {runs[run.seed].files.path} and {folder.path} both have the seed {run.seed}; a side is runs "
                "that differ in their seed alone"
            )
        runs[run.seed] = run
    return Side(name, place, dict(sorted(runs.items())))


def pairs(a: Side, b: Side) -> tuple[list[tuple[Evaluated, Evaluated]], list[str]]:
    """The runs of A and B with the same seed, and what is to be said of those that have no partner.

    One run on each side is a pair, whatever its seed. `UserError` where no seed is on both sides, or where runs are on
    different splits or data sets.
    """
    runs = [*a.runs.values(), *b.runs.values()]
    _check_same("split", {run.split: run for run in runs})
    _check_same("data set", {run.dataset: run for run in runs if run.dataset})
    notes = []
    sources = {str(run.metrics.get("answer_from", "video")): run for run in runs}
    if len(sources) > 1:
        notes.append("; ".join(f"{run.files.path} answers from the {source}" for source, run in sources.items()))
    if len(a.runs) == len(b.runs) == 1:
        (run_a,), (run_b,) = a.runs.values(), b.runs.values()
        if run_a.seed != run_b.seed:
            notes.append(f"A is of seed {run_a.seed}, B of seed {run_b.seed}")
        return [(run_a, run_b)], notes
    both = [seed for seed in a.runs if seed in b.runs]
    if not both:
        raise UserError(
            f"A has the seeds {_listed(a.runs)} and B the seeds {_listed(b.runs)}: none is on both sides; train "
            "the same seeds, or name one run on each side"
        )
    for mine, other in ((a, b), (b, a)):
        if alone := [seed for seed in mine.runs if seed not in both]:
            notes.append(f"left out of {mine.name}, {other.name} lacks them: seeds {_listed(alone)}")
    return [(a.runs[seed], b.runs[seed]) for seed in both], notes


def _paths(name: str, place: str) -> list[Path]:
    """The path that was given, or those that fit it as a pattern, which `Path.glob` takes no absolute ones of."""
    path = Path(place)
    found = [path] if path.exists() else [Path(match) for match in sorted(glob.glob(place, recursive=True))]  # noqa: PTH207
    if not found:
        raise UserError(f"{name}: {place} does not exist, and as a pattern it fits nothing")
    return found


def _folders(path: Path, split: str | None) -> list[RunFolder]:
    """The results at a path: those of itself, or of its seeds."""
    own = RunFolder(path.parent if path.is_file() else path)
    if own.metrics.is_file() and split in (None, (own.read_metrics() or {}).get("split", "test")):
        return [own]
    seeds = (child for child in own.path.glob(SEED.format(seed="*")) if re.search(r"\d+$", child.name))
    found = [RunFolder(folder).of_split(split or "test") for folder in (own.path, *sorted(seeds))]
    return [folder for folder in found if folder.metrics.is_file() and folder != own]


def _evaluated(files: RunFolder) -> Evaluated:
    metrics = files.read_metrics()
    if not isinstance(metrics, dict) or not {"accuracy", "seed"} <= metrics.keys():
        raise UserError(
            f"{files.metrics} is not the metrics of a run, it lacks accuracy or seed; evaluate the run again"
        )
    return Evaluated(files, metrics, int(metrics["seed"]), _dataset(files.path, str(metrics.get("split", "test"))))


def _dataset(folder: Path, split: str) -> str:
    """What the path of a run, below a folder of runs, has as its data set; empty for a folder that lies elsewhere."""
    parts = (folder.parent if folder.name == split else folder).absolute().parts
    if RUNS not in parts[:-1]:
        return ""
    below = parts[len(parts) - parts[::-1].index(RUNS) :]
    if below[:-1] == Path(question_only(below[0], 0)).parts[:-1]:
        return below[0]
    with contextlib.suppress(UserError):
        return Run.of("/".join(below)).dataset
    return ""


def _check_same(what: str, runs: dict[str, Evaluated]) -> None:
    """`UserError` where runs, by what they are of, are of more than one."""
    if len(runs) > 1:
        said = " and ".join(f"{run.files.path} is of the {what} {name}" for name, run in list(runs.items())[:2])
        raise UserError(f"{said}; compare runs on the same questions")


def _listed(seeds: Iterable[int]) -> str:
    return ", ".join(map(str, seeds))
