"""The examples that the documentation prints, as files."""

import re
from pathlib import Path

from tests.places import ROOT


def python_in(page: str, heading: str, file: Path) -> Path:
    """Writes the first Python example after a heading (or other text) of a page to a file."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8").partition(heading)[2]
    example = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert example, f"docs/{page} has no Python example after {heading!r}"
    file.write_text(example[1], encoding="utf-8")
    return file
