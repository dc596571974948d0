"""The scorer gives the published numbers on the published prediction files."""

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from base.errors import UserError
from base.formats.questions import CANDIDATES
from eigv.cli import app
from eigv.runs.external.scoring import score
from extract.annotations import read
from extract.annotations.msvd_qa import read_mapping
from extract.config import Dataset


def published(shared, name):
    return Dataset(format=name, annotations=shared / "data" / name, videos="v")


def rounded(part):
    return {name: round(value["accuracy"], 2) for name, value in part.items()}


def test_hga_on_nextqa_val(shared):
    found = score(shared / "data/predictions/nextqa-val-HGA.json", published(shared, "nextqa"), "val").metrics()
    assert round(found["accuracy"], 2) == 49.74
    assert rounded(found["by_group"]) == {"causal": 46.26, "temporal": 50.74, "descriptive": 59.33}
    assert "TP" not in found["by_type"] and found["by_type"]["TN"]["questions"] == 895 + 54
    assert found["notes"] == []


def test_hqga_on_msvd_test(shared):
    found = score(shared / "data/predictions/msvd-test-HQGA.json", published(shared, "msvd-qa"), "test").metrics()
    assert round(found["accuracy"], 2) == 41.15
    assert rounded(found["by_type"]) == {"what": 30.40, "who": 57.16, "how": 76.22, "when": 75.86, "where": 32.14}


@pytest.mark.parametrize("number", [int, float], ids=["4", "4.0"])
def test_indices_as_text_are_read_by_the_answers_that_they_count(shared, tmp_path, number):
    entries = json.loads((shared / "data/predictions/msvd-test-HQGA.json").read_text())
    dataset = published(shared, "msvd-qa")
    right = dict(read(dataset, "test")[["qid", "answer"]].itertuples(index=False))
    meaning = {entry["answer"]: right[qid] for qid, entry in entries.items() if entry["answer"]}
    words = [meaning.get(index, "") for index in range(1, max(meaning) + 1)]
    (tmp_path / "answers.json").write_text(json.dumps(words))
    table = pd.DataFrame([{"qid": qid, "prediction": number(e["prediction"])} for qid, e in entries.items()])
    table.to_csv(tmp_path / "p.csv", index=False)
    with pytest.raises(UserError, match=r"p\.csv: predictions are indices.*--answers"):
        score(tmp_path / "p.csv", dataset, "test")
    found = score(tmp_path / "p.csv", dataset, "test", tmp_path / "answers.json", 1)
    assert round(found.metrics()["accuracy"], 2) == 41.15
    table["answer"] = [entry["answer"] for entry in entries.values()]
    table.to_csv(tmp_path / "p.csv", index=False)
    assert round(score(tmp_path / "p.csv", dataset, "test").metrics()["accuracy"], 2) == 41.15


@pytest.mark.parametrize("key", ["{number}_{qid}", "vid{number}_{qid}", "{clip}_{qid}"])
def test_keys_with_msvd_s_own_video_number(shared, tmp_path, key):
    entries = json.loads((shared / "data/predictions/msvd-test-HQGA.json").read_text())
    raw = json.loads((shared / "data/msvd-qa/test_qa.json").read_text())
    clip = read_mapping(shared / "data/msvd-qa/youtube_mapping.txt")
    keys = {str(q["id"]): key.format(number=q["video_id"], qid=q["id"], clip=clip[q["video_id"]]) for q in raw}
    (tmp_path / "p.json").write_text(json.dumps({keys[qid]: entry for qid, entry in entries.items()}))
    found = score(tmp_path / "p.json", published(shared, "msvd-qa"), "test").metrics()
    assert round(found["accuracy"], 2) == 41.15 and not any("no question" in note for note in found["notes"])


def test_keys_with_msrvtt_s_own_video_number(shared, tmp_path):
    (tmp_path / "p.json").write_text('{"7010_170859": "regard", "video7010_170860": "show", "170861": "nothing"}')
    found = score(tmp_path / "p.json", published(shared, "msrvtt-qa"), "test")
    assert found.table["correct"].sum() == 2 and len(found.notes) == 1


def test_the_command_says_what_is_missing_and_counts_it_as_wrong(shared, tmp_path):
    entries = json.loads((shared / "data/predictions/nextqa-val-HGA.json").read_text())
    half = dict(list(entries.items())[:2498])
    (tmp_path / "half.json").write_text(json.dumps(half | {"nobody_1": {"prediction": 0}}))
    arguments = ["score", str(tmp_path / "half.json"), "--dataset", "nextqa", "--split", "val"]
    arguments += ["--annotations", str(shared / "data/nextqa"), "--out", str(tmp_path / "metrics.json")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "2498 of 4996 questions have no prediction and count as wrong" in done.output
    assert "1 keys are no question of val, the first is 'nobody_1'" in done.output
    right = sum(entry["prediction"] == entry["answer"] for entry in half.values())
    assert json.loads((tmp_path / "metrics.json").read_text())["accuracy"] == pytest.approx(100 * right / 4996)


OPEN = "video,question,answer,split,qid\na,what,cat,train,1\nb,what,dog,val,2\nc,what,cat,test,3\nc,who,cow,test,4\n"
CHOICE = (
    f"video,question,answer,{','.join(CANDIDATES)},split\n"
    "a,what,0,p,q,r,s,t,train\nb,what,0,p,q,r,s,t,val\nc,what,3,p,q,r,s,t,test\nc,who,1,p,q,r,s,t,test\n"
)


def small(tmp_path, text, predictions, name="p.json"):
    (tmp_path / "q.csv").write_text(text)
    raw = predictions if isinstance(predictions, str) else json.dumps(predictions)
    (tmp_path / name).write_text(raw)
    return tmp_path / name, Dataset(format="custom", annotations=tmp_path / "q.csv", videos="v"), "test"


@pytest.mark.parametrize(
    ("text", "predictions", "name"),
    [
        (CHOICE, {"c_0": 3, "c_1": 0}, "p.json"),
        (CHOICE, {"c_0": "s", "c_1": {"prediction": "2"}}, "p.json"),
        (CHOICE, "qid,prediction,score_a0\nc_1,4,0.3\nc_0,3,0.1\n", "p.csv"),
        (OPEN, {"3": "cat", "4": "cat"}, "p.json"),
        (OPEN, {"c_3": "cat"}, "p.json"),
        (OPEN, "qid,prediction\n3,cat\n", "p.csv"),
        (OPEN, {"3": {"prediction": 2, "answer": 2}, "4": {"prediction": 9, "answer": 1}}, "p.json"),
        (OPEN, {"3": {"prediction": "2", "answer": "2"}, "4": {"prediction": "9", "answer": "1"}}, "p.json"),
        (OPEN, {"3": {"prediction": 2.0, "answer": 2}, "4": {"prediction": 9, "answer": 1}}, "p.json"),
        (OPEN, "qid,prediction,answer\n3,2,2\n4,9,1\n", "p.csv"),
        (OPEN.replace("cat", "2"), "qid,prediction\n3,2\n4,7\n", "p.csv"),
        (CHOICE, "qid,prediction\nc_1,4.0\nc_0,3.0\n", "p.csv"),
        (CHOICE, {"c_0": 3.0, "c_1": "0"}, "p.json"),
        (CHOICE, "qid,prediction\nc_1,\nc_0,3.0\n", "p.csv"),
    ],
)
def test_every_form_of_a_file(tmp_path, text, predictions, name):
    found = score(*small(tmp_path, text, predictions, name))
    assert found.table["correct"].tolist() == [1, 0]


@pytest.mark.parametrize("text", [CHOICE, OPEN])
def test_an_empty_cell_is_a_missing_prediction(tmp_path, text):
    qids = ("c_0", "c_1") if text == CHOICE else ("3", "4")
    right = "1" if text == CHOICE else "cow"
    found = score(*small(tmp_path, text, f"qid,prediction\n{qids[0]},\n{qids[1]},{right}\n", "p.csv"))
    assert found.table["correct"].tolist() == [0, 1]
    assert "1 of 2 questions have no prediction and count as wrong" in found.notes


def test_indices_of_a_named_vocabulary(tmp_path):
    (tmp_path / "answers.json").write_text('["dog", "cat"]')
    file = small(tmp_path, OPEN, {"3": 2, "4": 0})
    assert score(*file, tmp_path / "answers.json", 1).table["correct"].tolist() == [1, 0]
    assert score(*file, tmp_path / "answers.json", 0).table["correct"].tolist() == [0, 0]


def test_the_index_of_the_unknown_is_never_right(tmp_path):
    several = OPEN + "c,how,red,test,5\n"
    unknown = {"prediction": 0, "answer": 0}
    found = score(*small(tmp_path, several, {"3": {"prediction": 1, "answer": 1}, "4": unknown, "5": unknown}))
    assert found.table["correct"].tolist() == [1, 0, 0]
    assert "2 predictions mean none of the answers" in found.notes[0]


@pytest.mark.parametrize(
    ("text", "predictions", "message"),
    [
        (CHOICE, {"c_0": 5}, "the prediction of c_0 is '5', expected an index 0 to 4"),
        (CHOICE, {"d_0": 1}, "none of its 1 keys is a question of this split"),
        (CHOICE, [1, 2], "does not hold an object but a list"),
        (CHOICE, {"c_0": {"answer": 1}}, "'c_0' has no prediction"),
        (CHOICE, {"c_0": True}, "'c_0' has no prediction"),
        (CHOICE, {"c_0": 3.5}, "'c_0' has no prediction that can be read: 3.5 is not a whole number"),
        (CHOICE, {"c_0": 3, "c_c_0": 2}, "'c_0' has more than one prediction"),
        (OPEN, {"3": "1", "4": "2"}, "no index as its `answer`.*--answers"),
        (OPEN, {"3": "1", "4": "unknown", "c_4": "0"}, "'4' has more than one prediction"),
        (OPEN, {"3": 1}, "no index as its `answer`.*--answers"),
    ],
)
def test_what_can_not_be_understood_is_named(tmp_path, text, predictions, message):
    with pytest.raises(UserError, match=rf"(?s)p\.json.*{message}"):
        score(*small(tmp_path, text, predictions))


def test_a_folder_is_not_a_prediction_file(tmp_path):
    (tmp_path / "q.csv").write_text(OPEN)
    arguments = ["score", str(tmp_path), "--dataset", "custom", "--annotations", str(tmp_path / "q.csv")]
    with pytest.raises(UserError, match="is a folder; the path of a JSON file is needed"):
        CliRunner().invoke(app, arguments, catch_exceptions=False)


@pytest.mark.parametrize("words", ['{"a": 1}', '["dog", null]'])
def test_answers_that_are_no_list_of_texts_are_refused(tmp_path, words):
    (tmp_path / "answers.json").write_text(words)
    with pytest.raises(UserError, match=r"answers\.json.*(not hold a list|entry 2 is null)"):
        score(*small(tmp_path, OPEN, {"3": 0}), tmp_path / "answers.json")


def test_a_file_of_another_order_is_refused(shared, tmp_path):
    entries = json.loads((shared / "data/predictions/msvd-test-HQGA.json").read_text())
    shuffled = dict(zip(entries, pd.Series(list(entries.values())).sample(frac=1, random_state=0), strict=True))
    (tmp_path / "p.json").write_text(json.dumps(shuffled))
    with pytest.raises(UserError, match="its answers do not agree with the annotations"):
        score(tmp_path / "p.json", published(shared, "msvd-qa"), "test")
