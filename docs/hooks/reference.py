"""A page for each Python package, with what its modules say about themselves; a new module is there by itself."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from docstrings import as_markdown
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
PACKAGES = ("base", "extract", "eigv")
COMMANDS = "cli"
"""The name of modules that hold a command line, which has a page of its own."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Puts the pages into the navigation, at the end of its part "Reference"."""
    sys.path.insert(0, str(ROOT))  # what is imported for the reference is of this checkout
    (reference,) = (part["Reference"] for part in config.nav or [] if "Reference" in part)
    reference += [
        {f"Package {package}": [{_name(folder): _uri(folder)} for folder in _folders(ROOT / package)]}
        for package in PACKAGES
        if (ROOT / package).is_dir()
    ]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages."""
    for package in PACKAGES:
        for folder in _folders(ROOT / package):
            files.append(File.generated(config, _uri(folder), content=_page(folder)))
    return files


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """The sources can be read on the pages, but are not searched."""
    return html.replace(
        '<details class="mkdocstrings-source"', '<details data-search-exclude class="mkdocstrings-source"'
    )


def _folders(package: Path) -> Iterator[Path]:
    """A package and all packages in it, each before those in it."""
    return (file.parent for file in sorted(package.rglob("__init__.py")))


def _name(folder: Path) -> str:
    """The name to import a package or module by."""
    return ".".join(folder.relative_to(ROOT).with_suffix("").parts)


def _uri(folder: Path) -> str:
    return f"reference/{folder.relative_to(ROOT)}.md"


def _page(folder: Path) -> str:
    modules = [path for path in sorted(folder.glob("*.py")) if path.stem not in ("__init__", COMMANDS)]
    inside = [inner.parent for inner in sorted(folder.glob("*/__init__.py"))]
    parts = [f"# {_name(folder)}", _docstring(folder / "__init__.py")]
    if (folder / f"{COMMANDS}.py").is_file():
        parts.append("Its commands have [a page of their own](commands.md).")
    rows = [_row(inner, f"{folder.name}/{inner.name}.md", inner / "__init__.py") for inner in inside]
    rows += [_row(module, f"#{_name(module)}", module) for module in modules]
    if rows:
        parts.append("\n".join(["| | |", "|---|---|", *rows]))
    return "\n\n".join(parts + [f"::: {_name(module)}" for module in modules]) + "\n"


def _row(path: Path, target: str, file: Path) -> str:
    summary = _docstring(file).partition("\n\n")[0].replace("\n", " ").replace("|", "\\|")
    return f"| [`{path.stem}`]({target}) | {summary} |"


def _docstring(file: Path) -> str:
    return as_markdown(ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "")
