"""Agreement of selections, by hand; the curves' points and areas."""

import numpy as np
import pytest

from base.errors import UserError
from base.formats.predictions import Predictions, Rationale
from eigv.rationales.faithfulness import Curve, sizes, spread
from eigv.rationales.stability import agreement, of_all, over_noise, over_runs


def bools(*rows: str) -> np.ndarray:
    return np.array([[letter == "1" for letter in row] for row in rows])


def test_agreement_and_what_chance_gives():
    found = agreement(bools("1100", "0000", "1000"), bools("0110", "0000", "0000"))
    assert found.iou == pytest.approx(100 * (1 / 3 + 1 + 0) / 3)
    # Two pairs of four clips share 2, 1 or 0 clips in 1, 4 and 1 of 6 cases.
    assert found.by_chance == pytest.approx(100 * ((1 + 4 / 3) / 6 + 1 + 0) / 3)


def test_all_pairs():
    same = bools("1100")
    assert of_all([same, same, bools("0011")]).iou == pytest.approx(100 / 3)
    assert of_all([same, same]).by_chance == pytest.approx(100 * (1 + 4 / 3) / 6)


def test_the_noise_of_training():
    assert over_noise(np.array([[0.0, 1.0, 1.0]])).iou == 100
    tossed = over_noise(np.full((4000, 2), 0.5))
    # Of 16 pairs of draws: 4 equal ones agree, 4 share one of two clips, and the rest nothing.
    assert tossed.iou == pytest.approx(100 * (4 + 4 / 2) / 16, abs=1)
    assert tossed == over_noise(np.full((4000, 2), 0.5))


def run(qids: str, *clips: tuple[int, ...]) -> Predictions:
    rationales = [Rationale(chosen, (), (0.5,) * 4) for chosen in clips]
    count = len(qids)
    return Predictions(
        [*qids], ["v"] * count, [""] * count, [0] * count, [0] * count, np.ones(count, bool), None, None, rationales
    )


def test_over_seeds_questions_are_paired_by_their_ids():
    assert over_runs([run("ab", (0, 1), (2,)), run("ba", (2,), (0, 1))]).iou == 100
    assert over_runs([run("ab", (0, 1), (2,)), run("ab", (1,), (3,))]).iou == pytest.approx(25)
    with pytest.raises(UserError, match="other questions"):
        over_runs([run("ab", (0,), (1,)), run("ac", (0,), (1,))])
    with pytest.raises(UserError, match="at least two"):
        over_runs([run("a", (0,))])
    plain = Predictions(["a"], ["v"], [""], [0], [0], np.ones(1, bool))
    with pytest.raises(UserError, match="hold no rationales"):
        over_runs([plain, plain])


def test_curves():
    assert sizes(16) == [0, 1, 2, 3, 4, 6, 8, 12, 16]
    assert sizes(5) == [0, 1, 2, 3, 4, 5] and sizes(1) == [0, 1]
    assert Curve([0, 1, 4], [20.0, 60.0, 100.0]).area == pytest.approx(40 / 4 + 80 * 3 / 4)
    assert spread(10, 4).tolist() == [0, 3, 6, 9] and spread(3, 500).tolist() == [0, 1, 2]
    assert spread(9, 1).tolist() == [0] and spread(9, 0).tolist() == []
