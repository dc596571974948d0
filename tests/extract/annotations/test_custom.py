"""A data set of one's own: one CSV, splits by video, optional gold spans."""

import json

import pandas as pd
import pytest

from base.errors import UserError
from extract.annotations import read
from extract.annotations.doctor import examine
from extract.annotations.gold import gold_files, read_gold
from extract.annotations.questions import write_all, write_gold
from extract.config import Dataset

SPLITS = ("train", "val", "test")
THREE = "video,question,answer,split,type\nx,Why?,so,val,why\ny,Who?,he,test,who\nz,Who?,he,train,who\n"


def custom(path, **settings):
    return Dataset(format="custom", annotations=path, videos="v", **settings)


def table_of(tmp_path, videos=20, **columns):
    rows = [
        {"video": f"v{n}.mp4", "question": f"What is {q}?", "answer": "a cat"} for n in range(videos) for q in (1, 2)
    ]
    table = pd.DataFrame(rows).assign(**columns)
    table.to_csv(tmp_path / "q.csv", index=False)
    return tmp_path / "q.csv"


def test_splits_are_made_by_video(tmp_path):
    dataset = custom(table_of(tmp_path))
    videos = {split: set(read(dataset, split)["video_id"]) for split in SPLITS}
    assert [len(videos[split]) for split in SPLITS] == [16, 2, 2]
    assert not videos["train"] & videos["val"] and not (videos["train"] | videos["val"]) & videos["test"]
    assert sum(len(read(dataset, split)) for split in SPLITS) == 40


def test_the_order_of_the_file_does_not_change_the_splits_and_the_seed_does(tmp_path):
    dataset = custom(table_of(tmp_path))
    before = set(read(dataset, "test")["video_id"])
    pd.read_csv(tmp_path / "q.csv").sample(frac=1, random_state=1).to_csv(tmp_path / "q.csv", index=False)
    assert set(read(dataset, "test")["video_id"]) == before
    assert any(set(read(custom(tmp_path / "q.csv", split_seed=s), "test")["video_id"]) != before for s in (1, 2, 3))


def test_three_videos_are_enough_for_three_splits(tmp_path):
    dataset = custom(table_of(tmp_path, videos=3))
    assert [len(read(dataset, split)) for split in SPLITS] == [2, 2, 2]
    with pytest.raises(UserError, match="2 videos cannot be dealt out"):
        read(custom(table_of(tmp_path, videos=2)), "train")


def test_given_columns_are_taken(tmp_path):
    (tmp_path / "q.csv").write_text(
        "video,question,answer,split,type,qid\nx,Why?,so,train,why,7\ny,Who?,he,val,who,8\nz,Who?,he,test,who,9\n"
    )
    assert read(custom(tmp_path / "q.csv"), "train").to_dict("records") == [
        {"qid": "7", "video_id": "x", "question": "Why?", "type": "why", "answer": "so"}
    ]


def test_an_empty_type_is_the_first_word(tmp_path):
    (tmp_path / "q.csv").write_text(THREE + "w,Where is he?,here,train,\n")
    assert read(custom(tmp_path / "q.csv"), "train")["type"].tolist() == ["who", "where"]


def test_a_video_of_two_splits_is_named_with_both_rows(tmp_path):
    (tmp_path / "q.csv").write_text(THREE + "z,Who?,he,train,who\nx,Who?,he,test,who\n")
    message = r"(?s)x is in the splits val and test.*q\.csv: row 1 \(val\).*q\.csv: row 5 \(test\).*in one of them"
    with pytest.raises(UserError, match=message):
        write_all(custom(tmp_path / "q.csv"), tmp_path / "out")


def test_both_test_splits_may_ask_about_a_video_but_no_other_split_beside_them(tmp_path):
    (tmp_path / "q.csv").write_text(THREE + "y,Who?,she,again,who\n")
    write_all(custom(tmp_path / "q.csv", shifted_test="again"), tmp_path / "out")
    assert (tmp_path / "out/again.csv").read_text().splitlines()[1].startswith("y_1,y,")
    (tmp_path / "q.csv").write_text(THREE + "z,Who?,she,again,who\n")
    with pytest.raises(UserError, match="z is in the splits train and again"):
        write_all(custom(tmp_path / "q.csv", shifted_test="again"), tmp_path / "out")


def test_multiple_choice_answers_are_indices_or_texts(tmp_path):
    (tmp_path / "q.csv").write_text(
        "video,question,answer,a0,a1,a2,a3,a4,split\n"
        "x,Why?,2,a,b,c,d,e,train\ny,Why?,e,a,b,c,d,e,val\nz,Why?,f,a,b,c,d,e,test\n"
    )
    dataset = custom(tmp_path / "q.csv")
    with pytest.raises(UserError, match=r"q\.csv: row 3: the answer 'f' is neither an index"):
        read(dataset, "train")
    text = (tmp_path / "q.csv").read_text()
    (tmp_path / "q.csv").write_text(text.replace(",f,", ",b,"))
    assert [read(dataset, split)["answer"].tolist() for split in SPLITS] == [["2"], ["4"], ["1"]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("video,question\nx,Why?\n", "lacks the column answer"),
        ("video,question,answer\n", "holds no questions"),
        ("video,question,answer,a0,a1\nx,Why?,0,a,b\n", "not all of a0 to a4"),
        ("video,question,answer,split\nx,Why?,so,dev\n", "row 1: the split is 'dev', expected one of train, val, test"),
        ("video,question,answer,split\nx,Why?,so,train\n", "no question has the split val, test"),
        (THREE + ",Why?,so,train,\n", "row 4: it has an empty video id"),
        (THREE + "a/b.mp4,Why?,so,train,\n", "row 4: the id 'a/b.mp4' cannot be used"),
        (THREE + "w,\u200b \u00a0,so,train,\n", "row 4: it has an empty question"),
        (THREE + "w,Why?,\ufeff\u2060,train,\n", "row 4: it has an empty answer"),
        (THREE + "w,Why?,s\0o,train,\n", "line 5 holds a NUL character"),
        (THREE.replace("type", "answer"), "line 1 has the column 'answer' more than once"),
        (THREE + "w,Why?,,train,\n", "row 4: it has an empty answer"),
        (THREE.replace("type", "qid") + "w,Why?,so,train, \n", "row 4: it has an empty question id"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, text, message):
    (tmp_path / "q.csv").write_text(text)
    with pytest.raises(UserError, match=rf"q\.csv.*{message}"):
        read(custom(tmp_path / "q.csv"), "train")


def test_gold_spans_go_with_the_questions(tmp_path):
    (tmp_path / "gold.json").write_text(json.dumps({"v0_0": [[0, 2.5]], "v1_1": [[1, 2], [4, 5]]}))
    write_all(custom(table_of(tmp_path)), tmp_path / "all")
    (tmp_path / "used").mkdir()
    (tmp_path / "used/train.csv").write_text("qid\nv0_0\nv0_1\n")  # the video v1 is left out
    assert write_gold([tmp_path / "gold.json"], tmp_path / "all", tmp_path / "used", tmp_path / "out.json") == 1
    assert json.loads((tmp_path / "out.json").read_text()) == {"v0_0": [[0, 2.5]]}


def test_gold_spans_lie_in_a_file_a_split(tmp_path):
    write_all(custom(table_of(tmp_path)), tmp_path / "all")
    dataset = custom(table_of(tmp_path)).model_copy(update={"gold": tmp_path / "gold_{split}.json"})
    assert gold_files(dataset) == [
        tmp_path / f"gold_{split}.json" for split in ("train", "val", "test")
    ]  # none is there
    for split, qid in (("val", "v0_0"), ("test", "v1_1")):
        (tmp_path / f"gold_{split}.json").write_text(json.dumps({qid: [[0, 1]]}))
    files = gold_files(dataset)
    assert files == [tmp_path / "gold_val.json", tmp_path / "gold_test.json"]
    assert write_gold(files, tmp_path / "all", tmp_path / "all", tmp_path / "out.json") == 2
    with pytest.raises(UserError, match=r"gold_val\.json: another file has gold spans of the question 'v0_0'"):
        write_gold([*files, files[0]], tmp_path / "all", tmp_path / "all", tmp_path / "out.json")


def test_gold_spans_in_the_form_of_next_gqa(shared):
    qids = {
        f"{r['video_id']}_{r['qid']}" for _, r in pd.read_csv(shared / "data/nextgqa/val.csv", dtype=str).iterrows()
    }
    gold = read_gold(shared / "data/nextgqa/gsub_val.json", qids)
    assert len(gold) == 3358 and gold["10001787725_3"] == [[12.1, 17.1], [20.0, 23.5], [29.7, 33.2]]
    of_test = read_gold(shared / "data/nextgqa/gsub_test.json")  # some begin before the video
    assert len(of_test) == 5553 and min(start for spans in of_test.values() for start, _ in spans) == -0.2


@pytest.mark.parametrize(
    ("gold", "message"),
    [
        ({"nobody": [[0, 1]]}, "1 of 1 question ids are not in the annotations, the first is 'nobody'"),
        ({"v0_0": [[2, 1]]}, "from a start to a later end"),
        ({"v0_0": [[2, float("inf")]]}, "from a start to a later end"),
        ({"v0_0": "soon"}, "expected"),
        ([1], "does not hold an object"),
    ],
)
def test_gold_that_does_not_fit_is_named(tmp_path, gold, message):
    (tmp_path / "gold.json").write_text(json.dumps(gold))
    with pytest.raises(UserError, match=rf"gold\.json.*{message}"):
        read_gold(tmp_path / "gold.json", {"v0_0"})


def test_letters_that_a_wrong_conversion_lost_are_said(tmp_path, caplog):
    (tmp_path / "q.csv").write_bytes((THREE + "z,What\x92s it?,so,train,\n").encode())
    found = examine(custom(tmp_path / "q.csv"), None)
    assert found.healthy
    said = next(finding for finding in found.findings if finding.check == "lost letters")
    assert (said.split, said.verdict) == (
        "train",
        "note",
    ) and "row 4: question holds the control character U+0092" in said.remark
    read(custom(tmp_path / "q.csv"), "train")
    assert "iconv -f windows-1252" in caplog.text


def test_a_suffix_stays_with_the_id_and_means_that_file(tmp_path):
    (tmp_path / "q.csv").write_text(
        "video,question,answer,split\nclip.mp4,Why?,so,train\nclip.webm,Who?,he,val\nb.MP4,Who?,he,test\nb,Why?,so,test\n"
    )
    rows = [read(custom(tmp_path / "q.csv"), split)[["video_id", "qid"]].to_numpy().tolist() for split in SPLITS]
    assert rows == [[["clip.mp4", "clip.mp4_0"]], [["clip.webm", "clip.webm_0"]], [["b.MP4", "b_0"], ["b.MP4", "b_1"]]]


def test_a_suffix_changes_neither_splits_nor_question_ids(tmp_path):
    dataset = custom(table_of(tmp_path))
    before = {split: set(read(dataset, split)["qid"]) for split in SPLITS}
    text = (tmp_path / "q.csv").read_text()
    (tmp_path / "q.csv").write_text(text.replace(".mp4", ""))
    assert {split: set(read(dataset, split)["qid"]) for split in SPLITS} == before


def test_a_video_with_and_without_suffix_is_in_one_split(tmp_path):
    (tmp_path / "q.csv").write_text(THREE + "x.mp4,Who?,he,test,who\n")
    with pytest.raises(UserError, match=r"x\.mp4 is in the splits val and test"):
        write_all(custom(tmp_path / "q.csv"), tmp_path / "out")
