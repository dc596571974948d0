"""A comparison as an aligned table for a terminal, and as JSON or CSV for programs."""

import math
import textwrap
from pathlib import Path
from typing import Any

import pandas as pd

from base.errors import UserError
from base.writing import write_csv, write_json
from eigv.paper.comparison.compare import ALL, Comparison, Row
from eigv.paper.comparison.sides import Side
from eigv.paper.significance import FEW_VIDEOS, LEVEL

MARK = "*"
"""Of a difference whose interval excludes 0."""
WIDTH = 100
"""Characters of a line of what stands below the table."""


def text(comparison: Comparison) -> str:
    """The comparison for people, as plain text."""
    first, *others = comparison.rows
    types = [row for row in others if row.seed == ALL]
    seeds = [row for row in others if row.seed != ALL]
    heads = ["", "questions", "A", "B", "A - B", f"{100 * LEVEL:.0f} % interval", "only A", "only B", "p"]
    lines = [heads, _line("all", first)]
    lines += [_line(f"  {row.type or '(no type)'}", row) for row in types]
    lines += [_line(f"  seed {row.seed}", row) for row in seeds]
    return "\n".join(
        [
            *(_about(side, comparison) for side in (comparison.a, comparison.b)),
            f"{comparison.split}: {first.questions} questions on {first.videos} videos; accuracy in percent"
            + (", mean ± standard deviation over the seeds" if seeds else ""),
            "",
            *_aligned(lines),
            "",
            *_legend(comparison),
        ]
    )


def write(comparison: Comparison, path: Path) -> None:
    """Writes `path` as JSON or as CSV, by its ending; `UserError` for another ending."""
    if path.suffix not in (".json", ".csv"):
        raise UserError(f"--out {path}: the name has to end in .json or .csv, which says the form")
    rows = [_rounded(row) for row in comparison.rows]
    if path.suffix == ".csv":
        write_csv(path, pd.DataFrame(rows))
        return
    sides = zip("ab", (comparison.a, comparison.b), zip(*comparison.pairs, strict=True), strict=True)
    value = {
        **{
            name: {"place": side.place, "seeds": [run.seed for run in runs], "runs": [str(r.files.path) for r in runs]}
            for name, side, runs in sides
        },
        "split": comparison.split,
        "difference": "a - b",
        "bootstrap": {"over": "videos", "resamples": comparison.resamples, "seed": comparison.seed, "level": LEVEL},
        "rows": [{name: _or_null(value) for name, value in row.items()} for row in rows],
        "notes": comparison.notes,
    }
    write_json(path, value)


def _rounded(row: Row) -> dict[str, Any]:
    """Percent to the fourth decimal; p as it is, since it may be tiny."""
    return {k: round(v, 4) if isinstance(v, float) and k != "p" else v for k, v in vars(row).items()}


def _or_null(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _about(side: Side, comparison: Comparison) -> str:
    seeds = [runs[side is comparison.b].seed for runs in comparison.pairs]
    return f"{side.name}  {side.place}  (seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))})"


def _line(label: str, row: Row) -> list[str]:
    interval = "-" if math.isnan(row.low) else f"{row.low:+.2f} to {row.high:+.2f}"
    return [
        label,
        str(row.questions),
        _accuracy(row.accuracy_a, row.deviation_a),
        _accuracy(row.accuracy_b, row.deviation_b),
        f"{row.difference:+.2f}",
        f"{interval} {MARK if row.significant else ' '}",
        str(row.only_a),
        str(row.only_b),
        f"{row.p:.2g}" if row.p >= 1e-4 else "< 1e-4",
    ]


def _accuracy(mean: float, deviation: float) -> str:
    return f"{mean:.2f}" + ("" if math.isnan(deviation) else f" ± {deviation:.2f}")


def _aligned(lines: list[list[str]]) -> list[str]:
    """The first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join([line[0].ljust(widths[0]), *(t.rjust(w) for t, w in zip(line[1:], widths[1:], strict=True))]).rstrip()
        for line in lines
    ]


def _legend(comparison: Comparison) -> list[str]:
    several = len(comparison.pairs) > 1
    said = [
        f"A - B: the interval holds {100 * LEVEL:.0f} % of {comparison.resamples} resamples of the videos, each with "
        "all its questions"
        + (", of the mean over the seeds" if several else "")
        + f" (--seed {comparison.seed}); {MARK} where it excludes 0.",
        "only A, only B: questions that one side alone got right"
        + (", or in more of the seeds than the other" if several else "")
        + ". p: McNemar's exact test of these two, which takes questions on one video as independent; where it and the "
        "interval differ, go by the interval.",
    ]
    videos = comparison.rows[0].videos
    if videos < FEW_VIDEOS:
        said.append(f"note: {videos} videos are too few to trust an interval; below {FEW_VIDEOS} none is marked")
    said += [f"note: {note}" for note in comparison.notes]
    return [line for text in said for line in textwrap.wrap(text, WIDTH, subsequent_indent="  ")]
