"""The recorded numbers of the reference implementations, all of them."""

import pytest

from tests import parity


@pytest.mark.slow
def test_every_recorded_number_agrees(shared, capsys):
    files = sorted((shared / "golden").glob("*.npz"))
    assert len(files) >= 15
    assert parity.main([str(file) for file in files]) == 0, capsys.readouterr().out
