"""The benchmark of many small runs, with two of them."""

import pytest

from benchmarks.many_runs import compare


@pytest.mark.slow
def test_two_runs_in_a_process_take_less_than_in_two_and_give_the_same_bytes(tmp_path):
    apart, together = compare(tmp_path, 2)
    assert together < apart
