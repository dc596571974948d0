"""The rationale picture: readable with the longest of real texts, and honest about what it cannot show."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle

from base.errors import UserError
from base.formats.predictions import Rationale, Scored
from eigv.config.targets import Rationales
from eigv.paper.answered_questions import AnsweredQuestion
from eigv.paper.figures.rationales import COLOURS, draw, rationale_picture
from eigv.paper.figures.strips import Strip
from tests.eigv.picture import overlapping

LONG = AnsweredQuestion(
    qid="q",
    video_id="4010069381",
    type="CH",
    question="how does the man in white prevent the white and black dog from running away in the park?",
    candidates=tuple(f"a candidate that is as long as those of NExT-QA, a{n}" for n in range(5)),
    answer=1,
    prediction=3,
    is_right=False,
    scored=(Scored("a candidate", 0.31),),
    rationale=None,
)
OPEN = replace(LONG, question="what is a man doing", candidates=(), answer="swim", prediction="dance")
CHANCES = tuple(0.5 + 0.01 * k for k in range(-8, 8))


def answers(question: AnsweredQuestion, *causal: tuple[int, ...]) -> list[AnsweredQuestion]:
    return [replace(question, rationale=Rationale(clips, (), CHANCES)) for clips in causal]


def strip(name: str = "4010069381") -> Strip:
    times = [100.1 + 2.7 * k for k in range(16)]
    frame_times = np.array(times)[:, None] + np.linspace(-1, 1, 5)
    return Strip(name, [np.full((90, 160, 3), 9 * k, np.uint8) for k in range(16)], times, frame_times)


GOLD_TOO = replace(LONG, gold=((100.0, 104.0), (140.0, 141.0)))


@pytest.mark.parametrize("question", [LONG, OPEN, GOLD_TOO], ids=["multiple-choice", "open-ended", "gold"])
def test_no_text_lies_over_another(question):
    figure = draw([(strip(), answers(question, (0, 1, 2), (3, 15))), (strip("another"), answers(question, ()))])
    assert overlapping(figure) == []
    plt.close(figure)


def test_each_question_frames_its_clips_in_its_colour():
    figure = draw([(strip(), answers(OPEN, (0, 1, 2), (2, 15)))])
    frames = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    for colour, clips in zip(COLOURS, ([0, 1, 2], [2, 15]), strict=False):
        rgb = tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        mine = [patch for patch in frames if np.allclose(patch.get_edgecolor()[:3], rgb)]
        assert sorted(int(patch.get_x()) for patch in mine) == clips
    plt.close(figure)


def test_gold_seconds_are_marked_under_the_clips_that_show_them():
    (gold, none) = (replace(answer, gold=spans) for answer, spans in zip(
        answers(OPEN, (0, 1), (2,)), (((100.1, 102.9),), ()), strict=True
    ))  # fmt: skip
    figure = draw([(strip(), [gold, none])])
    marked, unmarked = ([p for p in axes.patches if p.get_label() == "gold"] for axes in figure.axes[1:])
    # Frames of clip 0: 99.1, 99.6, 100.1, 100.6, 101.1; of clip 1: 101.8, 102.3, 102.8, 103.3, 103.8
    expected = [(0.035 + 0.9 * 0.4, 0.9 * 0.6), (1.035, 0.9 * 0.6)]
    assert [(p.get_x(), p.get_width()) for p in marked] == [pytest.approx(place) for place in expected]
    assert unmarked == []
    assert "gold" in [label.get_text() for label in figure.axes[1].get_yticklabels()]
    plt.close(figure)


def test_a_run_without_rationales_is_refused(tmp_path):
    (tmp_path / "p.csv").write_text("qid,video_id,type,answer,prediction,correct,top\nq,v,what,a,a,1,a:0.9000\n")
    (tmp_path / "test.csv").write_text("qid,video_id,question,type,answer\nq,v,what is it,what,a\n")
    how = Rationales(run="a/b/erm/app/seed0")
    with pytest.raises(UserError, match="no rationales"):
        rationale_picture(tmp_path / "p.csv", tmp_path, tmp_path, tmp_path, how, [tmp_path / "out.png"])
