"""What all tests of the method share."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def _on_one_thread(one_thread: None) -> None:
    """All of them are of small models."""
