"""Where a file comes from: the commit and the versions that made it."""

import functools
import importlib.metadata
import subprocess
import sys
from pathlib import Path

PACKAGES = ("torch", "torchvision", "pytorchvideo", "decord", "av", "transformers", "h5py", "numpy")
RECORDED = Path(__file__).with_name("commit.txt")
"""Holds the commit where git has put it into an archive, or the build into a wheel; in a checkout git's placeholder."""


@functools.cache
def commit() -> str:
    """The git commit of the code, with `+changes` where the tree differed from it; `unknown` where nothing tells.

    A checkout of this project asks git, and so does an editable installation. Code without one, in a wheel or in an
    archive, has its commit written down, whatever repository it lies in.
    """
    root = Path(__file__).resolve().parents[1]
    if (root / ".git").exists() and (root / "pyproject.toml").is_file():
        return _of_checkout(root)
    recorded = RECORDED.read_text(encoding="utf-8").strip()
    return "unknown" if recorded.startswith("$") else recorded


def _of_checkout(root: Path) -> str:
    def git(*arguments: str) -> str:
        # Named outright: GIT_DIR, which is set in hooks, may be another repository's.
        command = ["git", f"--git-dir={root / '.git'}", f"--work-tree={root}", *arguments]
        return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "HEAD") + ("+changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def environment() -> dict[str, str]:
    """The environment that this process runs in: its kind and its folder."""
    conda = Path(sys.prefix, "conda-meta").is_dir()
    kind = "conda" if conda else "virtual environment" if sys.prefix != sys.base_prefix else "installation"
    return {"kind": kind, "folder": sys.prefix}


def version() -> str:
    """The version of this project as it is installed, without the part behind `+`: `commit` tells that better."""
    return versions(("eigv",))["eigv"].partition("+")[0]


def versions(packages: tuple[str, ...] = PACKAGES) -> dict[str, str]:
    """The installed version of each package, read from its metadata (nothing is imported)."""
    found = {}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found
