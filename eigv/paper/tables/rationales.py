"""What a table shows beside accuracy: numbers of rationales, over seeds, and what bounds them."""

import math
from typing import NamedTuple

import numpy as np

from base.formats.predictions import Predictions
from base.formats.run_folder import RunFolder
from eigv.config.experiment import Config
from eigv.config.metrics import METRICS, OVER_SEEDS, Row
from eigv.paper.results import Cell
from eigv.rationales.stability import Agreement, over_runs

BOUNDS: dict[Row, str] = {"random": "random clips, as many", "all": "all clips", "gold": "gold clips"}
"""What stands below a rationale, and how it is called."""


class Value(NamedTuple):
    """A number over seeds, in percent; NaN where there is none."""

    mean: float = math.nan
    deviation: float = math.nan

    @property
    def text(self) -> str:
        """As it stands in a table."""
        if math.isnan(self.mean):
            return "-"
        return f"{self.mean:.1f}" + ("" if math.isnan(self.deviation) else f" ± {self.deviation:.1f}")


def values(config: Config, cell: Cell, metric: str) -> dict[Row, Value]:
    """The numbers of a cell by row; of those rows that it has any of."""
    if metric == OVER_SEEDS:
        same = _over_seeds(config, cell)
        return {} if same is None else dict(zip(("selected", "random"), map(Value, same), strict=True))
    found: dict[Row, Value] = {}
    for row in METRICS[metric].places:
        numbers = [n for result in cell.results if (n := METRICS[metric].of(result.metrics, row)) is not None]
        if numbers:
            found[row] = Value(
                float(np.mean(numbers)), float(np.std(numbers, ddof=1)) if len(numbers) > 1 else math.nan
            )
    return found


def _over_seeds(config: Config, cell: Cell) -> Agreement | None:
    """How alike the selections of a cell's runs are; None for runs without rationales, and for a single one."""
    if len(cell.results) < 2 or not all("rationale" in result.metrics for result in cell.results):
        return None
    files = [RunFolder(config.runs_folder / str(result.run)).of_split(cell.split) for result in cell.results]
    return over_runs([Predictions.read(folder.predictions) for folder in files])
