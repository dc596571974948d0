"""Runs of make study that were made again, beside those kept in docs/runs."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.kept import laid_out
from benchmarks.numbers import markdown, spread
from benchmarks.study.systems import System, systems
from eigv.config.experiment import Config
from eigv.paper.tables.footnotes import other_settings

WITHIN = 2
"""How many standard errors two means may lie apart."""


def beside(config: Config, root: Path) -> Iterator[str]:
    """Each system's accuracy here and there, and whether they lie as close as seeds let expect."""
    with laid_out(config, root) as kept:
        found = systems(config, *config.tables)
        rows = [row for one in found if (row := _row(one, System(kept, one.runs)))]
    if rows:
        yield "## Made again"
        yield (
            "Accuracy on test beside that of the runs of docs/results.md. Two means of several seeds agree that lie no "
            f"more than {WITHIN} standard errors apart, √(s₁²/n₁ + s₂²/n₂) with s the standard deviation over seeds; "
            "by chance one row in ten to twenty would not."
        )
        yield markdown(rows)


def _row(here: System, there: System) -> dict[str, str] | None:
    """None where one of them has not been run, or ran with other settings."""
    if any(other_settings(here.config, result) for side in (here, there) for result in side.done.results):
        return None
    ours, theirs = (side.numbers(lambda metrics: metrics["accuracy"]) for side in (here, there))
    if not (ours and theirs):
        return None
    row = {"data": here.first.dataset, "": here.name, "here": spread(ours), "docs/results.md": spread(theirs)}
    apart = float(np.mean(ours) - np.mean(theirs))
    row["apart"] = f"{apart:+.1f}"
    several = min(len(ours), len(theirs)) > 1
    error = np.sqrt(sum(np.var(side, ddof=1) / len(side) for side in (ours, theirs))) if several else np.nan
    row["agree"] = ("yes" if abs(apart) <= WITHIN * error else "no") if several else ""
    return row
