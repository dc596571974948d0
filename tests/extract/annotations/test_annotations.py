"""Annotation files become one contract; what does not fit is named with its file and row."""

import json

import pandas as pd
import pytest

from base.errors import UserError
from base.formats.vocabulary import read_vocabulary
from base.reading import read_csv
from base.settings import parse
from extract.annotations import Reader, read, reader_of
from extract.annotations.questions import select, video_ids, write_all
from extract.config import FORMATS, Dataset, VideoCollection
from extract.videos.places import Places
from tests.extract.annotations_on_disk import msvd, nextqa

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


def test_an_answer_out_of_range_names_file_and_row(tmp_path):
    nextqa(tmp_path, "val", ["a"], answer=7)
    with pytest.raises(UserError, match=r"val\.csv: row 1: the answer is '7'"):
        read(NEXTQA.model_copy(update={"annotations": tmp_path}), "val")


def test_a_missing_column_is_named(tmp_path):
    (tmp_path / "val.csv").write_text("video,question\n1,what\n")
    with pytest.raises(UserError, match="lacks the column answer"):
        read(NEXTQA.model_copy(update={"annotations": tmp_path}), "val")


def test_splits_may_not_share_videos(tmp_path):
    for split in ("train", "val", "test"):
        nextqa(tmp_path, split, ["same"])
    with pytest.raises(UserError, match=r"(?s)in the splits train and val.*train\.csv: row 1.*val\.csv: row 1"):
        write_all(NEXTQA.model_copy(update={"annotations": tmp_path}), tmp_path / "out")


def test_questions_without_videos_are_left_out_and_counted(tmp_path):
    four = [("cat", 1), ("dog", 1), ("cat", 1), ("cow", 2)]
    msvd(tmp_path, {s: [(a, v + 2 * n) for a, v in four] for n, s in enumerate(("train", "val", "test"))})
    dataset = Dataset(format="msvd-qa", annotations=tmp_path, videos="v")
    write_all(dataset, tmp_path / "all")
    ids = video_ids([tmp_path / "all"])
    assert sorted(ids) == [f"clip{n}" for n in range(1, 7)]
    manifest = pd.DataFrame({"video_id": ids, "status": ["missing" if i == "clip2" else "ok" for i in ids]})
    summary = select(
        dataset, VideoCollection(folder=".", missing="skip"), tmp_path / "all", manifest, tmp_path / "kept"
    )
    assert summary["train"]["questions_left_out"] == 1
    assert (summary["test"]["answers_outside_vocabulary"], summary["test"]["answer_coverage"]) == (1, 75.0)
    # From train only, most frequent first; the cow went with its video.
    about = json.loads((tmp_path / "kept/vocabulary.json").read_text())
    assert read_vocabulary(tmp_path / "kept") == about["classes"] == ["cat", "dog"]
    assert (
        about["answers"] == 2
        and about["rule"]["keep"] == "all"
        and about["splits"]["train"]["answer_coverage"] == 100.0
    )


def test_next_oe_reads_text_answers_and_refuses_multiple_choice(tmp_path):
    (tmp_path / "val.csv").write_text(
        "video,frame_count,width,height,question,answer,qid,type\n"
        "4010069381,369,640,480,what are the people doing,performing,9,TC\n"
    )
    table = read(Dataset(format="next-oe", annotations=tmp_path, videos="v"), "val")
    assert table.to_dict("records") == [
        {
            "qid": "4010069381_9",
            "video_id": "4010069381",
            "question": "what are the people doing",
            "type": "TC",
            "answer": "performing",
        }
    ]
    nextqa(tmp_path, "train", ["a"])
    with pytest.raises(UserError, match="use `format: nextqa`"):
        read(Dataset(format="next-oe", annotations=tmp_path, videos="v"), "train")


@pytest.mark.parametrize(("split", "questions", "videos"), [("val", 12278, 497), ("test", 72821, 2990)])
def test_msrvtt_as_csv_has_the_published_counts(shared, split, questions, videos):
    table = read(Dataset(format="msrvtt-qa", annotations=shared / "data/msrvtt-qa", videos="v"), split)
    assert (len(table), table["video_id"].nunique()) == (questions, videos)
    assert set(table["type"]) <= {"what", "who", "how", "when", "where"}
    assert table["video_id"].str.fullmatch(r"video\d+").all()


def test_msrvtt_prefers_the_published_json(tmp_path):
    entries = [{"answer": "cat", "category_id": 3, "id": 5, "question": "what runs?", "video_id": 7}]
    (tmp_path / "val_qa.json").write_text(json.dumps(entries))
    (tmp_path / "val.csv").write_text("video,question,answer,qid,type\n8,who,man,1,2\n")
    table = read(Dataset(format="msrvtt-qa", annotations=tmp_path, videos="v"), "val")
    assert table.to_dict("records") == [
        {"qid": "5", "video_id": "video7", "question": "what runs?", "type": "what", "answer": "cat"}
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"questions": []}', "not hold a list of questions but a dict"),
        ("[{", "not JSON"),
        ("[]", "holds no questions; every split needs some"),
        ('[{"id": 1, "question": "what", "video_id": 1}]', "question 1 cannot be read .*'answer'"),
        ('[{"id": 1, "question": "what", "answer": "a", "video_id": 99}]', "question 1 cannot be read .*99"),
        ('[{"id": 1, "question": "what", "answer": null, "video_id": 1}]', "question 1 cannot.*answer is null"),
        ('[{"id": 1, "question": null, "answer": "a", "video_id": 1}]', "question 1 cannot.*question is null"),
        ('[{"id": null, "question": "what", "answer": "a", "video_id": 1}]', "question 1 cannot.*id is null"),
        ('[{"id": 1, "question": "what", "answer": ["a"], "video_id": 1}]', r'question 1 cannot.*answer is \["a"\]'),
        ('[{"id": 1, "question": "what", "answer": "a", "video_id": 1, "type": {}}, 2]', "question 2 cannot"),
    ],
)
def test_json_that_does_not_fit_is_named(tmp_path, text, message):
    (tmp_path / "train_qa.json").write_text(text)
    (tmp_path / "youtube_mapping.txt").write_text("clip1 vid1\n")
    with pytest.raises(UserError, match=rf"(?s)train_qa\.json.*{message}"):
        read(Dataset(format="msvd-qa", annotations=tmp_path, videos="v"), "train")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("video;question\n1;what, then\n", "separated by semicolons: save it with commas"),
        ("video\tquestion\n1\twhat\n", "separated by tabs"),
        ("video,question, Answer\n1,what,a\n", "lacks the column answer; it has .*: rename ' Answer' to 'answer'"),
        ("video,question,anwser\n1,what,a\n", "rename 'anwser' to 'answer'"),
        ("video,question\n1,what\n", "it has video, question: add it to the first line"),
        ("", "lacks the column video, question, answer; it has none"),
        ("video,question,answer\n1,what,a\n2,why, then,b\n", "line 3 has 4 fields and the header 3"),
        ("video,question,answer\n1,what,a,b\n2,why,b,c\n", "line 2 has 4 fields and the header 3"),
        ('video,question,answer\n1,"what\nfor",a\n2,"why",a,\n', "line 4 has 4 fields"),
        ('video,question,answer\n1,"what,a\n', "not a CSV file.*is a quotation mark not closed"),
    ],
)
def test_a_csv_that_does_not_fit_is_named_with_a_remedy(tmp_path, text, message):
    (tmp_path / "q.csv").write_text(text)
    with pytest.raises(UserError, match=rf"q\.csv.*{message}"):
        read_csv(tmp_path / "q.csv", ["video", "question", "answer"])


def test_short_rows_and_blank_lines_of_a_csv_are_read(tmp_path):
    (tmp_path / "q.csv").write_bytes(b"\xef\xbb\xbfvideo,question,answer\r\n1,what\r\n\r\n2,why,b\r\n")
    assert read_csv(tmp_path / "q.csv", ["video"]).to_numpy().tolist() == [["1", "what", ""], ["2", "why", "b"]]


@pytest.mark.parametrize("name", ["nextqa", "msvd-qa", "msrvtt-qa"])
def test_a_file_in_place_of_a_folder_is_named(tmp_path, name):
    (tmp_path / "val.csv").write_text("")
    with pytest.raises(UserError, match=r"val\.csv is a file; name the folder that it lies in"):
        read(Dataset(format=name, annotations=tmp_path / "val.csv", videos="v"), "val")


def test_a_row_without_an_id_is_named(tmp_path):
    nextqa(tmp_path, "val", ["a"])
    csv = (tmp_path / "val.csv").read_text()
    (tmp_path / "val.csv").write_text(csv + csv.splitlines()[1].replace(",1,CW", ",,CW"))
    with pytest.raises(UserError, match=r"val\.csv: row 2: it has an empty question id"):
        read(NEXTQA.model_copy(update={"annotations": tmp_path}), "val")
    (tmp_path / "val.csv").write_text("video,question,answer,qid\n,what,a,1\n")
    with pytest.raises(UserError, match=r"val\.csv: row 1: it has an empty video id"):
        read(Dataset(format="msrvtt-qa", annotations=tmp_path, videos="v"), "val")


@pytest.mark.parametrize(
    ("keep", "hint"),
    [("msvd-1853", "'msvd-1852'?"), ({"keep": "al"}, "'all'?"), ({"keep": [2]}, "(it is [2])"), (0, "")],
)
def test_a_wrong_vocabulary_names_the_known_ones(keep, hint):
    with pytest.raises(UserError) as caught:
        parse(Dataset, {"format": "msvd-qa", "annotations": ".", "videos": "v", "answers": keep}, "c.yaml")
    (line,) = str(caught.value).splitlines()[1:]
    assert line.startswith("  `answers.keep`: expected a number above 0 or one of all, msvd-1852") and hint in line


def test_a_mapping_that_is_a_list_is_refused(tmp_path):
    for text, message in (
        ("[1]", "does not hold an object but a list; expected"),
        ('{"a": null}', "value of 'a' is null"),
    ):
        (tmp_path / "map.json").write_text(text)
        with pytest.raises(UserError, match=rf"map\.json.*{message}"):
            Places(VideoCollection(folder=tmp_path, mapping=tmp_path / "map.json"))


def test_bytes_that_are_not_utf8_are_named_with_their_line(tmp_path):
    (tmp_path / "val.csv").write_bytes(b"video,question\n1,caf\xe9\n")
    with pytest.raises(UserError, match=r"val\.csv is not UTF-8 text: line 2 holds the byte 0xe9; convert it"):
        read(NEXTQA.model_copy(update={"annotations": tmp_path}), "val")


def test_an_unknown_format_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="there is no format 'nextqu'; there are custom, msrvtt-qa"):
        Dataset(format="nextqu", annotations=".", videos="v")
    assert {"nextqa", "next-oe", "msvd-qa", "msrvtt-qa", "custom"} == set(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_that_is_built_in_has_its_reader(name):
    assert isinstance(reader_of(Dataset(format=name, annotations=".", videos="v")), Reader)


def test_videos_are_found_by_mapping_flat_and_in_subfolders(tmp_path):
    from extract.config import SamplingSettings
    from extract.videos.probe import probe

    for name in ("0101/a.mp4", "b.mp4", "TestVideo/c.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "map.json").write_text('{"a": "0101/a", "b": "0102/b"}')
    collection = VideoCollection(
        folder=tmp_path, mapping=tmp_path / "map.json", subfolders=("TestVideo",), missing="skip", unreadable="skip"
    )
    manifest = probe(["a", "b", "c", "d"], collection, SamplingSettings(), 1, tmp_path / "notes").set_index("video_id")
    found = {i: str(path) for i, path in manifest["path"].items()}
    assert found == {
        i: str(tmp_path / p) for i, p in (("a", "0101/a.mp4"), ("b", "b.mp4"), ("c", "TestVideo/c.mp4"))
    } | {"d": ""}
