"""The written data set: files, determinism, growth, resuming, refusals."""

import json
import logging
from pathlib import Path

import av
import pandas as pd
import pytest

from base.errors import UserError
from extract.demo.contact_sheet import contact_sheet
from extract.demo.dataset import generate
from extract.demo.settings import SPLITS, DemoSettings

SMALL = DemoSettings(train=3, val=1, test=2, test_shifted=1, processes=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("demo")
    generate(made, SMALL)
    return made


def _content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def test_the_same_settings_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    generate(tmp_path, SMALL.model_copy(update={"processes": 2}))
    assert _content(tmp_path) == _content(folder)


def test_videos_are_what_the_script_says(folder: Path) -> None:
    scripts = json.loads((folder / "scenes.json").read_text())
    assert len(scripts) == 7
    for video, script in scripts.items():
        with av.open(str(folder / "videos" / f"{video}.mp4")) as container:
            stream = container.streams.video[0]
            assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
            assert (stream.width, stream.height, stream.average_rate) == (160, 120, 12)
            assert sum(1 for _ in container.decode(video=0)) == script["frames"]


def test_both_forms_ask_the_same_and_gold_spans_lie_in_the_video(folder: Path) -> None:
    clip_of = dict(
        reversed(line.split()) for line in (folder / "open-ended/youtube_mapping.txt").read_text().splitlines()
    )
    numbers, videos = [], []
    by_form = {
        form: json.loads((folder / f"gold/{form}.json").read_text()) for form in ("multiple-choice", "open-ended")
    }
    for split in SPLITS:
        table = pd.read_csv(folder / "multiple-choice" / f"{split}.csv")
        assert ",".join(table.columns) == "video,frame_count,width,height,question,answer,qid,type,a0,a1,a2,a3,a4"
        entries = json.loads((folder / "open-ended" / f"{split}_qa.json").read_text())
        gold = json.loads((folder / "gold" / f"gsub_{split}.json").read_text())
        assert len(table) == len(entries)
        for row, entry in zip(table.to_dict("records"), entries, strict=True):
            assert clip_of[f"vid{entry['video_id']}"] == row["video"]
            assert (entry["question"], entry["type"]) == (row["question"], row["type"])
            assert entry["answer"] == row[f"a{row['answer']}"]
            spans = gold[row["video"]]["location"][str(row["qid"])]
            assert by_form["multiple-choice"][f"{row['video']}_{row['qid']}"] == spans
            assert by_form["open-ended"][str(entry["id"])] == spans
            assert spans and all(0 <= start < end <= gold[row["video"]]["duration"] for start, end in spans)
            assert gold[row["video"]]["duration"] == pytest.approx(row["frame_count"] / 12, abs=1e-3)
        numbers += [entry["id"] for entry in entries]
        videos += list(table["video"].unique())
    assert len(numbers) == len(set(numbers)) == len(by_form["open-ended"]) == len(by_form["multiple-choice"])
    assert 7 * 3 <= len(numbers) <= 7 * SMALL.questions  # a video of one actor has three
    assert len(videos) == len(set(videos)) == 7


def test_a_larger_set_contains_the_smaller_one(folder: Path, tmp_path: Path) -> None:
    larger = SMALL.model_copy(update={"train": 4, "test": 3})
    generate(tmp_path, SMALL)
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "videos").iterdir()}
    generate(tmp_path, larger)
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "videos").iterdir()}
    assert before.items() < after.items() and len(after) == 9
    small = (folder / "multiple-choice/train.csv").read_text()
    assert (tmp_path / "multiple-choice/train.csv").read_text().startswith(small)
    ids = {entry["id"] for entry in json.loads((folder / "open-ended/test_qa.json").read_text())}
    assert ids < {entry["id"] for entry in json.loads((tmp_path / "open-ended/test_qa.json").read_text())}
    with pytest.raises(UserError, match="can only grow"):
        generate(tmp_path, SMALL)


def test_an_interrupted_run_goes_on(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from extract.demo import dataset

    render = dataset.render_video

    def break_off(settings: DemoSettings, script: object, index: int, path: Path) -> None:
        if path.name == "val0001.mp4":
            raise KeyboardInterrupt
        render(settings, script, index, path)

    monkeypatch.setattr(dataset, "render_video", break_off)
    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path, SMALL)
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "videos").iterdir()}
    assert len(kept) == 3
    monkeypatch.undo()
    generate(tmp_path, SMALL)
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())
    assert _content(tmp_path) == _content(folder)


def test_a_complete_set_is_left_alone(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.*") if path.name != ".lock"}
    with caplog.at_level(logging.INFO):
        generate(folder, SMALL)
    assert "complete already" in caplog.text
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.*") if path.name != ".lock"} == before


@pytest.mark.parametrize("change", [{"seed": 1}, {"bias": 0.5}, {"noise": 0.0}, {"scenes": (3, 4)}, {"questions": 5}])
def test_other_settings_are_never_mixed_in(folder: Path, change: dict[str, object]) -> None:
    before = _content(folder)
    with pytest.raises(UserError, match=f"{next(iter(change))}.*another folder"):
        generate(folder, SMALL.model_copy(update=change))
    assert _content(folder) == before


def test_videos_of_unknown_origin_are_refused(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "holiday.mp4").touch()
    with pytest.raises(UserError, match=r"no demo\.json"):
        generate(tmp_path, SMALL)


def test_a_damaged_record_is_reported(tmp_path: Path) -> None:
    (tmp_path / "demo.json").write_text("[]")
    with pytest.raises(UserError, match="not the record"):
        generate(tmp_path, SMALL)


def test_the_contact_sheet_is_drawn(folder: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    contact_sheet(folder, sheet, videos=2)
    assert 20_000 < sheet.stat().st_size < 400_000
    with pytest.raises(UserError):
        contact_sheet(tmp_path, sheet)
