"""The picture is the one that a player shows: all eight display matrices, and pixels that are not square."""

import av
import numpy as np
import pytest

from extract.config import SamplingSettings
from extract.videos.geometry import Orientation, of_matrix
from extract.videos.pictures import Picture
from extract.videos.reader import PyavReader, Size
from extract.videos.survey import survey
from tests.extract.videos import make

ONE = 1 << 16
MATRICES = {
    "upright": ((1, 0, 0, 1), lambda p: p),
    "mirrored": ((-1, 0, 0, 1), lambda p: p[:, ::-1]),
    "upside_down": ((1, 0, 0, -1), lambda p: p[::-1]),
    "half": ((-1, 0, 0, -1), lambda p: p[::-1, ::-1]),
    "clockwise": ((0, 1, -1, 0), lambda p: np.rot90(p, 3)),
    "counter_clockwise": ((0, -1, 1, 0), np.rot90),
    "transposed": ((0, 1, 1, 0), lambda p: p.swapaxes(0, 1)),
    "transposed_the_other_way": ((0, -1, -1, 0), lambda p: p[::-1, ::-1].swapaxes(0, 1)),
}
"""a, b, c, d of each matrix, and what it does to a picture."""


@pytest.mark.parametrize("name", MATRICES)
def test_each_display_matrix_is_applied(tmp_path, name):
    (a, b, c, d), expected = MATRICES[name]
    plain = make.write(tmp_path / "plain.mp4", 20)
    path = make.set_matrix(plain, tmp_path / f"{name}.mp4", (a, b, c, d))
    stored = next(PyavReader(plain).frames([7]))
    np.testing.assert_array_equal(next(PyavReader(path).frames([7])), expected(stored))
    assert next(PyavReader(path, Size(40, 30)).frames([7])).shape == (30, 40, 3)
    seen = survey(path, SamplingSettings())
    mirrored = a * d - b * c < 0
    assert seen.look.orientation.mirrored == mirrored and bool(seen.remarks) == mirrored
    assert seen.backend == ("pyav" if mirrored else "decord")


def test_the_mirrored_files_of_the_report(shared):
    folder = shared / "cases/06-mirrored/v"
    pictures = {path.stem: next(PyavReader(path).frames([0])) for path in folder.iterdir()}
    # All three show the same scene; turned_and_mirrored is stored lying.
    assert pictures["turned_and_mirrored"].shape == (160, 120, 3)
    np.testing.assert_array_equal(pictures["mirrored"][::-1, ::-1], pictures["upside_down"])


def test_what_is_not_a_quarter_turn_is_rounded_and_said():
    quarter = np.deg2rad(30)
    a, b = int(ONE * np.cos(quarter)), int(ONE * np.sin(quarter))
    assert of_matrix(np.array([a, b, 0, -b, a, 0, 0, 0, 1 << 30], np.int32)) == Orientation(0, False, 30.0)
    assert of_matrix(np.zeros(9, np.int32)) == Orientation()


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_the_shape_of_pixels_is_recorded_and_said_and_the_stored_ones_are_given(tmp_path, name):
    path = make.write(tmp_path / name, 20, shape="4:3")
    seen = survey(path, SamplingSettings())
    assert seen.pixel_shape == 4 / 3 or float(seen.pixel_shape) == pytest.approx(4 / 3, rel=0.02)
    assert "not square" in seen.remarks[-1]
    assert next(PyavReader(path).frames([3])).shape == (64, 96, 3)


def test_a_picture_that_keeps_proportions_keeps_those_that_a_player_shows():
    frame = np.zeros((64, 96, 3), np.uint8)
    frame[:, 44:52] = 255  # 8 wide, shown 16 wide
    crop = Picture(64, 64, "crop", "bilinear")
    assert (crop.of(frame)[32, :, 0] > 127).sum() == 8
    assert (crop.of(frame, 2.0)[32, :, 0] > 127).sum() == 16
    squash = Picture(32, 32, "squash", "bilinear")
    np.testing.assert_array_equal(squash.of(frame), squash.of(frame, 2.0))
    with av.logging.Capture():
        assert crop.of(frame, 0.5).shape == (64, 64, 3)
