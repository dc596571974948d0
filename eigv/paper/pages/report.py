"""Small pages of the report: videos with problems, and what each stage cost."""

import html
from pathlib import Path

import pandas as pd

from base.errors import UserError
from base.progress import duration
from eigv.paper.tables.formats import STYLE
from extract.videos.probe import read_manifest

SHOWN = 200
"""Rows of a page; the file that it comes from has all."""


def problems(manifest: Path) -> str:
    """How many videos of a manifest have which status and decoder, and those that are not whole."""
    table = read_manifest(manifest)
    counts = table.groupby(["status", "backend"]).size().rename("videos").reset_index()
    odd = table[(table["status"] != "ok") | (table["reason"] != "")]
    parts = [_table("Videos by status and decoder", counts)]
    if odd.empty:
        parts.append("<p>Every video is there and decodes to its end.</p>")
    else:
        columns = [name for name in ("video_id", "status", "reason", "backend", "path") if name in odd.columns]
        parts.append(_table(f"Videos with a problem: {len(odd)} of {len(table)}", odd[columns].head(SHOWN)))
        if len(odd) > SHOWN:
            parts.append(f"<p>The first {SHOWN}; all of them are in {html.escape(str(manifest))}.</p>")
    return _page(f"Videos of {manifest.parent.name}", parts)


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
    return _page("Time and memory", [_table("What each stage cost", table)])


def _duration(seconds: float) -> str:
    return "-" if pd.isna(seconds) else duration(seconds)


def _table(caption: str, table: pd.DataFrame) -> str:
    head = "".join(f"<th>{html.escape(str(name))}</th>" for name in table.columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{html.escape(str(value))}</td>' for value in row)}</tr>\n"
        for row in table.itertuples(index=False)
    )
    rows = f"<thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody>"
    return f"<table><caption>{html.escape(caption)}</caption>\n{rows}</table>"


def _page(title: str, parts: list[str]) -> str:
    style = STYLE + "table { margin-bottom: 1.5rem; } .plain td { white-space: normal; }"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{style}</style></head>\n<body>{''.join(parts)}</body></html>\n"
    )
