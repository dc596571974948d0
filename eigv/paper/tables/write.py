"""The files of Tables 1 to 3, and of tables of one's own: a row a cell for programs, and laid out for people."""

from pathlib import Path
from typing import Any

import pandas as pd

from base.errors import UserError
from base.writing import write_csv, write_text
from eigv.config.experiment import Config
from eigv.config.targets import Table
from eigv.paper import published
from eigv.paper.results import Key
from eigv.paper.tables.footnotes import traits
from eigv.paper.tables.latex import latex
from eigv.paper.tables.layout import lay_out
from eigv.paper.tables.markdown import markdown
from eigv.paper.tables.numbers import Numbers, table_numbers
from eigv.paper.tables.rationales import BOUNDS, Value
from eigv.paper.templating import render


def write_table(config: Config, name: str, out: Path) -> None:
    """Writes `{name}.csv`, a row a cell, and `{name}.md`, `.tex` and `.html`, laid out as in the paper.

    Runs that have not been made leave empty cells that say so.
    """
    if name not in config.tables:
        raise UserError(f"the configuration has no table {name!r}; it has {', '.join(config.tables) or 'none'}")
    found = table_numbers(config, name)
    cited = published.cited(config.tables[name].datasets) if name == "table1" else []
    write_csv(out / f"{name}.csv", _long(config, name, found, cited))
    layout = lay_out(config, name, found, cited)
    write_text(out / f"{name}.md", markdown(layout))
    write_text(out / f"{name}.tex", latex(layout, f"tab:{name}"))
    write_text(out / f"{name}.html", render("table.html.jinja", layout=layout))


def _long(config: Config, name: str, numbers: dict[Key, Numbers], cited: list[dict[str, Any]]) -> pd.DataFrame:
    """A row a cell, for reading by programs."""
    rows: list[dict[str, Any]] = []
    for key, n in numbers.items():
        done = n.cell.results
        first = done[0].metrics if done else {}
        values = {
            "accuracy": n.cell.accuracy,
            "deviation": n.cell.deviation,
            "gain": n.gain.value,
            "gain_low": n.gain.low,
            "gain_high": n.gain.high,
            "significant": n.gain.significant,
            "published": n.published,
            "published_gain": n.published_gain,
            "difference": n.cell.accuracy - n.published,
        }
        values |= _of_rationales(config.tables[name], n)
        about = {
            "status": n.cell.status,
            "seeds": " ".join(str(result.run.seed) for result in done),
            "questions": first.get("questions", 0),
            "questions_left_out": first.get("questions_left_out", 0),
            "runs": " ".join(str(config.runs_folder / str(result.run)) for result in done),
            "code": " ".join(sorted({traits(result)["code"] for result in done})),
            "notes": "; ".join(n.notes),
        }
        rows.append(key._asdict() | {column: _rounded(value) for column, value in values.items()} | about)
    columns = list(rows[0])
    rows += [
        {"dataset": d, "method": row["model"], "split": "test", "published": row["values"][d], "status": "cited"}
        | {"notes": "; ".join(filter(None, (row["paper"], row.get("notes", {}).get(d))))}
        for row in cited
        for d in config.tables[name].datasets
        if d in row["values"]
    ]
    return pd.DataFrame(rows, columns=columns)


def _of_rationales(table: Table, numbers: Numbers) -> dict[str, float]:
    """The columns of the metrics that the table shows beside accuracy, the same for every cell."""
    found = {}
    for metric, by_row in numbers.values.items():
        found[metric], found[f"{metric}_deviation"] = by_row.get("selected", Value())
        if table.bounds:
            found |= {f"{metric}_{row}": by_row.get(row, Value()).mean for row in BOUNDS}
    return found


def _rounded(value: float | bool | None) -> float | bool | None:
    return round(value, 4) if isinstance(value, float) else value
