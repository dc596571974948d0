"""HDR becomes an ordinary picture; ordinary pictures stay as they are; what is not corrected is said."""

import numpy as np
import pytest

from extract.config import SamplingSettings
from extract.videos.reader import PyavReader, Size
from extract.videos.survey import survey
from extract.videos.tones import KNEE, WHITE, to_sdr, transfer_name
from tests.extract.videos import make

GREY = [0.0, 0.05, 0.2, 0.5]
"""Shares of white, below the knee."""


def pq(light: float) -> int:
    """The 16-bit value of PQ for a share of white."""
    y = (light * WHITE / 10000) ** (2610 / 16384)
    return round(65535 * ((3424 / 4096 + 2413 / 128 * y) / (1 + 2392 / 128 * y)) ** (2523 / 32))


def hlg(light: float) -> int:
    """The 16-bit value of HLG for a share of white on a screen of 1000 cd/m2."""
    scene = (light * WHITE / 1000) ** (1 / 1.2)
    value = (3 * scene) ** 0.5 if scene <= 1 / 12 else 0.17883277 * np.log(12 * scene - 0.28466892) + 0.55991073
    return round(65535 * value)


@pytest.mark.parametrize(("transfer", "encode"), [("PQ", pq), ("HLG", hlg)])
def test_grey_below_the_knee_is_that_of_an_ordinary_screen(transfer, encode):
    picture = np.array([[[encode(light)] * 3 for light in GREY]], np.uint16)
    expected = [round(255 * light ** (1 / 2.4)) for light in GREY]
    np.testing.assert_allclose(to_sdr(picture, transfer)[0, :, 0], expected, atol=1)


def test_what_is_brighter_than_white_is_pressed_and_stays_in_order():
    lights = [KNEE, 1.0, 2.0, 4.0, 1000 / WHITE, 20.0]
    shown = to_sdr(np.array([[[pq(light)] * 3 for light in lights]], np.uint16), "PQ")[0, :, 1].tolist()
    assert shown == sorted(shown) and shown[-1] == shown[-2] == 255 and shown[2] > shown[1] > shown[0] > 220


def test_colours_of_bt2020_are_those_of_bt709():
    # BT.709's pure green at half of white, in BT.2020.
    green = np.array([[[pq(0.5 * share) for share in (0.3293, 0.9195, 0.0880)]]], np.uint16)
    red, full, blue = to_sdr(green, "PQ")[0, 0].tolist()
    assert full == pytest.approx(255 * 0.5 ** (1 / 2.4), abs=3) and red < 30 and blue < 30


def test_the_same_scene_as_sdr_pq_and_hlg(shared):
    pictures = {
        path.stem: next(PyavReader(path, Size(64, 64)).frames([5])).astype(float)
        for path in (shared / "cases/08-hdr/v").iterdir()
    }
    for transfer in ("pq", "hlg"):
        assert pictures[transfer].std() > 0.85 * pictures["sdr"].std() == pytest.approx(91, abs=1)
        assert np.abs(pictures[transfer] - pictures["sdr"]).mean() < 25
    seen = survey(shared / "cases/08-hdr/v/hlg.mp4", SamplingSettings())
    assert seen.look.transfer == "HLG" and seen.remarks == ("HDR (HLG) is tone-mapped to SDR",)
    assert seen.backend == "pyav"


@pytest.mark.parametrize(("number", "name"), [(16, "PQ"), (18, "HLG"), (14, "bt2020")])
def test_the_transfer_is_recorded(tmp_path, number, name):
    path = make.write(tmp_path / "a.mp4", 20, colours=(number, 9))
    seen = survey(path, SamplingSettings())
    assert transfer_name(number) == seen.look.transfer == name
    assert ("tone-mapped" if name != "bt2020" else "BT.2020 are shown as they are stored") in seen.remarks[-1]


def test_interlaced_frames_are_counted_and_said(tmp_path):
    options = {"flags": "+ildct+ilme"}
    seen = survey(make.write(tmp_path / "a.mpg", 30, "mpeg2video", options), SamplingSettings())
    assert seen.look.interlaced == 30 and "30 of 30 frames are interlaced" in seen.remarks[-1]
    assert survey(make.write(tmp_path / "b.mpg", 30, "mpeg2video"), SamplingSettings()).look.interlaced == 0
