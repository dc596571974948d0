"""Sections of docs/benchmarks.md and results on other pages, each written anew by its benchmark."""

import argparse
import os
import platform
import re
from collections.abc import Callable
from pathlib import Path

from eigv.config.experiment import Config, load

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
BEGINNING = "# Benchmarks\n\nEach section is written by its benchmark. Ratios count; times belong to the machine.\n"


def write_section(heading: str, text: str, page: Path = PAGE) -> None:
    """Puts `text` under `## heading`, in the place of what stood there."""
    before = page.read_text(encoding="utf-8") if page.is_file() else BEGINNING
    section = f"## {heading}\n\n{text.strip()}\n"
    found = re.search(rf"^## {re.escape(heading)}\n.*?(?=^## |\Z)", before, re.DOTALL | re.MULTILINE)
    if found:
        after = before[: found.start()] + section + ("\n" if found.end() < len(before) else "") + before[found.end() :]
    else:
        after = before.rstrip("\n") + "\n\n" + section
    page.write_text(after, encoding="utf-8")


def write_between(beginning: str, end: str, text: str, page: Path) -> None:
    """Puts `text` between two lines of a page that is written by hand; where there is no page it is one of these."""
    before = page.read_text(encoding="utf-8") if page.is_file() else f"{beginning}\n{end}\n"
    head, found, rest = before.partition(f"{beginning}\n")
    _, closed, tail = rest.partition(f"{end}\n")
    if not (found and closed):
        raise ValueError(f"{page} has no lines {beginning!r} and {end!r}, between which the results belong")
    text = text.strip("\n")
    page.write_text(f"{head}{beginning}\n\n{text}\n\n{end}\n{tail}", encoding="utf-8")


def write_results(
    about: str | None, config: Path, page: Path, marks: tuple[str, str], results: Callable[[Config, Path], str]
) -> None:
    """The command that writes the results of a configuration's runs between two lines, `marks`, of a page.

    `results` makes the text of the configuration, and puts pictures into the folder that it is given; it is called in
    the folder that the workflow ran in.
    """
    asked = options(about, page).parse_args()
    loaded = load([config, *asked.over])
    written = asked.page.resolve()
    os.chdir(asked.folder)
    write_between(*marks, results(loaded, written.parent / "images"), written)
    print(f"{written}, between its marks of results")


def options(about: str | None, page: Path | None) -> argparse.ArgumentParser:
    """What every such command can be told."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--folder", type=Path, default=Path(), help="the folder that the workflow ran in")
    parser.add_argument("--page", type=Path, default=page, help="the page that the results are written to")
    parser.add_argument("--over", type=Path, action="append", default=[], help="a file over the configuration")
    return parser


def machine() -> str:
    """The processor and how many cores of it this process may use."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return f"{model or platform.processor() or platform.machine()}, {len(os.sched_getaffinity(0))} cores"
