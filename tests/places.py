"""Where tests find things."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The checkout."""
SHARED = ROOT.parent / "shared"
"""Real annotations and clips, for those who have them."""
