"""Questions and their counts come out as they went in."""

import pandas as pd
import pytest

from base.errors import UserError
from base.formats.questions import (
    CANDIDATES,
    is_multiple_choice,
    questions_left_out,
    read_annotations,
    write_annotations,
    write_summary,
)

OPEN = pd.DataFrame({"qid": ["1"], "video_id": ["01"], "question": ["who, then?"], "type": [""], "answer": ["NA"]})


def test_text_stays_text(tmp_path):
    write_annotations(tmp_path / "train.csv", OPEN)
    pd.testing.assert_frame_equal(read_annotations(tmp_path / "train.csv"), OPEN)
    assert not is_multiple_choice(OPEN) and is_multiple_choice(OPEN.assign(**dict.fromkeys(CANDIDATES, "x")))


def test_a_missing_column_is_named(tmp_path):
    write_annotations(tmp_path / "train.csv", OPEN.rename(columns={"answer": "Answer"}))
    with pytest.raises(UserError, match=r"train\.csv lacks the column answer; .*rename 'Answer' to 'answer'"):
        read_annotations(tmp_path / "train.csv")


def test_questions_left_out_are_those_of_the_split(tmp_path):
    write_summary(tmp_path, {"train": {"questions_left_out": 2}, "val": {"questions_left_out": 0}})
    assert [questions_left_out(tmp_path, split) for split in ("train", "val")] == [2, 0]
