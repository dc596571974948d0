"""Answers of a run with their questions, and which of them a picture shows."""

from dataclasses import replace

import pytest

from base.errors import UserError
from base.formats.predictions import Scored
from eigv.config.targets import Rationales
from eigv.paper.answered_questions import AnsweredQuestion, choose, read_answered


def answered() -> list[AnsweredQuestion]:
    return [
        AnsweredQuestion(
            qid=f"v{v}_{q}",
            video_id=f"v{v}",
            type="what" if q else "how",
            question="which",
            candidates=(),
            answer="a",
            prediction="a",
            is_right=(v + q) % 2 == 0,
            scored=(Scored("a", v / 10 + q / 100),),
            rationale=None,
        )
        for v in range(6)
        for q in range(3)
    ]


def how(**values) -> Rationales:
    return Rationales.model_validate({"run": "a/b/c/d/seed0", "questions": 4} | values)


def qids(parts: list[list[AnsweredQuestion]]) -> list[list[str]]:
    return [[question.qid for question in part] for part in parts]


def videos(parts: list[list[AnsweredQuestion]]) -> list[str]:
    return [part[0].video_id for part in parts]


def test_best_and_worst_are_the_most_confident_right_and_wrong_ones():
    best, worst = (choose(answered(), how(choose=name)) for name in ("best", "worst"))
    assert videos(best) == ["v4", "v2"]  # two right answers each
    assert all(question.is_right for part in best for question in part)
    assert not any(question.is_right for part in worst for question in part)
    assert videos(worst) == ["v5", "v3"]


def test_two_questions_of_different_types_a_video():
    for part in choose(answered(), how()):
        assert len(part) == 2 and part[0].type != part[1].type


def test_random_depends_on_the_seed_only():
    assert qids(choose(answered(), how(choose="random", seed=1))) == qids(
        choose(answered(), how(choose="random", seed=1))
    )
    assert len({str(qids(choose(answered(), how(choose="random", seed=seed)))) for seed in range(5)}) > 1


def test_questions_by_their_ids():
    assert qids(choose(answered(), how(qids=["v1_0", "v1_2", "v3_1"]))) == [["v1_0", "v1_2"], ["v3_1"]]
    with pytest.raises(UserError, match="v9_9"):
        choose(answered(), how(qids=["v9_9"]))


def test_no_right_answer_is_said():
    with pytest.raises(UserError, match="no answer is right"):
        choose([replace(question, is_right=False) for question in answered()], how(choose="best"))


def test_predictions_are_joined_with_their_questions_by_id(tmp_path):
    (tmp_path / "p.csv").write_text(
        "qid,video_id,type,answer,prediction,correct,score_a0,score_a1,causal_clips,causal_spans,clip_probability\n"
        "q2,w,how,1,0,0,0.7500,0.2500,0 1,0.00-2.50,0.600 0.700\nq1,v,what,1,1,1,0.2500,0.7500,,,0.100 0.200\n"
    )
    (tmp_path / "test.csv").write_text(
        "qid,video_id,question,type,answer,a0,a1,a2,a3,a4\nq1,v,what is it,what,1,p,q,r,s,t\nq0,v,x,what,1,p,q,r,s,t\n"
        "q2,w,how is it,how,1,a,b,c,d,e\n"
    )
    second, first = read_answered(tmp_path / "p.csv", tmp_path)
    assert (first.qid, first.question, first.candidates) == ("q1", "what is it", ("p", "q", "r", "s", "t"))
    assert (second.answer, second.prediction, second.is_right, second.confidence) == (1, 0, False, 0.75)
    assert second.scored == (("a", 0.75), ("b", 0.25))
    assert second.rationale == ((0, 1), ((0.0, 2.5),), (0.6, 0.7))
    assert first.rationale == ((), (), (0.1, 0.2))


def test_open_ended_answers_may_hold_spaces_and_colons(tmp_path):
    (tmp_path / "p.csv").write_text(
        "qid,video_id,type,answer,prediction,correct,top\n"
        "q,v,what,dog,a cat,0,a cat:0.5000 ratio 1:2:0.2500 dog:0.1000\n"
    )
    (tmp_path / "test.csv").write_text("qid,video_id,question,type,answer\nq,v,what is it,what,dog\n")
    (found,) = read_answered(tmp_path / "p.csv", tmp_path)
    assert found.scored == (("a cat", 0.5), ("ratio 1:2", 0.25), ("dog", 0.1))
    assert found.confidence == 0.5 and found.candidates == () and found.rationale is None


def test_predictions_of_another_data_set_are_refused(tmp_path):
    (tmp_path / "p.csv").write_text("qid,video_id,type,answer,prediction,correct,top\nq1,v,what,a,a,1,a:0.9000\n")
    (tmp_path / "test.csv").write_text("qid,video_id,question,type,answer\nq2,v,what is it,what,a\n")
    with pytest.raises(UserError, match="not of the same data set"):
        read_answered(tmp_path / "p.csv", tmp_path)
