"""Steps of `pip wheel` and `build`: the commit goes into what is built, where git can no longer be asked."""

import os
import shutil
import sys
from pathlib import Path

from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from base.provenance import RECORDED, commit  # noqa: E402

# In a checkout of another user git lists no files. None need be listed: pyproject.toml has the patterns.
os.environ.setdefault("SETUPTOOLS_SCM_IGNORE_DUBIOUS_OWNER", "1")


class BuildPy(build_py):
    """Copies the packages for a wheel."""

    def run(self) -> None:
        if not self.editable_mode:
            # Modules that have moved away since an earlier build would come along.
            shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()
        if not self.editable_mode:
            record(Path(self.build_lib))


class SourceArchive(sdist):
    """Gathers an archive of the source, from which a wheel can be built later."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        # Outside a git repository nothing names this file.
        super().make_release_tree(base_dir, sorted({*files, "workflow/build.py"}))
        record(Path(base_dir))


def record(tree: Path) -> None:
    """Writes the commit into a copy of the packages."""
    path = tree / RECORDED.relative_to(ROOT)
    path.unlink()  # it may be a hard link to the checkout's
    path.write_text(commit() + "\n")
