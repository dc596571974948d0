"""A check of a downloaded data set before anything heavy is done with it."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from base.errors import UserError
from base.formats.questions import CANDIDATES, is_multiple_choice
from base.ids import composed
from extract.annotations import vocabulary
from extract.annotations.contract import lost_letters, problems, reader_of, splits, unchecked
from extract.annotations.gold import gold_files, read_gold
from extract.config import Dataset, VideoCollection
from extract.videos.kinds import has_suffix, without_suffix
from extract.videos.listing import GO_ON, compare
from extract.videos.places import Places

OK, NOTE, PROBLEM = "ok", "note", "PROBLEM"
MISSING, EXTRA = "missing", "extra"
KINDS = {
    True: ("unusable ids", "repeated question ids", "empty questions", "empty candidates", "answers out of range"),
    False: ("unusable ids", "repeated question ids", "empty questions", "empty answers"),
}
"""What can be wrong with a row, for multiple choice and for open-ended questions."""


class Finding(NamedTuple):
    """One line of the doctor's table."""

    split: str
    check: str
    found: str
    expected: str
    verdict: str
    """`ok`; `note`, worth knowing and no hindrance; `PROBLEM`."""
    remark: str = ""


class Video(NamedTuple):
    """A video that is not where it should be, or that nobody asks for."""

    video_id: str
    what: str
    """`MISSING` or `EXTRA`"""
    splits: str
    where: str


class Diagnosis(NamedTuple):
    """Everything that was found."""

    findings: list[Finding]
    videos: list[Video]

    @property
    def healthy(self) -> bool:
        """Whether nothing stands in the way of using the data set."""
        return all(finding.verdict != PROBLEM for finding in self.findings)

    def table(self) -> str:
        """The findings as a table in plain text."""
        rows = [Finding._fields, *self.findings]
        widths = [max(len(row[i]) for row in rows) for i in range(len(Finding._fields) - 1)]
        lines = [[text.ljust(width) for text, width in zip(row, widths, strict=False)] + [row[-1]] for row in rows]
        return "\n".join("  ".join(line).rstrip() for line in lines)


def examine(dataset: Dataset, collection: VideoCollection | None, manifest: Path | None = None) -> Diagnosis:
    """Checks the annotations, and the videos if a collection is given. Goes on after every problem.

    With the `manifest` of a run it is said which videos have changed since.
    """
    findings: list[Finding] = []
    tables: dict[str, pd.DataFrame] = {}
    for split in splits(dataset):
        try:
            tables[split] = unchecked(dataset, split)
        except UserError as error:
            reader = reader_of(dataset)
            expected = str(reader.published[split].questions) if split in reader.published else ""
            remark = f"{error} (from {reader.source})" if reader.published else str(error)
            findings.append(Finding(split, "questions", "unreadable", expected, PROBLEM, remark))
            continue
        findings += _split(dataset, split, tables[split])
    findings += _across(tables)
    if dataset.gold and tables:
        findings += _gold(dataset, set(pd.concat(tables.values())["qid"]))
    if "train" in tables and not is_multiple_choice(tables["train"]):
        findings += _vocabulary(dataset, tables)
    videos: list[Video] = []
    if collection is None:
        findings.append(Finding("all", "video files", "not checked", "", NOTE, "no folder of videos is given"))
    else:
        try:
            videos = list(_videos(tables, collection))
            findings += _about_missing(tables, videos, collection)
            if len(tables) == len(splits(dataset)):
                findings.append(_about_extra(videos))
            else:
                # Which videos nobody asks for is known when every split is.
                videos = [video for video in videos if video.what == MISSING]
            if manifest:
                findings.append(_about_changes(manifest, collection))
        except UserError as error:
            findings.append(Finding("all", "video files", "unreadable", "", PROBLEM, str(error)))
    return Diagnosis(findings, videos)


def _split(dataset: Dataset, split: str, table: pd.DataFrame) -> Iterator[Finding]:
    published = reader_of(dataset).published.get(split)
    for name, found in (("questions", len(table)), ("videos", table["video_id"].nunique())):
        expected = getattr(published, name) if published else None
        right = found > 0 and expected in (None, found)
        remark = "" if found else "the file holds no questions: download it again"
        yield Finding(
            split, name, str(found), "" if expected is None else str(expected), OK if right else PROBLEM, remark
        )
    if dataset.format in ("nextqa", "next-oe"):
        twice = int(table["qid"].str.contains("-").sum())
        yield Finding(split, "own ids that repeat", str(twice), "0", _note(twice), "ours are unique" if twice else "")
    found_problems = list(problems(table))
    of_kind = Counter(problem.kind for problem in found_problems)
    for kind in KINDS[is_multiple_choice(table)]:
        first = next((f"first in row {p.row}: {p.text}" for p in found_problems if p.kind == kind), "")
        yield Finding(split, kind, str(of_kind[kind]), "0", PROBLEM if of_kind[kind] else OK, first)
    if lost := lost_letters(table):
        first = f"first in row {lost[0].row}: {lost[0].text}"
        yield Finding(split, "lost letters", str(len(lost)), "0", NOTE, first)
    same = [name for name in ("video_id", "question", *CANDIDATES, "answer") if name in table.columns]
    repeated = int(table.duplicated(same).sum())
    remark = "same video, text and answer" if repeated else ""
    yield Finding(split, "repeated questions", str(repeated), "0", _note(repeated), remark)


def _across(tables: dict[str, pd.DataFrame]) -> Iterator[Finding]:
    for column, name in (("video_id", "videos in two splits"), ("qid", "question ids in two splits")):
        splits_of = Counter(value for table in tables.values() for value in table[column].unique())
        shared = sorted(value for value, count in splits_of.items() if count > 1)
        remark = ", ".join(shared[:3]) + (", ..." if len(shared) > 3 else "")
        yield Finding("all", name, str(len(shared)), "0", PROBLEM if shared else OK, remark)


def _gold(dataset: Dataset, qids: set[str]) -> Iterator[Finding]:
    for path in gold_files(dataset):
        try:
            yield Finding("all", "gold spans", str(len(read_gold(path, qids))), "", OK)
        except UserError as error:
            yield Finding("all", "gold spans", "unreadable", "", PROBLEM, str(error))


def _vocabulary(dataset: Dataset, tables: dict[str, pd.DataFrame]) -> Iterator[Finding]:
    try:
        classes = vocabulary.build(tables["train"], dataset.answers)
    except UserError as error:
        yield Finding("train", "answer vocabulary", "0", "", PROBLEM, str(error))
        return
    about = vocabulary.describe(dataset.answers, classes, tables["train"])
    yield Finding("train", "answer vocabulary", str(about["answers"]), "", OK, f"of {about['distinct_train_answers']}")
    for split, table in tables.items():
        if table.empty:
            continue
        covered = vocabulary.coverage(table, classes)
        yield Finding(split, "answers in the vocabulary", f"{covered['answer_coverage']:.2f} %", "", OK)


def _videos(tables: dict[str, pd.DataFrame], collection: VideoCollection) -> Iterator[Video]:
    places = Places(collection)
    wanted: dict[str, list[str]] = {}
    for split, table in tables.items():
        for video_id in table["video_id"].unique():
            wanted.setdefault(video_id, []).append(split)
    used = set()
    for video_id, path in places.find_all(list(wanted)).items():
        its_splits = wanted[video_id]
        if path is None:
            yield Video(video_id, MISSING, " ".join(its_splits), places.tried(video_id))
        else:
            used.add(path.resolve())
    for path in sorted(p for p in places.folder.rglob("*") if has_suffix(p.name) and not p.name.startswith(".")):
        if path.resolve() not in used:
            yield Video(composed(path.stem), EXTRA, "", str(path))


def _about_missing(
    tables: dict[str, pd.DataFrame], videos: list[Video], collection: VideoCollection
) -> Iterator[Finding]:
    lies = {video.video_id: Path(video.where) for video in videos if video.what == EXTRA}
    for split, table in tables.items():
        missing = [video for video in videos if video.what == MISSING and split in video.splits.split()]
        remark = ""
        if missing:
            first = f"first {missing[0].video_id}, looked for at {missing[0].where}"
            found = [lies[name] for video in missing if (name := without_suffix(video.video_id)) in lies]
            remark = f"of {table['video_id'].nunique()}; {first}" + (_elsewhere(found, collection) if found else "")
        yield Finding(split, "videos missing", str(len(missing)), "0", PROBLEM if missing else OK, remark)


def _elsewhere(found: list[Path], collection: VideoCollection) -> str:
    """What to do about missing videos that lie below the folder, but where they are not looked for."""
    said = f"; {len(found)} of them lie elsewhere, the first is {found[0]}: "
    assert collection.folder is not None
    below = found[0].parent.relative_to(collection.folder)
    if str(below) == ".":
        return said + "write its name in the questions as the file has it"
    return said + f"give --subfolder {below}, or --mapping FILE with its path (`subfolders` and `mapping` of videos)"


def _about_extra(videos: list[Video]) -> Finding:
    missing = {without_suffix(video.video_id) for video in videos if video.what == MISSING}
    extra = [video for video in videos if video.what == EXTRA and video.video_id not in missing]
    first = f"first {extra[0].where}" if extra else ""
    return Finding("all", "videos that nobody asks for", str(len(extra)), "", _note(len(extra)), first)


def _about_changes(manifest: Path, collection: VideoCollection) -> Finding:
    changes = compare(manifest, collection)
    remark = f"{changes.text()}; {GO_ON} ({manifest})" if changes else ""
    number = sum(map(len, changes))
    return Finding("all", "videos changed since the run", str(number), "", _note(number), remark)


def _note(number: int) -> str:
    return NOTE if number else OK
