"""Where a file comes from: the commit and the versions that made it."""

import functools
import importlib.metadata
import subprocess
from pathlib import Path

PACKAGES = ("torch", "torchvision", "pytorchvideo", "decord", "av", "transformers", "h5py", "numpy")


@functools.cache
def commit() -> str:
    """The git commit of the code, with `+changes` where the tree differs from it, or `unknown` outside a checkout."""
    root = Path(__file__).resolve().parents[1]

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "HEAD") + ("+changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def versions(packages: tuple[str, ...] = PACKAGES) -> dict[str, str]:
    """The installed version of each package, read from its metadata (nothing is imported)."""
    found = {}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found
