"""A laid-out table as LaTeX (booktabs and threeparttable)."""

import itertools

from eigv.paper.tables.layout import Layout, Line

LATEX = str.maketrans(
    {c: rf"\{c}" for c in "&%$#_{}"}
    | {"±": r"$\pm$", "~": r"\textasciitilde{}", "^": r"\^{}", "*": "$^{*}$", "\\": r"\textbackslash{}"}
)


def latex(layout: Layout, label: str) -> str:
    r"""A `table*` environment that needs `\usepackage{booktabs}` and, for the notes, `\usepackage{threeparttable}`."""
    groups = layout.groups
    rows = [" & " + " & ".join(rf"\multicolumn{{{size}}}{{c}}{{{_latex(name)}}}" for name, size in groups) + r" \\"]
    if layout.has_own_heads:
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
