"""A laid-out table as Markdown, LaTeX (booktabs) and HTML."""

from __future__ import annotations

import html as html_text
import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eigv.paper.tables.layout import Entry, Layout, Line


def markdown(layout: Layout) -> str:
    """GitHub's Markdown. A column's two titles share a line."""
    heads = [" ".join(filter(None, (group, own))) for group, own in layout.heads]
    lines = [f"# {layout.caption}", "", f"| Model | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for line in layout.lines:
        entries = [_text(entry, "[{}]") for entry in line.entries] or [""] * len(heads)
        label = f"**{line.label}**" if line.kind == "heading" else line.label
        lines.append(f"| {label} | {' | '.join(entries)} |")
    lines += ["", *(f"{remark}  " for remark in layout.remarks)]
    lines += [f"[{number}] {note}.  " for number, note in enumerate(layout.notes, start=1)]
    return "\n".join(lines).rstrip() + "\n"


def _text(entry: Entry, mark: str) -> str:
    return " ".join(filter(None, (entry.text, "".join(mark.format(number) for number in entry.marks))))


LATEX = str.maketrans(
    {c: rf"\{c}" for c in "&%$#_{}"}
    | {"±": r"$\pm$", "~": r"\textasciitilde{}", "^": r"\^{}", "\\": r"\textbackslash{}"}
)


def latex(layout: Layout, label: str) -> str:
    r"""A `table*` environment that needs `\usepackage{booktabs}` and, for the notes, `\usepackage{threeparttable}`."""
    groups = [(name, len(list(members))) for name, members in itertools.groupby(group for group, _ in layout.heads)]
    grouped = any(own for _, own in layout.heads)
    rows = [" & " + " & ".join(rf"\multicolumn{{{size}}}{{c}}{{{_latex(name)}}}" for name, size in groups) + r" \\"]
    if grouped:
        ends = list(itertools.accumulate((size for _, size in groups), initial=1))
        rows.append("".join(rf"\cmidrule(lr){{{a + 1}-{b}}}" for a, b in itertools.pairwise(ends)))
        rows.append(" & " + " & ".join(_latex(own) for _, own in layout.heads) + r" \\")
    body, before = [], ""
    for line in layout.lines:
        if before and (line.kind in ("heading", "plain") or (before == "cited" and line.kind != "cited")):
            body.append(r"\midrule")
        body.append(_latex_row(line, len(layout.heads)))
        before = line.kind
    notes = [rf"\item[{number}] {_latex(note)}." for number, note in enumerate(layout.notes, start=1)]
    return "\n".join(
        [
            r"% needs \usepackage{booktabs,threeparttable}",
            r"\begin{table*}",
            r"\centering\small",
            r"\begin{threeparttable}",
            rf"\caption{{{_latex(layout.caption)}. {' '.join(_latex(remark) for remark in layout.remarks)}}}",
            rf"\label{{{label}}}",
            rf"\begin{{tabular}}{{l{'c' * len(layout.heads)}}}",
            r"\toprule",
            *rows,
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            *([r"\begin{tablenotes}\footnotesize", *notes, r"\end{tablenotes}"] if notes else []),
            r"\end{threeparttable}",
            r"\end{table*}",
            "",
        ]
    )


def _latex_row(line: Line, columns: int) -> str:
    if line.kind == "heading":
        return rf"\multicolumn{{{columns + 1}}}{{l}}{{\textit{{{_latex(line.label)}}}}} \\"
    label = (r"\quad " if line.kind == "method" else "") + _latex(line.label)
    marks = ["".join(rf"\tnote{{{number}}}" for number in entry.marks) for entry in line.entries]
    return " & ".join([label, *(_latex(e.text) + m for e, m in zip(line.entries, marks, strict=True))]) + r" \\"


def _latex(text: str) -> str:
    return text.translate(LATEX)


STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; color: #1c1c1c; margin: 2rem; }
table { border-collapse: collapse; border-top: 2px solid; border-bottom: 2px solid; }
td { font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding-bottom: .6rem; }
th, td { padding: .25rem .5rem; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
thead th { font-weight: 600; } thead tr:last-child th { border-bottom: 1px solid; }
thead .group { text-align: center; }
tr.plain td, tr.heading td { border-top: 1px solid #ccc; } tr.method td:first-child { padding-left: 2rem; }
tr.cited { color: #666; } tr.heading td { font-style: italic; }
td.paper, td.difference { color: #666; }
td.group-start, th.group-start { padding-left: 1.3rem; }
p, ol { max-width: 60rem; color: #444; font-size: 13px; margin: .5rem 0; } .none { color: #999; font-style: italic; }
"""


def html(layout: Layout) -> str:
    """A page by itself."""
    escape = html_text.escape
    groups = [(name, len(list(members))) for name, members in itertools.groupby(group for group, _ in layout.heads)]
    head = (
        "<tr><th></th>"
        + "".join(f'<th class="group" colspan="{size}">{escape(n)}</th>' for n, size in groups)
        + "</tr>"
    )
    if any(own for _, own in layout.heads):
        head += (
            "<tr><th></th>"
            + "".join(f'<th class="{_start(own)}">{escape(own)}</th>' for _, own in layout.heads)
            + "</tr>"
        )
    body = "".join(_html_row(line, layout.heads) for line in layout.lines)
    notes = "".join(f"<li>{escape(note)}.</li>" for note in layout.notes)
    remarks = "".join(f"<p>{escape(remark)}</p>" for remark in layout.remarks)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(layout.caption)}</title>'
        f"<style>{STYLE}</style></head>\n<body><table><caption>{escape(layout.caption)}</caption>\n"
        f"<thead>{head}</thead>\n<tbody>{body}</tbody></table>\n{remarks}<ol>{notes}</ol></body></html>\n"
    )


def _start(own: str) -> str:
    return "group-start" if own in ("", "ours") else own


def _html_row(line: Line, heads: list[tuple[str, str]]) -> str:
    if line.kind == "heading":
        return f'<tr class="heading"><td colspan="{len(heads) + 1}">{html_text.escape(line.label)}</td></tr>\n'
    places = []
    for entry, (_, own) in zip(line.entries, heads, strict=True):
        marks = f"<sup>{','.join(map(str, entry.marks))}</sup>" if entry.marks else ""
        text = html_text.escape(entry.text)
        text = f'<span class="none">{text}</span>' if text == "not run" else text
        places.append(f'<td class="{_start(own)}">{text}{marks}</td>')
    return f'<tr class="{line.kind}"><td>{html_text.escape(line.label)}</td>{"".join(places)}</tr>\n'
