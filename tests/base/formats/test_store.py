"""Files that are filled row by row go on after a kill, and begin anew where a crash of the machine damaged them."""

import logging

import h5py
import numpy as np
import pytest

from base.formats.store import create_by_rows


class Killed(BaseException):
    pass


def fill(path, die_at=None, stage=0):
    """Fills a file of four rows, or dies before one of them; returns the rows that it made."""
    made = []

    def build(file):
        file.create_dataset("x", (4, 1000), "f4")

    with create_by_rows(path, "numbers", {"of": "a test"}, build, 4, stage=stage) as rows:
        for row in rows.open:
            if row == die_at:
                raise Killed
            rows.finish(row, {"x": np.full(1000, row)})
            made.append(row)
    with h5py.File(path) as file:
        assert (file["x"][:] == np.arange(4)[:, None]).all() and "stage" not in file.attrs
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    return made


def test_a_killed_file_is_completed(tmp_path):
    with pytest.raises(Killed):
        fill(tmp_path / "a.h5", die_at=2)
    assert fill(tmp_path / "a.h5") == [2, 3]


def test_a_half_file_of_another_stage_is_begun_anew_and_a_whole_one_does_not_tell_it(tmp_path):
    for name, stages in {"a.h5": (1, 2), "b.h5": (2, 2)}.items():
        with pytest.raises(Killed):
            fill(tmp_path / name / name, die_at=2, stage=stages[0])
        assert fill(tmp_path / name / name, stage=stages[1]) == ([0, 1, 2, 3] if stages[0] == 1 else [2, 3])
    assert (tmp_path / "a.h5/a.h5").read_bytes() == (tmp_path / "b.h5/b.h5").read_bytes()


@pytest.mark.parametrize("left", [0, 10, 1000, -1], ids=["empty", "signature", "beginning", "all but a byte"])
def test_a_half_file_that_was_cut_off_is_begun_anew(tmp_path, caplog, left):
    with pytest.raises(Killed):
        fill(tmp_path / "a.h5", die_at=2)
    half = tmp_path / ".a.h5.half"
    half.write_bytes(half.read_bytes()[:left])
    with caplog.at_level(logging.WARNING):
        assert fill(tmp_path / "a.h5") == [0, 1, 2, 3]
    assert f"{half} is damaged and begun anew" in caplog.text
