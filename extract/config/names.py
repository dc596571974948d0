"""Names and folders that become part of the paths of results, and of the patterns that rules are made of."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

LONGEST = 200
"""Bytes of a name: file systems take 255, and files are called after it with more before and behind."""


def _fits_paths(text: str) -> str | None:
    """What keeps a text out of the paths of results; None if nothing does."""
    if not text.strip():
        return "it is empty"
    if text != text.strip():
        return "it begins or ends with a blank"
    if text.startswith("-"):
        return "it begins with a dash, and would be taken for an option"
    if set(text) & set("{}"):
        return "it has a brace, which the rules take for a pattern"
    if not text.isprintable():
        return "it has a line break or another character that cannot be seen"
    return None


def _is_name(name: str) -> str:
    problem = _fits_paths(name)
    if not problem and "/" in name:
        problem = "it has a slash"
    if not problem and name.startswith("."):
        problem = "it begins with a full stop"
    if not problem and len(name.encode()) > LONGEST:
        problem = f"it is longer than {LONGEST} bytes"
    if problem:
        raise ValueError(f"{name!r} cannot be the name of a folder of results: {problem}; give it another name")
    return name


def _is_folder(folder: Path) -> Path:
    if problem := _fits_paths(str(folder)):
        raise ValueError(f"'{folder}' cannot be the folder of results: {problem}; name another folder")
    return folder


EntryName = Annotated[str, AfterValidator(_is_name)]
"""The name of a data set, a collection or a split: any text that can be the name of a folder, blanks and quotes too."""
OutputFolder = Annotated[Path, AfterValidator(_is_folder)]
"""A folder that the workflow writes to."""
