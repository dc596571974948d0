"""The questions that a data set is trained and evaluated on, and the open-ended answer vocabulary."""

from pathlib import Path
from typing import Any

import pandas as pd

from base.errors import UserError
from base.formats.questions import is_multiple_choice, read_annotations, write_annotations, write_summary
from base.formats.vocabulary import write_vocabulary
from base.reading import read_csv
from base.writing import write_json
from extract.annotations import vocabulary
from extract.annotations.contract import check, read, reader_of, splits
from extract.annotations.gold import Spans, read_gold
from extract.config import Dataset, VideoCollection
from extract.videos.judgement import leave_out


def write_all(dataset: Dataset, folder: Path) -> None:
    """Reads every split of a data set and writes it in our columns as `folder/{split}.csv`."""
    tables = {split: read(dataset, split) for split in splits(dataset)}
    _refuse_shared_videos(dataset, tables)
    for split, table in tables.items():
        write_annotations(folder / f"{split}.csv", table)


def _refuse_shared_videos(dataset: Dataset, tables: dict[str, pd.DataFrame]) -> None:
    """`UserError` with the files and rows that first ask for a video of two splits.

    Both test splits may ask for the same one: nothing is learnt of either.
    """
    tests = {"test", dataset.shifted_test}
    first: dict[str, tuple[str, int]] = {}
    shared = []
    for split, table in tables.items():
        once = table["video_id"].drop_duplicates()
        for row, video_id in zip(once.index.tolist(), once, strict=True):
            place = (split, row + 1)
            before = first.setdefault(video_id, place)
            if before != place and not {before[0], split} <= tests:
                shared.append((video_id, first[video_id], place))
    if shared:
        video_id, *places = shared[0]
        where = [f"{reader_of(dataset).files(dataset, split)[0]}: row {row} ({split})" for split, row in places]
        more = f" ({len(shared) - 1} more such videos)" if len(shared) > 1 else ""
        raise UserError(
            f"the video {video_id} is in the splits {places[0][0]} and {places[1][0]}{more}, so that what is learnt of "
            f"it would be tested:\n  {where[0]}\n  {where[1]}\nkeep its questions in one of them"
        )


def write_gold(spans: list[Path], everything: Path, questions: Path, out: Path) -> int:
    """Writes the gold spans of the questions that are used, in seconds by question id; returns how many there are.

    `everything` and `questions` are folders that `write_all` and `select` wrote. `UserError` for spans of a question
    that there is not, and for a question that two files of `spans` have.
    """
    known, used = _question_ids(everything), _question_ids(questions)
    gold: Spans = {}
    for path in spans:
        found = read_gold(path, known)
        if twice := gold.keys() & found.keys():
            raise UserError(f"{path}: another file has gold spans of the question {min(twice)!r} too; take out one")
        gold |= found
    kept = {qid: seconds for qid, seconds in gold.items() if qid in used}
    write_json(out, kept)
    return len(kept)


def _question_ids(folder: Path) -> set[str]:
    return {qid for path in folder.glob("*.csv") for qid in read_csv(path, ["qid"])["qid"]}


def video_ids(folders: list[Path]) -> list[str]:
    """Every video that the annotations in these folders ask for, in order of first mention."""
    ids: dict[str, None] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.csv")):
            ids.update(dict.fromkeys(read_csv(path, ["video_id"])["video_id"]))
    return list(ids)


def select(
    dataset: Dataset, collection: VideoCollection, everything: Path, manifest: pd.DataFrame, folder: Path
) -> dict[str, dict[str, Any]]:
    """Writes the questions whose videos are used as `folder/{split}.csv`, and counts those that are left out.

    Also writes `vocabulary.json`, the classes of an open-ended data set, from the train split only (none for multiple
    choice), with their rule and what they cover; and `summary.json` with the counts, which is returned.
    """
    unused = set(manifest["video_id"][leave_out(manifest, collection)])
    summary: dict[str, dict[str, Any]] = {}
    kept = {}
    for split in splits(dataset):
        table = read_annotations(everything / f"{split}.csv")
        kept[split] = table[~table["video_id"].isin(unused)].reset_index(drop=True)
        check(kept[split], f"split {split} (its videos that can be used)")
        summary[split] = {
            "questions": len(kept[split]),
            "videos": int(kept[split]["video_id"].nunique()),
            "questions_left_out": len(table) - len(kept[split]),
            "videos_left_out": int(table["video_id"].nunique() - kept[split]["video_id"].nunique()),
        }
        write_annotations(folder / f"{split}.csv", kept[split])
    classes: list[str] = []
    about: dict[str, Any] = {}
    if not is_multiple_choice(next(iter(kept.values()))):
        if "train" not in kept:
            raise UserError("the answers of an open-ended data set are classes of its train split: add it to `splits`")
        classes = vocabulary.build(kept["train"], dataset.answers)
        covered = {split: vocabulary.coverage(table, classes) for split, table in kept.items()}
        about = vocabulary.describe(dataset.answers, classes, kept["train"]) | {"splits": covered}
        summary = {split: counts | covered[split] for split, counts in summary.items()}
    write_vocabulary(folder, classes, about)
    write_summary(folder, summary)
    return summary
