"""Tables, figures and pages are made from files alone: where they are made, neither torch nor a model is loaded."""

import subprocess
import sys

from tests.places import ROOT

SCRIPT = """
import importlib, pkgutil, sys
import eigv.paper
for module in pkgutil.walk_packages(eigv.paper.__path__, "eigv.paper."):
    importlib.import_module(module.name)
print(*sys.modules)
"""


def test_the_paper_imports_neither_torch_nor_runs():
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "eigv.paper.pages.explorer" in loaded and "eigv.paper.figures.rationales" in loaded
    forbidden = ("torch", "eigv.runs", "eigv.method", "eigv.backbones")
    assert [name for name in loaded if name.startswith(forbidden)] == []
