"""The questions that a data set is trained and evaluated on, and the open-ended answer vocabulary."""

from pathlib import Path

import pandas as pd

from extract.annotations.contract import READERS, check, read, read_csv, splits
from extract.config import Dataset, VideoCollection
from extract.errors import UserError
from extract.files import write_csv, write_json
from extract.videos.probe import leave_out


def write_all(dataset: Dataset, folder: Path) -> None:
    """Reads every split of a data set and writes it in our columns as `folder/{split}.csv`."""
    seen: dict[str, str] = {}
    for split in splits(dataset):
        table = read(dataset, split)
        for video_id in table["video_id"].unique():
            if seen.setdefault(video_id, split) != split:
                raise UserError(f"the video {video_id} is in the splits {seen[video_id]} and {split}")
        write_csv(folder / f"{split}.csv", table)


def video_ids(folders: list[Path]) -> list[str]:
    """Every video that the annotations in these folders ask for, in order of first mention."""
    ids: dict[str, None] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.csv")):
            ids.update(dict.fromkeys(read_csv(path, ["video_id"])["video_id"]))
    return list(ids)


def select(
    dataset: Dataset, collection: VideoCollection, everything: Path, manifest: pd.DataFrame, folder: Path
) -> dict[str, dict[str, int]]:
    """Writes the questions whose videos are used as `folder/{split}.csv`, and counts those that are left out.

    Also writes `answers.json`, the answer vocabulary of an open-ended data set, from the train split only and most
    frequent first (an empty list for multiple choice), and `summary.json` with the counts, which is returned.
    """
    multiple_choice = READERS[dataset.format].multiple_choice
    unused = set(manifest["video_id"][leave_out(manifest, collection)])
    summary: dict[str, dict[str, int]] = {}
    answers: list[str] = []
    for split in splits(dataset):
        table = read_csv(everything / f"{split}.csv", ["qid", "video_id", "question", "answer"])
        kept = table[~table["video_id"].isin(unused)]
        check(kept.reset_index(drop=True), multiple_choice, f"split {split} (its videos that can be used)")
        if split == "train" and not multiple_choice:
            counts = kept["answer"].value_counts(sort=False)
            ranked = sorted(counts.index, key=lambda answer: (-int(counts[answer]), answer))
            answers = ranked if dataset.answers == "all" else ranked[: dataset.answers]
        summary[split] = {
            "questions": len(kept),
            "videos": int(kept["video_id"].nunique()),
            "questions_left_out": len(table) - len(kept),
            "videos_left_out": int(table["video_id"].nunique() - kept["video_id"].nunique()),
        }
        if not multiple_choice:
            summary[split]["answers_outside_vocabulary"] = int((~kept["answer"].isin(answers)).sum())
        write_csv(folder / f"{split}.csv", kept)
    write_json(folder / "answers.json", answers)
    write_json(folder / "summary.json", summary)
    return summary
