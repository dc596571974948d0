"""Features written in the layout of another code."""

from pathlib import Path

import pandas as pd

from base.errors import UserError
from base.formats.video_features import KINDS
from extract.layouts import FeatureSource, layout_of


def export_features(layout: str, source: FeatureSource, folder: Path, questions: Path | None) -> None:
    """Writes features in another layout; `questions` is the folder of annotations whose splits have a file each."""
    if absent := [kind for kind in KINDS if kind not in source.read]:
        raise UserError(f"{source.path} has no {absent[0]} features; files of other layouts hold both kinds")
    splits: dict[str, list[str]] = {}
    if questions is not None:
        there = set(source.ids)
        for path in sorted(questions.glob("*.csv")):
            splits[path.stem] = [name for name in video_ids_of(path) if name in there]
    layout_of(layout).write(source, folder, splits)


def video_ids_of(path: Path) -> list[str]:
    """The videos of one split, in the order of first mention."""
    return list(dict.fromkeys(pd.read_csv(path, dtype=str, usecols=["video_id"])["video_id"]))
