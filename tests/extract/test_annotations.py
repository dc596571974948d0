"""Annotation files become one contract; what does not fit is named with its file and row."""

import json

import pandas as pd
import pytest

from extract.annotations import CANDIDATES, read
from extract.annotations.questions import select, video_ids, write_all
from extract.config import Dataset, VideoCollection
from extract.errors import UserError

NEXTQA = Dataset(format="nextqa", annotations=".", videos="v")


@pytest.mark.parametrize(
    ("split", "questions", "videos"), [("train", 34132, 3870), ("val", 4996, 570), ("test", 8564, 1000)]
)
def test_nextqa_has_the_published_counts(shared, split, questions, videos):
    table = read(Dataset(format="nextqa", annotations=shared / "data/nextqa", videos="v"), split)
    assert (len(table), table["video_id"].nunique()) == (questions, videos)
    assert table["qid"].is_unique


def test_nextqa_ids_are_unique_where_its_own_are_not(shared):
    table = read(Dataset(format="nextqa", annotations=shared / "data/nextqa", videos="v"), "train")
    assert {"3617262562_2", "3617262562_2-2"} <= set(table["qid"])


@pytest.mark.parametrize(("split", "questions"), [("train", 30933), ("val", 6415), ("test", 13157)])
def test_msvd_has_the_published_counts(shared, split, questions):
    table = read(Dataset(format="msvd-qa", annotations=shared / "data/msvd-qa", videos="v"), split)
    assert len(table) == questions


def _write_nextqa(folder, split, videos, answer=0):
    rows = [
        {
            "video": v,
            "frame_count": 9,
            "width": 1,
            "height": 1,
            "question": "what",
            "answer": answer,
            "qid": 1,
            "type": "CW",
        }
        | {name: name for name in CANDIDATES}
        for v in videos
    ]
    pd.DataFrame(rows).to_csv(folder / f"{split}.csv", index=False)


def test_an_answer_out_of_range_names_file_and_row(tmp_path):
    _write_nextqa(tmp_path, "val", ["a"], answer=7)
    with pytest.raises(UserError, match=r"val\.csv: row 1: the answer is '7'"):
        read(NEXTQA.model_copy(update={"annotations": tmp_path}), "val")


def test_a_missing_column_is_named(tmp_path):
    (tmp_path / "val.csv").write_text("video,question\n1,what\n")
    with pytest.raises(UserError, match="lacks the column answer"):
        read(NEXTQA.model_copy(update={"annotations": tmp_path}), "val")


def test_bytes_that_are_not_utf8_are_named(tmp_path):
    (tmp_path / "val.csv").write_bytes(b"video,question\n1,caf\xe9\n")
    with pytest.raises(UserError, match="not UTF-8"):
        read(NEXTQA.model_copy(update={"annotations": tmp_path}), "val")


def test_splits_may_not_share_videos(tmp_path):
    for split in ("train", "val", "test"):
        _write_nextqa(tmp_path, split, ["same"])
    with pytest.raises(UserError, match="in the splits train and val"):
        write_all(NEXTQA.model_copy(update={"annotations": tmp_path}), tmp_path / "out")


def test_questions_without_videos_are_left_out_and_counted(tmp_path):
    for split in ("train", "val", "test"):
        questions = [
            {"id": n, "question": "what is it", "answer": answer, "video_id": video}
            for n, (answer, video) in enumerate(
                [("cat", 1), ("dog", 1), ("cat", 1), ("cow", 2)], start=100 * len(split)
            )
        ]
        if split != "train":
            for question in questions:
                question["video_id"] += 2 if split == "val" else 4
        (tmp_path / f"{split}_qa.json").write_text(json.dumps(questions))
    (tmp_path / "youtube_mapping.txt").write_text("".join(f"clip{n} vid{n}\n" for n in range(1, 7)))
    dataset = Dataset(format="msvd-qa", annotations=tmp_path, videos="v")
    write_all(dataset, tmp_path / "all")
    ids = video_ids([tmp_path / "all"])
    assert sorted(ids) == [f"clip{n}" for n in range(1, 7)]
    manifest = pd.DataFrame({"video_id": ids, "status": ["missing" if i == "clip2" else "ok" for i in ids]})
    summary = select(
        dataset, VideoCollection(folder=".", missing="skip"), tmp_path / "all", manifest, tmp_path / "kept"
    )
    assert summary["train"]["questions_left_out"] == 1
    assert summary["test"]["answers_outside_vocabulary"] == 1
    # From train only, most frequent first; the cow went with its video.
    assert json.loads((tmp_path / "kept/answers.json").read_text()) == ["cat", "dog"]
