"""Whatever folders and data sets are called, commands get their names whole, and write nothing outside of results."""

import re
from pathlib import Path

import pytest

from tests.places import ROOT
from tests.workflow import whole

TEXTS = r"\{(?:input|output|log|params|wildcards)\b"
"""How a placeholder begins that is a path or a text; threads and resources are numbers."""
ODD = 'it\'s 50 % of $HOME; "é" & (co) -x'


def shells() -> dict[str, str]:
    """The shell command of each rule as it is written, by the place it stands in."""
    found = {}
    for file in sorted((ROOT / "workflow/rules").glob("*.smk")):
        for block in re.finditer(r"^    shell:\n((?:        .*\n?)+)", file.read_text(), re.MULTILINE):
            found[f"{file.name}:{file.read_text()[: block.start()].count(chr(10)) + 1}"] = block[1]
    return found


SHELLS = shells()


def test_every_shell_is_found():
    assert len(SHELLS) == sum(file.read_text().count("shell:") for file in (ROOT / "workflow/rules").glob("*.smk"))
    assert len(SHELLS) > 15


@pytest.mark.parametrize("place", SHELLS)
def test_every_path_and_text_of_a_command_is_quoted(place):
    unquoted = re.findall(TEXTS + r"(?![^{}]*:q\})[^{}]*\}", SHELLS[place])
    assert not unquoted, unquoted
    # What is quoted within quotes is not quoted.
    assert not re.findall(r"'[^'\n]*\{[^{}]*:q\}[^'\n]*'", SHELLS[place])


def tree(folder: Path) -> dict[str, bytes]:
    """The content of every file, but for those of Snakemake itself."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and ".snakemake" not in file.relative_to(folder).parts
    }


@pytest.mark.workflow
def test_odd_names_work_and_nothing_is_written_outside_of_results(tmp_path):
    folder = tmp_path / ODD
    folder.mkdir()
    results = f"my {ODD}"
    whole.prepare(folder, whole.settings(f"data {ODD}", f"videos {ODD}", results))
    # What a command would write to that takes a name apart.
    for word in {*results.split(), *ODD.split()}:
        (folder / word).write_text("precious")
    before = tree(tmp_path)
    whole.snakemake(folder)
    after = {name: content for name, content in tree(tmp_path).items() if not name.startswith(f"{ODD}/{results}/")}
    assert after == before
    assert (folder / results / "report.html").is_file()
    assert (folder / results / "tables/table1.md").is_file()
    assert (folder / results / "explorer/explorer.html").is_file()
