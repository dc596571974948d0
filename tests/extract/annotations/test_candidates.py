"""Answers of multiple choice are indices or texts, also where candidates are numbers; nothing is guessed."""

import pytest

from base.errors import UserError
from extract.annotations import read
from extract.config import Dataset

SPLITS = ("train", "val", "test")
FIVE = "a0,a1,a2,a3,a4"
THINGS = "ape,bee,cat,dog,eel"
DOWN = "4,3,2,1,0"


def answers(tmp_path, *rows, header=f"{FIVE},answer"):
    """The answers of three rows, of which each is candidates and answer."""
    lines = [f"v{n},what,{row},{split}" for n, (row, split) in enumerate(zip(rows, SPLITS, strict=True))]
    (tmp_path / "q.csv").write_text("\n".join([f"video,question,{header},split", *lines]), encoding="utf-8")
    dataset = Dataset(format="custom", annotations=tmp_path / "q.csv", videos="v")
    return "".join(read(dataset, split)["answer"].item() for split in SPLITS)


@pytest.mark.parametrize(
    ("rows", "right"),
    [
        ([f"{THINGS},bee", f"{DOWN},3", f"{DOWN},2"], "112"),
        ([f"{DOWN},3", f"{DOWN},2", f"{THINGS},Bee. "], "121"),
        ([f"{THINGS},1", f"{DOWN},3", f"{DOWN},2"], "132"),
        ([f"{THINGS},1.0", f"{DOWN},3.0", f"{DOWN},2"], "132"),
        ([f"{DOWN},3", "2,3,4,5,6,6", f"{DOWN},0"], "144"),
        ([f"{DOWN},3", "5,6,7,8,9,1", f"{DOWN},0"], "310"),
        (["1,2,3,4,5,5.0", f"{DOWN},3.0", "4.0,3.0,2.0,1.0,0.0,3"], "411"),
        (["0,1,2,3,4,2", "0,1,2,3,4,4", f"{DOWN},2"], "242"),
        ([f"{THINGS},2", f"{THINGS},eel", f"{THINGS},0"], "240"),
        (["one,two,3,4,5,two", "one,2,3,4,5,2", f"{DOWN},0"], "114"),
        (["caf\u00e9,b,c,d,e,cafe\u0301", "sings ,b,c,d,e,Sings", "x,y,b\u200b,d,e,b"], "002"),
        ([f"{THINGS},0", "\uff13,\uff12,1,0,9,3", f"{THINGS},2"], "032"),
    ],
)
def test_the_column_as_a_whole_decides(tmp_path, rows, right):
    assert answers(tmp_path, *rows) == right


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            ["0,1,2,3,4,2", f"{DOWN},3", f"{DOWN},0"],
            r"row 2: the answer '3': it is the index of a3 \('1'\) and the text of a1",
        ),
        (
            [f"{THINGS},bee", "4,5,6,7,8,3", f"{THINGS},eel"],
            "row 2: the answer '3': its candidates are numbers and it is none",
        ),
        ([f"{THINGS},bee", f"{THINGS},0", f"{DOWN},3"], "row 3: the answer '3'.*other rows are read in either way"),
        ([f"{THINGS},bee", "Dog,dog.,cat,cow,eel,dog", f"{THINGS},0"], r"row 2: .* is the text of a0 \('Dog'\) and a1"),
        (
            [f"{THINGS},bee", f"{THINGS},5", f"{THINGS},0"],
            "row 2: the answer '5' is neither an index 0 to 4 nor the text",
        ),
        ([f"{THINGS},bee", "cat,cat,a,b,c,cat", f"{THINGS},0"], "row 2: .*answer_index"),
        ([f"{THINGS},bee", "\u200b,cat,a,b,c,cat", f"{THINGS},0"], r"it has an empty candidate \(a0\)"),
    ],
)
def test_what_nothing_decides_is_an_error_with_its_row(tmp_path, rows, message):
    with pytest.raises(UserError, match=message):
        answers(tmp_path, *rows)


def test_a_column_can_say_what_it_holds(tmp_path):
    rows = [f"{DOWN},3", f"{DOWN},2", f"{DOWN},0"]
    assert answers(tmp_path, *rows, header=f"{FIVE},answer_index") == "320"
    assert answers(tmp_path, *rows, header=f"{FIVE},answer_text") == "124"
    both = [f"{DOWN},1,3", f"{DOWN},2,2", f"{DOWN},4,0"]
    assert answers(tmp_path, *both, header=f"{FIVE},answer_index,answer_text") == "124"
    with pytest.raises(UserError, match="row 1: answer_index means a1 and answer_text a0: put one"):
        answers(tmp_path, f"{DOWN},1,4", *both[1:], header=f"{FIVE},answer_index,answer_text")
    with pytest.raises(UserError, match="row 1: the answer index '7' is not an index 0 to 4"):
        answers(tmp_path, f"{DOWN},7", *rows[1:], header=f"{FIVE},answer_index")
