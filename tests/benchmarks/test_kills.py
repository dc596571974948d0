"""The short form of make kills: trainings that are killed end with the same bytes."""

import pytest

from benchmarks.kills import RUNS, disturb
from benchmarks.many_runs import write_data


@pytest.mark.slow
@pytest.mark.parametrize("runs", [RUNS[:1], RUNS[1:]], ids=["alone", "in a shared process"])
def test_killed_trainings_end_with_the_same_bytes(tmp_path, runs):
    write_data(tmp_path)
    assert disturb(tmp_path / "runs", tmp_path, runs, kills=2, epochs=4, seed=1) >= 2
