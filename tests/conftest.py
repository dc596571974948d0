"""What several tests use: the shared real data, if it is there."""

import os
from pathlib import Path

import pytest

# Tests run side by side; threads that wait for each other's cores slow small tensors down a hundredfold.
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real annotations and clips beside the repository; tests that need it skip without it."""
    if not SHARED.is_dir():
        pytest.skip(f"the real data are not there: {SHARED}")
    return SHARED
