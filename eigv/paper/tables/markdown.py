"""A laid-out table as GitHub's Markdown."""

from eigv.paper.tables.layout import Entry, Layout


def markdown(layout: Layout) -> str:
    """The whole file. A column's two titles share a line."""
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
