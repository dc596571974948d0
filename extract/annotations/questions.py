"""The questions that a data set is trained and evaluated on, and the open-ended answer vocabulary."""

from pathlib import Path
from typing import Any

import pandas as pd

from extract.annotations import vocabulary
from extract.annotations.contract import check, is_multiple_choice, read, read_csv, splits
from extract.annotations.gold import read_gold
from extract.config import Dataset, VideoCollection
from extract.errors import UserError
from extract.files import read_json, write_csv, write_json
from extract.videos.probe import leave_out


def write_all(dataset: Dataset, folder: Path) -> None:
    """Reads every split of a data set and writes it in our columns as `folder/{split}.csv`; also `gold.json`."""
    seen: dict[str, str] = {}
    qids: dict[str, str] = {}
    for split in splits(dataset):
        table = read(dataset, split)
        for video_id in table["video_id"].unique():
            if seen.setdefault(video_id, split) != split:
                raise UserError(f"the video {video_id} is in the splits {seen[video_id]} and {split}")
        qids |= dict.fromkeys(table["qid"], split)
        write_csv(folder / f"{split}.csv", table)
    if dataset.gold:
        write_json(folder / "gold.json", read_gold(dataset.gold, set(qids)))


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

    Also writes `answers.json`, the classes of an open-ended data set, from the train split only (an empty list for
    multiple choice); `vocabulary.json`, its rule and what it covers; `gold.json`, if there are gold spans; and
    `summary.json` with the counts, which is returned.
    """
    unused = set(manifest["video_id"][leave_out(manifest, collection)])
    summary: dict[str, dict[str, Any]] = {}
    kept = {}
    for split in splits(dataset):
        table = read_csv(everything / f"{split}.csv", ["qid", "video_id", "question", "answer"])
        kept[split] = table[~table["video_id"].isin(unused)].reset_index(drop=True)
        check(kept[split], f"split {split} (its videos that can be used)")
        summary[split] = {
            "questions": len(kept[split]),
            "videos": int(kept[split]["video_id"].nunique()),
            "questions_left_out": len(table) - len(kept[split]),
            "videos_left_out": int(table["video_id"].nunique() - kept[split]["video_id"].nunique()),
        }
        write_csv(folder / f"{split}.csv", kept[split])
    classes: list[str] = []
    if not is_multiple_choice(kept["train"]):
        classes = vocabulary.build(kept["train"], dataset.answers)
        covered = {split: vocabulary.coverage(table, classes) for split, table in kept.items()}
        about = vocabulary.describe(dataset.answers, classes, kept["train"])
        write_json(folder / "vocabulary.json", about | {"splits": covered})
        summary = {split: counts | covered[split] for split, counts in summary.items()}
    if (everything / "gold.json").is_file():
        used = set(pd.concat(kept.values())["qid"])
        gold = read_json(everything / "gold.json", "the gold spans")
        write_json(folder / "gold.json", {qid: spans for qid, spans in gold.items() if qid in used})
    write_json(folder / "answers.json", classes)
    write_json(folder / "summary.json", summary)
    return summary
