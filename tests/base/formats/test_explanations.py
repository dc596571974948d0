"""`explanations.csv`, written and read."""

import numpy as np
import pandas as pd
import pytest

from base.errors import UserError
from base.formats.explanations import CLIPS, INDICATOR, NUMBERS, OWN, TEXTS, clips_as_text, read_selections

SELECTED = np.array([[True, False, False], [False, True, True]])


def written(tmp_path, clips):
    rows = [(f"q{n}", "v", "why", INDICATOR, OWN, *(0.5 for _ in NUMBERS)) for n in range(2)]
    pd.DataFrame(rows, columns=[*TEXTS, *NUMBERS]).assign(**clips).to_csv(tmp_path / "e.csv", index=False)
    return tmp_path / "e.csv"


def test_selections_are_read_as_they_were_written(tmp_path):
    table, selected = read_selections(written(tmp_path, {CLIPS: clips_as_text(SELECTED)}))
    assert table["qid"].tolist() == ["q0", "q1"]
    np.testing.assert_array_equal(selected, SELECTED)


@pytest.mark.parametrize("clips", [["0 1", "x"], ["0 1", "-1"], ["0 1", "1.5"]])
def test_clips_that_are_no_numbers_are_named(tmp_path, clips):
    with pytest.raises(UserError, match=r"e\.csv: the clips of question 'q1'"):
        read_selections(written(tmp_path, {CLIPS: clips}))


def test_a_file_of_before_is_refused(tmp_path):
    with pytest.raises(UserError, match=CLIPS):
        read_selections(written(tmp_path, {}))
