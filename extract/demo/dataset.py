"""Writes the demo data set: videos, questions in two forms, gold spans and the scripts.

<folder>/
  videos/<id>.mp4                    id: train0001, ..., test-shifted0001, ...
  multiple-choice/<split>.csv        NExT-QA's columns
  open-ended/<split>_qa.json         MSVD-QA's form, and `type`
  open-ended/youtube_mapping.txt     clip name and number, as MSVD-QA has it
  gold/gsub_<split>.json             NExT-GQA's form
  gold/<form>.json                   {qid: [[start, end], ...]}: for datasets.<name>.gold
  scenes.json                        the script of every video
  demo.json                          the settings and the generator's version
"""

import csv
import io
import logging
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from base.errors import UserError
from base.jobs.progress import progress
from base.locks import exclusive
from base.reading import read_json
from base.writing import write_json, write_text
from extract.demo.questions import CANDIDATES, Question, ask
from extract.demo.render import render_video
from extract.demo.scenes import Script, write_script
from extract.demo.settings import SPLITS, DemoSettings

log = logging.getLogger(__name__)

VERSION = 1  # counts up with every change that makes other videos or other questions from the same settings
COLUMNS = ["video", "frame_count", "width", "height", "question", "answer", "qid", "type"]
NUMBERS_A_SPLIT = 1_000_000  # numbers of videos are apart by this from split to split, so that a set can grow
QUESTIONS_A_VIDEO = 100

Job = tuple[str, int]  # split, index from 0


@dataclass(frozen=True)
class Entry:
    """One video with its questions."""

    split: str
    index: int
    script: Script
    questions: list[Question]

    @property
    def number(self) -> int:
        """MSVD-QA's number of the video."""
        return SPLITS.index(self.split) * NUMBERS_A_SPLIT + self.index + 1


def generate(folder: Path, settings: DemoSettings) -> None:
    """Makes the data set in `folder`, or what of it is not there yet.

    Complete videos of the same settings are kept, so an interrupted run goes on where it stopped and a larger size
    adds to a smaller one. Raises `UserError` when the folder holds videos of other settings.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive(folder / ".lock"):
        record = _record(folder, settings)
        entries = [_entry(settings, split, index) for split in SPLITS for index in range(settings.videos(split))]
        missing = [(entry.split, entry.index) for entry in entries if not video_path(folder, entry.script).is_file()]
        made = _annotations(entries, settings)
        if (
            record == _demo_record(settings, complete=True)
            and not missing
            and all((folder / name).is_file() for name in made)
        ):
            log.info("%s is complete already: %d videos made with these settings", folder, len(entries))
            return
        write_json(folder / "demo.json", _demo_record(settings, complete=False))
        _render(folder, settings, missing)
        for name, content in made.items():
            if isinstance(content, str):
                write_text(folder / name, content)
            else:
                write_json(folder / name, content)
        write_json(folder / "demo.json", _demo_record(settings, complete=True))
    questions = sum(len(entry.questions) for entry in entries)
    log.info("%s: %d videos (%d new), %d questions", folder, len(entries), len(missing), questions)


def video_path(folder: Path, script: Script) -> Path:
    """Where a video lies."""
    return folder / "videos" / f"{script.video}.mp4"


def _entry(settings: DemoSettings, split: str, index: int) -> Entry:
    script = write_script(settings, split, index)
    return Entry(split, index, script, ask(script, settings.seed, index, settings.questions))


def _demo_record(settings: DemoSettings, complete: bool) -> dict[str, Any]:
    return {
        "generator": f"extract.demo, version {VERSION}",
        "complete": complete,
        "videos": {split: settings.videos(split) for split in SPLITS},
        "settings": settings.content(),
    }


def _record(folder: Path, settings: DemoSettings) -> dict[str, Any] | None:
    """What demo.json says, or None where there is none; `UserError` unless it may be added to."""
    advice = "name another folder, or delete this one to make it anew"
    path, wanted = folder / "demo.json", _demo_record(settings, complete=True)
    if not path.exists():
        if any((folder / "videos").glob("*")):
            raise UserError(f"{folder}/videos holds files but there is no demo.json that says what they are: {advice}")
        return None
    found = read_json(path, "demo data")
    try:
        if found["generator"] != wanted["generator"]:
            raise UserError(f"{folder} was made by {found['generator']}, this is {wanted['generator']}: {advice}")
        keys = [key for key in wanted["settings"] if found["settings"].get(key) != wanted["settings"][key]]
        smaller = [split for split in SPLITS if found["videos"][split] > wanted["videos"][split]]
        if keys:
            key = keys[0]
            raise UserError(
                f"{folder} was made with other settings ({', '.join(keys)}: for example {key} is "
                f"{found['settings'].get(key)!r} there, {wanted['settings'][key]!r} was asked for): {advice}"
            )
        if smaller:
            sizes = ", ".join(f"{split} {found['videos'][split]}" for split in smaller)
            raise UserError(f"{folder} is larger than what was asked for ({sizes}); a set can only grow: {advice}")
    except (KeyError, TypeError, AttributeError):
        raise UserError(f"{path} is not the record of a demo data set: {advice}") from None
    return dict(found)


def _render(folder: Path, settings: DemoSettings, jobs: list[Job]) -> None:
    if not jobs:
        return
    render = partial(_render_one, folder, settings)
    workers = min(settings.processes or len(os.sched_getaffinity(0)), len(jobs))
    if workers == 1:
        for _ in progress(map(render, jobs), total=len(jobs), label="demo videos", unit="video"):
            pass
        return
    # `spawn`: a fork would copy whatever threads and locks the calling program has.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            results = pool.map(render, jobs, chunksize=4)
            for _ in progress(results, total=len(jobs), label="demo videos", unit="video"):
                pass
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _render_one(folder: Path, settings: DemoSettings, job: Job) -> None:
    split, index = job
    script = write_script(settings, split, index)
    render_video(settings, script, index, video_path(folder, script))


def _annotations(entries: list[Entry], settings: DemoSettings) -> dict[str, Any]:
    """The content of every annotation file by its name: text, or what becomes JSON."""
    files: dict[str, Any] = {}
    for split in SPLITS:
        of_split = [entry for entry in entries if entry.split == split]
        files[f"multiple-choice/{split}.csv"] = _multiple_choice(of_split, settings)
        files[f"open-ended/{split}_qa.json"] = list(_open_ended(of_split))
        files[f"gold/gsub_{split}.json"] = {entry.script.video: _gold(entry) for entry in of_split}
    spans = [(entry, qid, spans) for entry in entries for qid, spans in _gold(entry)["location"].items()]
    files["gold/multiple-choice.json"] = {f"{entry.script.video}_{qid}": seconds for entry, qid, seconds in spans}
    files["gold/open-ended.json"] = {str(_open_ended_id(entry, int(qid))): seconds for entry, qid, seconds in spans}
    files["open-ended/youtube_mapping.txt"] = "".join(f"{entry.script.video} vid{entry.number}\n" for entry in entries)
    files["scenes.json"] = {entry.script.video: entry.script.as_json() for entry in entries}
    return files


def _multiple_choice(entries: list[Entry], settings: DemoSettings) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*COLUMNS, *(f"a{i}" for i in range(CANDIDATES))])
    for entry in entries:
        size = [entry.script.frames, settings.width, settings.height]
        for qid, question in enumerate(entry.questions):
            asked = [question.text, question.right, qid, question.type]
            table.writerow([entry.script.video, *size, *asked, *question.candidates])
    return text.getvalue()


def _open_ended(entries: list[Entry]) -> Iterator[dict[str, Any]]:
    for entry in entries:
        for qid, question in enumerate(entry.questions):
            yield {
                "answer": question.answer,
                "id": _open_ended_id(entry, qid),
                "question": question.text,
                "video_id": entry.number,
                "type": question.type,
            }


def _open_ended_id(entry: Entry, qid: int) -> int:
    return entry.number * QUESTIONS_A_VIDEO + qid


def _gold(entry: Entry) -> dict[str, Any]:
    location = {str(qid): [list(span) for span in question.seconds] for qid, question in enumerate(entry.questions)}
    return {"duration": entry.script.duration, "location": location, "fps": entry.script.fps}
