"""The short form of `make kills`: three kills at random moments change no byte."""

import random

import pytest

from tests.eigv import synthetic
from tests.kills import Case, check

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ["alone", "several", "ahead"])
def test_three_kills_at_random_moments_change_nothing(tmp_path, name):
    data = synthetic.write(tmp_path / "data", multiple_choice=True)
    assert len(check(Case(name, tmp_path, data), 3, random.Random())) == 3
