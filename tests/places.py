"""Where tests find things."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The checkout."""
_BESIDE = ROOT.parent if (ROOT.parent / "pyproject.toml").is_file() else ROOT
"""The checkout, also where `make mutants` runs the tests in a copy within it."""
SHARED = _BESIDE.parent / "shared"
"""Real annotations and clips, for those who have them."""
