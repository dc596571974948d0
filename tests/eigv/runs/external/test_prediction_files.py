"""Prediction files of other systems are read, or what is the matter with them is said."""

import json

import pytest

from base.errors import UserError
from eigv.runs.external.scoring import score
from extract.annotations import read
from extract.config import Dataset

WORDS = "ape,bee,cat,dog,eel"
OPEN = "video,question,answer,split\na,what,cat,train\nb,what,dog,val\nc,what,A cat.,test\nc,who,caf\u00e9,test\n"


def choice(first=WORDS, second=WORDS):
    """Questions c_0, of which a4 is right, and c_1, of which a3 is."""
    return (
        "video,question,a0,a1,a2,a3,a4,answer_index,split\n"
        f"a,what,{WORDS},0,train\nb,what,{WORDS},1,val\nc,what,{first},4,test\nc,who,{second},3,test\n"
    )


def scored(tmp_path, raw, name="p.json", questions=None):
    (tmp_path / "q.csv").write_text(questions or choice(), encoding="utf-8")
    text = raw if isinstance(raw, str) else json.dumps(raw)
    (tmp_path / name).write_text(text, encoding="utf-8")
    return score(tmp_path / name, Dataset(format="custom", annotations=tmp_path / "q.csv", videos="v"), "test")


def lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (lines({"qid": "c_0", "prediction": 4}, {"qid": "c_1", "prediction": 3}), "p.jsonl"),
        (lines({"qid": "c_0", "prediction": 4}, {"qid": "c_1", "prediction": 3}), "p.json"),
        ([{"question_id": "c_0", "pred": "E"}, {"question_id": "c_1", "pred": "(d)"}], "p.json"),
        ([{"id": "c_0", "answer": "E."}, {"id": "c_1", "answer": "D) dog."}], "p.json"),
        ({"predictions": [{"id": "c_0", "predicted": "EEL"}, {"id": "c_1", "predicted": " dog\u200b"}]}, "p.json"),
        (
            [{"video": "c", "qid": 0, "pred": 4, "answer": 1}, {"video": "c", "qid": 1, "pred": 3, "answer": 1}],
            "p.json",
        ),
        ({"c_0": {"pred": 4}, "c_1": {"prediction": "3"}}, "p.json"),
        ("question_id,pred\nc_0,E\nc_1,D\n", "p.csv"),
        ("video_id,id,answer\nc,0,E: eel\nc,1,dog\n", "p.csv"),
        ({"c_0": "(E)", "c_1": 3}, "p.json"),
        (lines({"c_0": "E"}, {"c_1": {"pred": "dog"}}), "p.jsonl"),
    ],
)
def test_forms_of_other_systems(tmp_path, raw, name):
    assert scored(tmp_path, raw, name).table["correct"].tolist() == [1, 1]


def test_a_file_of_a_single_line_and_what_it_is_read_from(tmp_path):
    found = scored(tmp_path, lines({"qid": "c_1", "answer": "D"}), "p.jsonl")
    assert found.table["correct"].tolist() == [0, 1]
    assert found.notes[0] == "predictions are read from the key `answer`"
    assert scored(tmp_path, {"qid": "c_1", "answer": "D"}).table["correct"].tolist() == [0, 1]
    assert found.metrics()["comparison"] == "comparable-1"


@pytest.mark.parametrize(
    ("first", "second", "raw", "right"),
    [
        ("1,2,3,4,5", "4,3,2,1,0", {"c_0": "5", "c_1": "1"}, [1, 1]),
        ("1,2,3,4,5", "4,3,2,1,0", {"c_0": 4, "c_1": 3}, [1, 1]),
        ("1,2,3,4,5", WORDS, {"c_0": "4", "c_1": "3"}, [1, 1]),
        ("1,2,3,4,5", WORDS, {"c_0": "4", "c_1": "dog"}, [0, 1]),
        ("B,C,D,E,A", WORDS, {"c_0": "E", "c_1": "(D)"}, [1, 1]),
        ("B,C,D,E,A", WORDS, {"c_0": "A", "c_1": "dog"}, [1, 1]),
        ("sing,dance ,Sing on,x,sings ", WORDS, {"c_0": "sings", "c_1": "DOG"}, [1, 1]),
        ("a,b,c,d,e", WORDS, {"c_0": "e", "c_1": "cat"}, [1, 0]),
    ],
)
def test_what_predictions_are_is_decided_for_the_whole_file(tmp_path, first, second, raw, right):
    assert scored(tmp_path, raw, questions=choice(first, second)).table["correct"].tolist() == right


def test_a_run_s_own_file_holds_indices_whatever_the_candidates_are(tmp_path):
    csv = "qid,video_id,prediction,score_a0\nc_0,c,4,0.1\nc_1,c,3,0.1\n"
    found = scored(tmp_path, csv, "p.csv", choice("1,2,3,4,5", "4,3,2,1,0"))
    assert found.table["correct"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("first", "raw", "message"),
    [
        ("1,2,3,4,5", {"c_0": "4"}, r"c_0 is '4': it is the index of a4 \('5'\) and the text of a3.*numbers of JSON"),
        ("B,C,D,E,A", {"c_0": "A"}, r"c_0 is 'A': it is the letter of a0 \('B'\) and the text of a4"),
        ("Cat,cat.,a,b,c", {"c_0": "cat", "c_1": "dog"}, r"c_0 is 'cat', which is the text of a0 \('Cat'\) and a1"),
        (WORDS, {"c_0": "B. ape"}, "expected an index 0 to 4, a letter A to E or the text of one"),
        (WORDS, {"c_0": "F"}, "expected an index 0 to 4, a letter A to E"),
        (
            WORDS,
            {"c_0": {"output": 4, "score": 1}},
            "'c_0' has no prediction: its keys are 'output', 'score'; name .*`pred`",
        ),
        (WORDS, {"c_0": {"pred": 4, "prediction": 3}}, "'c_0' has two predictions, `prediction` .3. and `pred` .4."),
        (
            WORDS,
            [{"qid": "c_0", "prediction": 1}, {"name": "c_1", "prediction": 1}],
            "entry 2 names no question: its keys",
        ),
        (WORDS, [{"qid": "c_0", "prediction": 1}, {"qid": "c_1", "answer": 1}], "entry 2 has no prediction: its keys"),
        (WORDS, [{"qid": "c_0", "prediction": 1}] * 2, "'c_0' has more than one prediction, the second in entry 2"),
        (
            WORDS,
            [{"qid": "c_0", "question": "what", "answer": 4}],
            r"entry 1 has no prediction.*`answer` counts as the right",
        ),
        (WORDS, '{"c_0": 4, "c_1": 3, "c_0": 1}', "the key 'c_0' stands twice"),
        (WORDS, lines({"qid": "c_0", "pred": 1}) + '{"qid": "c_1", "pred": 1', r"not JSON.*\(line 2\)"),
        (WORDS, lines({"c_0": 1}, {"c_0": 2}), "'c_0' has more than one prediction, the second in entry 2"),
        (WORDS, {"c_0": ["E"] * 99}, r"the prediction is \[\"E\", .{9,80} \.\.\., expected a text or a number"),
        (WORDS, [{"name": "c_0", "output": 4}] * 2, "entry 1 names no question: its keys are 'name', 'output'; name"),
        (WORDS, [["c_0", 4]], "does not hold an object but a list; expected .*one a line"),
    ],
)
def test_what_is_the_matter_is_said(tmp_path, first, raw, message):
    with pytest.raises(UserError, match=rf"(?s)p\.json.*{message}"):
        scored(tmp_path, raw, questions=choice(first))


def test_open_ended_answers_are_compared_without_spaces_capitals_and_final_punctuation(tmp_path):
    found = scored(tmp_path, {"c_0": "a  cat", "c_1": " CAFE\u0301."}, questions=OPEN)
    assert found.table["correct"].tolist() == [1, 1]
    assert scored(tmp_path, {"c_0": "cat", "c_1": "cafe"}, questions=OPEN).table["correct"].tolist() == [0, 0]


@pytest.mark.parametrize("form", ["text", "letter", "shouted"])
def test_hga_on_nextqa_val_by_text_and_by_letter(shared, tmp_path, form):
    dataset = Dataset(format="nextqa", annotations=shared / "data/nextqa", videos="v")
    asked = read(dataset, "val").set_index("qid").to_dict("index")
    entries = json.loads((shared / "data/predictions/nextqa-val-HGA.json").read_text())
    said = {qid: asked[qid][f"a{entry['prediction']}"] for qid, entry in entries.items()}
    if form == "shouted":
        said = {qid: f" {text.strip().upper()}." for qid, text in said.items()}
    if form == "letter":
        said = {qid: "ABCDE"[entry["prediction"]] for qid, entry in entries.items()}
    (tmp_path / "p.json").write_text(json.dumps(said))
    assert round(score(tmp_path / "p.json", dataset, "val").metrics()["accuracy"], 2) == 49.74


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ({"cafe\u0301_0": 4, "caf\u00e9_1": 3}, "p.json"),
        ([{"cafe\u0301_0": 4}, {"cafe\u0301_1": 3}], "p.json"),
        ([{"video": "cafe\u0301", "qid": "0", "pred": 4}, {"qid": "caf\u00e9_1", "pred": 3}], "p.json"),
        ("qid,prediction\ncafe\u0301_0,4\ncafe\u0301_1,3\n", "p.csv"),
    ],
)
def test_accents_of_keys_may_be_in_either_form(tmp_path, raw, name):
    found = scored(tmp_path, raw, name, choice().replace("\nc,", "\ncafe\u0301.mp4,"))
    assert found.table["correct"].tolist() == [1, 1] and not [n for n in found.notes if "key `pred`" not in n]
