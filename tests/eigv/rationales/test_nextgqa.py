"""NExT-GQA's metrics, by hand and on the published rows."""

import numpy as np
import pytest

from eigv.rationales.nextgqa import best, seven

GOLD = [(0.0, 10.0), (20.0, 22.0)]


@pytest.mark.parametrize(
    ("prediction", "iop", "iou"),
    [
        ([(5.0, 15.0)], 0.5, 5 / 15),
        ([(0.0, 40.0)], 10 / 40, 10 / 40),
        ([(19.0, 23.0)], 2 / 4, 2 / 4),
        ([(2.0, 4.0)], 1.0, 0.2),
        ([(9.0, 21.0)], 1 / 12, 1 / 13),  # one second of each: IoU is better with the shorter one
        ([(12.0, 14.0)], 0.0, 0.0),
        ([(10.0, 10.0)], 1.0, 0.0),  # without length, at the end of a segment
        ([(11.0, 11.0)], 0.0, 0.0),
        ([(0.0, 2.0), (1.0, 4.0), (30.0, 34.0)], 4 / 8, 4 / 14),  # several spans count together
        ([], 0.0, 0.0),
    ],
)
def test_the_best_segment_of_each(prediction, iop, iou):
    assert best(prediction, GOLD) == (pytest.approx(iop), pytest.approx(iou))


def test_the_set_of_seven():
    iop, iou = np.array([1.0, 0.5, 0.3, 0.0]), np.array([0.5, 0.3, 0.1, 0.0])
    assert seven(iop, iou, np.array([True, False, True, True])) == {
        "Acc@GQA": 25.0,  # the second is wrong, the third grounded too little
        "mIoP": pytest.approx(45.0),
        "IoP@0.3": 75.0,
        "IoP@0.5": 50.0,
        "mIoU": pytest.approx(22.5),
        "IoU@0.3": 50.0,
        "IoU@0.5": 25.0,
    }
    assert list(seven(iop, iou)) == ["mIoP", "IoP@0.3", "IoP@0.5", "mIoU", "IoU@0.3", "IoU@0.5"]
