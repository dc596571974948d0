"""The doctor passes on what is published, and says precisely what is wrong with the rest."""

import json
import re
import shutil

import pytest
from typer.testing import CliRunner

from base.errors import UserError
from base.formats.manifest import ManifestRow, manifest_of, write_manifest
from extract.annotations.choice import choose
from extract.annotations.doctor import OK, PROBLEM, examine
from extract.cli import app
from extract.config import Dataset, VideoCollection
from extract.videos.listing import modified
from tests.extract.annotations_on_disk import msvd, nextqa


def problems_of(diagnosis):
    return {(f.split, f.check): f for f in diagnosis.findings if f.verdict == PROBLEM}


@pytest.mark.parametrize("name", ["nextqa", "msvd-qa"])
def test_the_published_annotations_are_healthy(shared, name):
    done = CliRunner().invoke(app, ["doctor", "--dataset", name, "--annotations", str(shared / "data" / name)])
    assert done.exit_code == 0, done.output
    assert f"{name}: healthy" in done.output


def test_what_msrvtt_lacks_here(shared):
    arguments = ["doctor", "--dataset", "msrvtt-qa", "--annotations", str(shared / "data/msrvtt-qa")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 1
    lines = [line.split() for line in done.output.splitlines()]
    (train,) = [line for line in lines if PROBLEM in line]
    assert train[:4] == ["train", "questions", "unreadable", "158581"]
    assert "msrvtt-qa holds neither train_qa.json nor train.csv" in " ".join(train)
    assert ["test", "questions", "72821", "72821", "ok"] in lines


def test_missing_and_extra_videos_are_listed(shared, tmp_path):
    for name in ("0lh_UWF9ZP4_62_69", "klteYv1Uv9A_27_33"):
        shutil.copy(shared / f"data/videos/msvd/{name}.avi", tmp_path)
    (tmp_path / "holiday.mp4").write_bytes(b"")
    arguments = ["doctor", "--dataset", "msvd-qa", "--annotations", str(shared / "data/msvd-qa")]
    arguments += ["--videos", str(tmp_path), "--list", str(tmp_path / "list.csv")]
    assert CliRunner().invoke(app, arguments).exit_code == 1
    rows = (tmp_path / "list.csv").read_text().splitlines()
    assert sum(",missing," in row for row in rows) == 1910 - 2
    assert [row for row in rows if ",extra," in row] == [f"holiday,extra,,{tmp_path}/holiday.mp4"]


def test_every_problem_is_found_at_once(tmp_path):
    nextqa(tmp_path, "train", ["a", "b"], answer=7)
    nextqa(tmp_path, "val", ["b"], question=" ")
    (tmp_path / "test.csv").write_text("video,question\n1,what\n")
    found = problems_of(examine(Dataset(format="nextqa", annotations=tmp_path, videos="v"), None))
    assert found["train", "questions"].found == "2" and found["train", "questions"].expected == "34132"
    assert found["train", "answers out of range"].remark.startswith("first in row 1: the answer is '7'")
    assert found["val", "empty questions"].found == "1"
    assert "lacks the column answer" in found["test", "questions"].remark
    assert found["all", "videos in two splits"].remark == "b"


@pytest.mark.parametrize("empty", ["train", "val"])
def test_an_empty_split_is_a_problem_and_the_others_are_still_examined(tmp_path, empty):
    msvd(tmp_path, {"train": [("cat", 1)], "val": [("cat", 2)], "test": [("cat", 3)]} | {empty: []})
    found = problems_of(examine(Dataset(format="msvd-qa", annotations=tmp_path, videos="v"), None))
    assert "holds no questions" in found[empty, "questions"].remark
    assert found["test", "questions"].found == "1"


def test_a_data_set_of_one_s_own_has_no_expected_counts(tmp_path):
    (tmp_path / "q.csv").write_text("video,question,answer,split\nx,Why?,so,train\ny,Who?,he,val\nz,Who?,he,test\n")
    (tmp_path / "videos").mkdir()
    for name in "xyz":
        (tmp_path / f"videos/{name}.mp4").write_bytes(b"")
    dataset = Dataset(format="custom", annotations=tmp_path / "q.csv", videos="v")
    diagnosis = examine(dataset, VideoCollection(folder=tmp_path / "videos"))
    assert diagnosis.healthy
    coverage = {f.split: f.found for f in diagnosis.findings if f.check == "answers in the vocabulary"}
    assert coverage == {"train": "100.00 %", "val": "0.00 %", "test": "0.00 %"}


def test_a_configuration_names_the_data_set(tmp_path):
    msvd(tmp_path, {"train": [("cat", 1)], "val": [("cat", 2)], "test": [("cat", 3)]})
    (tmp_path / "c.yaml").write_text(f"""
videos: {{v: {{folder: {tmp_path}}}}}
datasets: {{mine: {{format: msvd-qa, annotations: {tmp_path}, videos: v}}}}
""")
    done = CliRunner().invoke(app, ["doctor", "--dataset", "mine", "--config", str(tmp_path / "c.yaml")])
    assert done.exit_code == 1 and "of 1; first clip1, looked for at" in done.output
    diagnosis = examine(Dataset(format="msvd-qa", annotations=tmp_path, videos="v"), None)
    assert {f.verdict for f in diagnosis.findings if f.check == "empty answers"} == {OK}


def three_clips(folder):
    msvd(folder, {"train": [("cat", 1)], "val": [("cat", 2)], "test": [("cat", 3)]})
    (folder / "videos/YouTubeClips").mkdir(parents=True)
    for name in ("clip1.mp4", "YouTubeClips/clip2.avi", "clip3.MP4", "holiday.mp4"):
        (folder / "videos" / name).write_bytes(b"")
    return ["doctor", "--dataset", "msvd-qa", "--annotations", str(folder), "--videos", str(folder / "videos")]


def test_a_video_that_lies_elsewhere_is_found_and_the_option_named(tmp_path):
    arguments = three_clips(tmp_path)
    said = CliRunner().invoke(app, arguments).output
    assert "YouTubeClips/clip2.avi: give --subfolder YouTubeClips, or --mapping FILE" in said
    assert "clip3" not in said  # capitals are no hindrance
    said = CliRunner().invoke(app, [*arguments, "--subfolder", "YouTubeClips"]).output
    assert "clip2" not in said


def test_no_video_is_extra_while_a_split_can_not_be_read(tmp_path):
    arguments = three_clips(tmp_path)
    said = CliRunner().invoke(app, arguments).output
    assert re.search(r"videos that nobody asks for +1 .*first .*holiday\.mp4", said)
    (tmp_path / "val_qa.json").unlink()
    done = CliRunner().invoke(app, [*arguments, "--list", str(tmp_path / "list.csv")])
    assert "nobody asks for" not in done.output and ",extra," not in (tmp_path / "list.csv").read_text()


def test_msrvtt_s_folders_are_known(shared, tmp_path):
    for name in ("TrainValVideo/video6513.mp4", "TestVideo/video7010.mp4"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"")
    arguments = ["doctor", "--dataset", "msrvtt-qa", "--annotations", str(shared / "data/msrvtt-qa")]
    arguments += ["--videos", str(tmp_path), "--list", str(tmp_path / "list.csv")]
    CliRunner().invoke(app, arguments)
    listed = (tmp_path / "list.csv").read_text()
    assert "video6514,missing" in listed and "video6513," not in listed and "video7010," not in listed


def test_a_vocabulary_of_no_answers_is_a_problem(tmp_path):
    msvd(tmp_path, {"train": [("cat", 1)], "val": [("cat", 2)], "test": [("cat", 3)]})
    rule = {"min_count": 2, "unknown": "class"}
    found = problems_of(examine(Dataset(format="msvd-qa", annotations=tmp_path, videos="v", answers=rule), None))
    assert found["train", "answer vocabulary"].found == "0"
    assert "lower `answers.min_count`" in found["train", "answer vocabulary"].remark


def test_ids_that_can_not_be_used_are_counted(tmp_path):
    (tmp_path / "q.csv").write_text(
        "video,question,answer,split,qid\nx,Why?,so,train,1\n,Who?,he,train,2\n../y,Who?,he,val,3\nz,Who?,he,test, \n"
    )
    dataset = Dataset(format="custom", annotations=tmp_path / "q.csv", videos="v")
    found = problems_of(examine(dataset, None))
    assert found["train", "unusable ids"].remark == "first in row 2: it has an empty video id"
    assert found["val", "unusable ids"].remark.startswith("first in row 3: the id '../y' cannot be used")
    assert found["test", "unusable ids"].remark == "first in row 4: it has an empty question id"


def test_a_file_of_one_s_own_has_no_source(tmp_path):
    findings = examine(Dataset(format="custom", annotations=tmp_path / "q.csv", videos="v"), None).findings
    assert findings[0].remark == f"{tmp_path}/q.csv does not exist"


def test_videos_that_have_changed_since_a_run_are_said(tmp_path):
    msvd(tmp_path, {"train": [("cat", 1)], "val": [("cat", 2)], "test": [("cat", 3)]})
    for name in ("clip1", "clip2"):
        (tmp_path / f"{name}.mp4").write_bytes(b"1234")
    rows = [
        ManifestRow("clip1", "ok", path=str(tmp_path / "clip1.mp4"), bytes=4, modified=modified(tmp_path / "clip1.mp4"))
    ]
    rows += [ManifestRow("clip2", "missing"), ManifestRow("clip3", "missing")]
    write_manifest(tmp_path / "results/videos/v/manifest.csv", manifest_of(rows))
    (tmp_path / "c.yaml").write_text(f"""
results: {tmp_path}/results
videos: {{v: {{folder: {tmp_path}, missing: skip}}}}
datasets: {{mine: {{format: msvd-qa, annotations: {tmp_path}, videos: v}}}}
""")
    arguments = ["doctor", "--dataset", "mine", "--config", str(tmp_path / "c.yaml")]
    said = CliRunner().invoke(app, arguments).output
    assert re.search(r"videos changed since the run +1 .*1 new \(first clip2\); the next run of Snakemake makes", said)
    (tmp_path / "clip1.mp4").write_bytes(b"12345")
    assert "1 new (first clip2), 1 replaced (first clip1)" in CliRunner().invoke(app, arguments).output


def test_accents_in_the_other_form_are_the_same_video(tmp_path):
    cafe, of_a_mac = "caf\u00e9", "cafe\u0301"
    (tmp_path / "q.csv").write_text(
        f"video,question,answer,split\n{cafe},Why?,so,train\ny,Who?,he,val\n{of_a_mac}s.mp4,Who?,he,test\n"
    )
    for name in (of_a_mac, "y", f"{cafe}s"):
        (tmp_path / f"{name}.mp4").write_bytes(b"")
    (tmp_path / "gold.json").write_text(json.dumps({f"{of_a_mac}_0": [[0, 1]], f"{cafe}s_0": [[0, 1]]}))
    dataset = Dataset(format="custom", annotations=tmp_path / "q.csv", videos="v", gold=tmp_path / "gold.json")
    diagnosis = examine(dataset, VideoCollection(folder=tmp_path))
    assert diagnosis.healthy and not diagnosis.videos, diagnosis.table()


def test_a_collection_that_is_not_there_is_an_error(tmp_path):
    (tmp_path / "c.yaml").write_text(
        "videos: {v: {folder: .}}\ndatasets: {d: {format: custom, annotations: q, videos: w}}"
    )
    with pytest.raises(UserError, match=r"c\.yaml:\s+`datasets\.d\.videos` names the collection 'w'.*there are v"):
        choose("d", [tmp_path / "c.yaml"])
