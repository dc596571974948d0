"""Tables 1 to 3, and tables of one's own: test accuracies beside the published ones, with everything a reader needs."""

import itertools
import math
from pathlib import Path
from typing import Any

import pandas as pd

from base.errors import UserError
from base.files import write_csv, write_text
from eigv.config.experiment import Config, canonical
from eigv.config.run_path import Run, point
from eigv.config.shown import Table
from eigv.paper import published
from eigv.paper.results import Cell, Key, gather, question_only
from eigv.paper.tables import formats as table_formats
from eigv.paper.tables.footnotes import footnotes, traits
from eigv.paper.tables.layout import Numbers, lay_out
from eigv.paper.titles import test_splits


def write_table(config: Config, name: str, out: Path) -> None:
    """Writes `{name}.csv`, a row a cell, and `{name}.md`, `.tex` and `.html`, laid out as in the paper.

    Runs that have not been made leave empty cells that say so.
    """
    if name not in config.tables:
        raise UserError(f"the configuration has no table {name!r}; it has {', '.join(config.tables) or 'none'}")
    cells = collect(config, config.tables[name])
    notes = dict(zip(cells, footnotes(config, list(cells.values())), strict=True))
    numbers = {key: _numbers(name, cells, key, notes[key]) for key in cells}
    cited = published.cited(config.tables[name].datasets) if name == "table1" else []
    write_csv(out / f"{name}.csv", _long(config, name, numbers, cited))
    layout = lay_out(config, name, numbers, cited)
    write_text(out / f"{name}.md", table_formats.markdown(layout))
    write_text(out / f"{name}.tex", table_formats.latex(layout, f"tab:{name}"))
    write_text(out / f"{name}.html", table_formats.html(layout))


def collect(config: Config, table: Table) -> dict[Key, Cell]:
    """The results of every cell of a table, also of those that have none."""
    cells: dict[Key, Cell] = {}
    for d, b, f, m in itertools.product(table.datasets, table.backbones, table.features, table.methods):
        runs = [canonical(config, Run(d, b, m, f, seed, point(table.at))) for seed in table.seeds]
        for split in test_splits(config.datasets[d]) if table.shifted else ["test"]:
            cells[Key(d, b, f, m, split)] = gather(config, runs, split)
    if table.question_only:
        for d in table.datasets:
            cells[Key.question_only(d)] = question_only(config, d)
    return cells


def _numbers(name: str, cells: dict[Key, Cell], key: Key, notes: list[str]) -> Numbers:
    """A cell with what is computed from others: gains over the plain backbone, and the published values."""
    plain = key._replace(method="erm")
    cell, compared = cells[key], key != plain and plain in cells
    paper, paper_plain = published.value(name, key), published.value(name, plain)
    return Numbers(
        cell=cell,
        gain=cell.accuracy - cells[plain].accuracy if compared else math.nan,
        published=paper,
        published_gain=paper - paper_plain if key != plain else math.nan,
        notes=tuple(notes),
        published_note=published.note(key),
    )


def _long(config: Config, name: str, numbers: dict[Key, Numbers], cited: list[dict[str, Any]]) -> pd.DataFrame:
    """A row a cell, for reading by programs."""
    rows: list[dict[str, Any]] = []
    for key, n in numbers.items():
        done = n.cell.results
        first = done[0].metrics if done else {}
        values = {
            "accuracy": n.cell.accuracy,
            "deviation": n.cell.deviation,
            "gain": n.gain,
            "published": n.published,
            "published_gain": n.published_gain,
            "difference": n.cell.accuracy - n.published,
        }
        about = {
            "status": n.cell.status,
            "seeds": " ".join(str(result.run.seed) for result in done),
            "questions": first.get("questions", 0),
            "questions_left_out": first.get("questions_left_out", 0),
            "runs": " ".join(str(config.outcomes / "runs" / str(result.run)) for result in done),
            "code": " ".join(sorted({traits(result)["code"] for result in done})),
            "notes": "; ".join(n.notes),
        }
        rows.append(key._asdict() | {column: round(value, 4) for column, value in values.items()} | about)
    columns = list(rows[0])
    rows += [
        {"dataset": d, "method": row["model"], "split": "test", "published": row["values"][d], "status": "cited"}
        | {"notes": row["paper"]}
        for row in cited
        for d in config.tables[name].datasets
        if d in row["values"]
    ]
    return pd.DataFrame(rows, columns=columns)
