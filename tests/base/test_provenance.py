"""The commit that results name is that of this code, whatever repository is at hand."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from base import provenance
from tests.places import ROOT


@pytest.fixture
def theirs(tmp_path) -> Path:
    """Somebody else's repository."""
    somebody = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
    for command in (["init"], [*somebody, "commit", "--allow-empty", "-m", "theirs"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


def commit(packages: Path, **environment: str) -> str:
    """What code in a folder says of itself, in a process of its own."""
    command = [sys.executable, "-c", "from base.provenance import commit; print(commit())"]
    environment = {**os.environ, "PYTHONPATH": str(packages), **environment}
    return subprocess.run(command, cwd=packages, env=environment, capture_output=True, text=True, check=True).stdout[
        :-1
    ]


def test_a_checkout_asks_git_of_itself_even_in_a_hook_of_another(theirs):
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("needs a git checkout")
    head = done.stdout.strip()
    for said in (commit(ROOT), commit(ROOT, GIT_DIR=str(theirs / ".git"))):
        assert said in (head, f"{head}+changes")


@pytest.mark.parametrize("recorded", ["0" * 40, "1" * 40 + "+changes", None])
def test_code_without_a_checkout_says_what_is_recorded_in_it(theirs, recorded):
    (theirs / "vendored/base").mkdir(parents=True)
    (theirs / "vendored/pyproject.toml").touch()
    for name in ("__init__.py", "provenance.py", "commit.txt"):
        shutil.copy(ROOT / "base" / name, theirs / "vendored/base")
    if recorded:
        (theirs / "vendored/base/commit.txt").write_text(f"{recorded}\n")
    assert commit(theirs / "vendored") == (recorded or "unknown")


def test_the_version_is_that_of_the_installation_without_the_commit(monkeypatch):
    monkeypatch.setattr(provenance.importlib.metadata, "version", lambda name: "0.1.0.dev9+g123456789")
    assert provenance.version() == "0.1.0.dev9"
