"""Features written in the layout of another code."""

from pathlib import Path

import pandas as pd

from extract.layouts import LAYOUTS, FeatureSource


def export_features(layout: str, source: FeatureSource, folder: Path, questions: Path | None) -> None:
    """Writes features in another layout; `questions` is the folder of annotations whose splits have a file each."""
    splits: dict[str, list[str]] = {}
    if questions is not None:
        there = set(source.ids)
        for path in sorted(questions.glob("*.csv")):
            splits[path.stem] = [name for name in video_ids_of(path) if name in there]
    LAYOUTS[layout].write(source, folder, splits)


def video_ids_of(path: Path) -> list[str]:
    """The videos of one split, in the order of first mention."""
    return list(dict.fromkeys(pd.read_csv(path, dtype=str, usecols=["video_id"])["video_id"]))
