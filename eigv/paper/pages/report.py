"""Small pages of the report: videos with problems, and what each stage cost."""

from pathlib import Path

import pandas as pd

from base.errors import UserError
from base.formats.manifest import read_manifest
from base.jobs.progress import duration
from eigv.paper.templating import render

SHOWN = 200
"""Rows of a page; the file that it comes from has all."""


def problems(manifest: Path) -> str:
    """How many videos of a manifest have which status and decoder, and those that are not whole."""
    table = read_manifest(manifest)
    counts = table.groupby(["status", "backend"]).size().rename("videos").reset_index()
    odd = table[(table["status"] != "ok") | (table["reason"] != "")]
    columns = [
        name for name in ("video_id", "status", "reason", "damaged", "lost", "backend", "path") if name in odd.columns
    ]
    return render(
        "problems.html.jinja", manifest=manifest, counts=counts, odd=odd[columns], videos=len(table), shown=SHOWN
    )


def times(folders: list[Path]) -> str:
    """Jobs, time and memory of each stage, from the benchmark files that Snakemake wrote below `folders`."""
    rows = []
    for folder in folders:
        for file in sorted(folder.rglob("*.tsv")):
            measured = pd.read_csv(file, sep="\t", na_values="-").iloc[-1]
            rows.append(
                {
                    "stage": file.relative_to(folder).parts[0],
                    "seconds": measured["s"],
                    "processor": measured.get("cpu_time"),
                    "memory": measured.get("max_rss"),
                }
            )
    if not rows:
        raise UserError(f"there is no benchmark file in {', '.join(map(str, folders))}")
    grouped = pd.DataFrame(rows).groupby("stage", sort=False)
    table = pd.DataFrame(
        {
            "jobs": grouped.size(),
            "wall time, all jobs": grouped["seconds"].sum().map(_duration),
            "longest job": grouped["seconds"].max().map(_duration),
            "processor time": grouped["processor"].sum().map(_duration),
            "largest memory": grouped["memory"].max().map(lambda mb: "-" if pd.isna(mb) else f"{mb / 1024:.1f} GiB"),
        }
    ).reset_index()
    return render("times.html.jinja", stages=table)


def _duration(seconds: float) -> str:
    return "-" if pd.isna(seconds) else duration(seconds)
