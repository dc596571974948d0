"""Answers of a run with their questions, and which of them a picture shows."""

import pandas as pd
import pytest

from base.errors import UserError
from eigv.config.shown import Rationales
from eigv.paper.answered import answer_scores, choose, read_answers


def table() -> pd.DataFrame:
    rows = [
        (f"v{v}_{q}", f"v{v}", "what" if q else "how", (v + q) % 2 == 0, v / 10 + q / 100)
        for v in range(6)
        for q in range(3)
    ]
    return pd.DataFrame(rows, columns=["qid", "video_id", "type", "is_right", "confidence"])


def how(**values) -> Rationales:
    return Rationales.model_validate({"run": "a/b/c/d/seed0", "questions": 4} | values)


def qids(parts: list[pd.DataFrame]) -> list[list[str]]:
    return [list(part["qid"]) for part in parts]


def test_best_and_worst_are_the_most_confident_right_and_wrong_ones():
    best, worst = (choose(table(), how(choose=name)) for name in ("best", "worst"))
    assert [part["video_id"].iloc[0] for part in best] == ["v4", "v2"]  # two right answers each
    assert all(part["is_right"].all() for part in best) and not any(part["is_right"].any() for part in worst)
    assert [part["video_id"].iloc[0] for part in worst] == ["v5", "v3"]


def test_two_questions_of_different_types_a_video():
    for part in choose(table(), how()):
        assert len(part) == 2 and part["type"].nunique() == 2


def test_random_depends_on_the_seed_only():
    assert qids(choose(table(), how(choose="random", seed=1))) == qids(choose(table(), how(choose="random", seed=1)))
    assert len({str(qids(choose(table(), how(choose="random", seed=seed)))) for seed in range(5)}) > 1


def test_questions_by_their_ids():
    assert qids(choose(table(), how(qids=["v1_0", "v1_2", "v3_1"]))) == [["v1_0", "v1_2"], ["v3_1"]]
    with pytest.raises(UserError, match="v9_9"):
        choose(table(), how(qids=["v9_9"]))


def test_no_right_answer_is_said():
    with pytest.raises(UserError, match="no answer is right"):
        choose(table().assign(is_right=False), how(choose="best"))


def test_scores_of_answers_with_spaces_and_colons():
    assert answer_scores({"top": "a cat:0.5000 ratio 1:2:0.2500 dog:0.1000"}) == [
        ("a cat", 0.5),
        ("ratio 1:2", 0.25),
        ("dog", 0.1),
    ]


def test_predictions_of_another_data_set_are_refused(tmp_path):
    (tmp_path / "p.csv").write_text("qid,video_id,type,answer,prediction,correct,top\nq1,v,what,a,a,1,a:0.9000\n")
    (tmp_path / "test.csv").write_text("qid,video_id,question,type,answer\nq2,v,what is it,what,a\n")
    with pytest.raises(UserError, match="not of the same data set"):
        read_answers(tmp_path / "p.csv", tmp_path)
