"""Predictions on disk: the bytes by hand, and what is read is what was written, however odd the answers are."""

import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from base.errors import UserError
from base.formats.predictions import Predictions, Rationale, Scored

CHOICE = """\
qid,video_id,type,answer,prediction,correct,score_a0,score_a1,score_a2,causal_clips,causal_spans,clip_probability
v_0,v,what,2,2,1,0.2000,0.1235,0.6765,0 3,0.00-1.25 10.00-12.35,0.900 0.100 0.250 0.501
v_1,v,"how, and why",1,0,0,1.0000,0.0000,0.0000,,,0.500 0.499 0.000 0.100
"""
OPEN = """\
qid,video_id,type,answer,prediction,correct,top
1,v,what,cat,cat,1,cat:0.5000 a dog:0.2500 cow:0.2500
2,w,who,nobody,a dog,0,a dog:0.7500 cat:0.1250 cow:0.1250
"""


def choice() -> Predictions:
    return Predictions(
        qid=["v_0", "v_1"],
        video_id=["v", "v"],
        type=["what", "how, and why"],
        answer=[2, 1],
        prediction=[2, 0],
        correct=np.array([True, False]),
        scores=np.array([[0.2, 0.12346, 0.67654], [1.0, 0.0, 0.0]]),
        rationales=[
            Rationale((0, 3), ((0.0, 1.25), (10.0, 12.3456)), (0.9, 0.1, 0.25, 0.5006)),
            Rationale((), (), (0.5, 0.4994, 0.0, 0.1)),
        ],
    )


def of_answers(*answers: list[str]) -> Predictions:
    """Open-ended predictions, of which only the likeliest answers matter."""
    top = [tuple(map(Scored, row, (0.5, 0.25, 0.125, 0.0625, 0.03))) for row in answers]
    names = [str(n) for n in range(len(answers))]
    words = [row[0] for row in answers]
    return Predictions(names, names, names, list(words), list(words), np.ones(len(answers), bool), top=top)


def test_multiple_choice_by_hand(tmp_path: Path) -> None:
    choice().write(tmp_path / "predictions.csv")
    assert (tmp_path / "predictions.csv").read_text() == CHOICE


def test_open_ended_by_hand(tmp_path: Path) -> None:
    questions = pd.DataFrame(
        {
            "qid": ["1", "2"],
            "video_id": ["v", "w"],
            "question": "?",
            "type": ["what", "who"],
            "answer": ["cat", "nobody"],
        }
    )
    chances = np.array([[0.25, 0.5, 0.25], [0.75, 0.125, 0.125]], np.float32)
    Predictions.of(questions, chances, np.array([1, -1]), ["a dog", "cat", "cow"]).write(tmp_path / "predictions.csv")
    assert (tmp_path / "predictions.csv").read_text() == OPEN


def test_what_is_read_has_its_types(tmp_path: Path) -> None:
    (tmp_path / "predictions.csv").write_text(CHOICE)
    found = Predictions.read(tmp_path / "predictions.csv")
    assert (found.answer, found.prediction) == ([2, 1], [2, 0]) and found.correct.tolist() == [True, False]
    assert found.scores is not None and found.scores.tolist() == [[0.2, 0.1235, 0.6765], [1.0, 0.0, 0.0]]
    assert found.top is None and found.type == ["what", "how, and why"]
    assert found.rationales == [
        Rationale((0, 3), ((0.0, 1.25), (10.0, 12.35)), (0.9, 0.1, 0.25, 0.501)),
        Rationale((), (), (0.5, 0.499, 0.0, 0.1)),
    ]
    (tmp_path / "predictions.csv").write_text(OPEN)
    found = Predictions.read(tmp_path / "predictions.csv")
    assert found.scores is None and found.rationales is None and found.answer == ["cat", "nobody"]
    assert found.top == [
        (Scored("cat", 0.5), Scored("a dog", 0.25), Scored("cow", 0.25)),
        (Scored("a dog", 0.75), Scored("cat", 0.125), Scored("cow", 0.125)),
    ]


def test_it_is_read_and_written_to_the_same_bytes(tmp_path: Path) -> None:
    for text in (CHOICE, OPEN):
        (tmp_path / "a.csv").write_text(text)
        Predictions.read(tmp_path / "a.csv").write(tmp_path / "b.csv")
        assert (tmp_path / "b.csv").read_text() == text


def test_the_predictions_of_batches_are_those_of_all_questions(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names = [str(n) for n in range(7)]
    questions = pd.DataFrame({"qid": names, "video_id": "v", "question": "?", "type": "t"})
    right, vocabulary = rng.integers(-1, 9, size=7), [f"w{n}" for n in range(9)]
    rationales = [Rationale((n,), ((0.0, float(n)),), (0.1 * n, 0.5)) for n in range(7)]
    for words, answer in ((vocabulary, "w1"), ([], "1")):
        chances = rng.dirichlet(np.ones(9 if words else 5), size=7).astype(np.float32)
        table = questions.assign(answer=answer)
        Predictions.of(table, chances, right, words, rationales).write(tmp_path / "whole.csv")
        parts = [
            Predictions.of(table[rows], chances[rows], right[rows], words, rationales[rows])
            for rows in (slice(0, 3), slice(3, 6), slice(6, 9))
        ]
        Predictions.joined(parts).write(tmp_path / "joined.csv")
        assert (tmp_path / "whole.csv").read_bytes() == (tmp_path / "joined.csv").read_bytes()


def test_only_the_five_likeliest_answers_are_kept() -> None:
    questions = pd.DataFrame({"qid": ["1"], "video_id": "v", "question": "?", "type": "t", "answer": "d"})
    chances = np.array([[0.1, 0.1, 0.4, 0.1, 0.1, 0.1, 0.1]], np.float32)
    found = Predictions.of(questions, chances, np.array([3]), list("abcdefg"))
    assert found.top is not None and [answer for answer, _ in found.top[0]] == ["c", "a", "b", "d", "e"]
    assert found.prediction == ["c"] and not found.correct[0]


@pytest.mark.parametrize(
    "answers",
    [
        ["a cat", "ratio 1:2", "dog"],
        ["12:30", "at 12:30 sharp", ":", " : ", "::"],
        ["x:0.5000", "x:0.5000 y", "x:0.5000 ", ":0.5000 :0.2500 "],
        ["nan", "a:nan b", "None", "1.0000", "0.5000 y"],
        ["\\", "a\\", "a\\\\:0.5000 b\\", "\\:nan c", "a\\ b"],
        ["two\nlines", 'a "quoted", word', " leading", "trailing ", "tab\t"],
    ],
    ids=["phrases", "times", "probabilities", "not-a-number", "backslashes", "whitespace"],
)
def test_odd_answers_come_back(tmp_path: Path, answers: list[str]) -> None:
    written = of_answers(answers, answers[::-1], *([answer] for answer in answers))
    written.write(tmp_path / "predictions.csv")
    assert Predictions.read(tmp_path / "predictions.csv").top == written.top


def test_any_answers_come_back(tmp_path: Path) -> None:
    rng = random.Random(0)
    pieces = ["a", " ", ":", "\\", "0.5000", "1.0000", ":0.2500 ", ":0.25001", "nan", ":nan ", "0", ".", "\n", ","]
    rows = [["".join(rng.choices(pieces, k=rng.randint(1, 6))) for _ in range(rng.randint(1, 5))] for _ in range(5000)]
    written = of_answers(*rows)
    written.write(tmp_path / "predictions.csv")
    assert Predictions.read(tmp_path / "predictions.csv").top == written.top


def test_answers_of_ordinary_words_are_written_as_they_are(tmp_path: Path) -> None:
    of_answers(["a \\ b", "12:30"]).write(tmp_path / "predictions.csv")
    assert (tmp_path / "predictions.csv").read_text().endswith(",a \\ b:0.5000 12:30:0.2500\n")


def test_a_model_that_gives_no_numbers_can_be_read(tmp_path: Path) -> None:
    questions = pd.DataFrame({"qid": ["1"], "video_id": "v", "question": "?", "type": "t", "answer": "cat"})
    chances = np.full((1, 3), np.nan, np.float32)
    Predictions.of(questions, chances, np.array([1]), ["dog", "cat", "cow"]).write(tmp_path / "predictions.csv")
    top = Predictions.read(tmp_path / "predictions.csv").top
    assert top is not None and [answer for answer, _ in top[0]] == ["dog", "cat", "cow"]
    assert all(np.isnan(chance) for _, chance in top[0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("qid,video_id,type,answer,prediction\nq,v,t,a,a\n", "lacks the column correct, top"),
        ("qid,video_id,type,answer,prediction,correct\nq,v,t,a,a,1\n", "lacks the column top"),
        (CHOICE.replace(",causal_spans", ",spans"), "lacks the column causal_spans"),
        (CHOICE.replace("what,2,2", "what,2,two"), "invalid literal for int.*'two'"),
        (CHOICE.replace("what,2,2,1", "what,2,2,True"), "the column correct holds 'True', and not 0 or 1"),
        (CHOICE.replace("0.1235", "much"), "much"),
        (OPEN.replace("cow:0.2500", "cow"), "does not read answer:probability"),
        ("", "No columns"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(UserError, match=rf"(?s)p\.csv is not what `eigv evaluate` writes.*{said}.*evaluate the run"):
        Predictions.read(tmp_path / "p.csv")


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"p\.csv does not exist"):
        Predictions.read(tmp_path / "p.csv")
