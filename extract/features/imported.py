"""Features that someone else has extracted, checked and written as our `video.h5`.

Sizes: N videos, K clips, T frames a clip, D width of a feature.
"""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from base import plug
from base.errors import UserError
from base.files import check_ids, sha256
from base.formats.stores import OK, ZEROS, create, write_strings
from base.progress import progress
from base.provenance import commit, versions
from extract.annotations.questions import video_ids
from extract.config import FeaturesSettings, SamplingSettings, VideoCollection
from extract.features.shards import checked
from extract.layouts import FeatureSource, layout_of, open_layout
from extract.layouts.contract import KINDS
from extract.videos.probe import MISSING, manifest_of, probe, write_manifest
from extract.videos.sampling import clip_frames

NOT_KNOWN = -1
"""A frame number that is not known."""


def import_features(
    questions: list[Path],
    collection: VideoCollection,
    features: FeaturesSettings,
    video: Path,
    manifest: Path,
    processes: int,
) -> None:
    """Writes `video` (video.h5) and `manifest` for the videos that the annotations ask for.

    One video is in memory at a time. Where the collection also has a folder of videos, they are probed, and the
    clips' frames are taken to be those of `features.sampling`. A video without features follows the collection's
    policy for missing ones; `UserError` for anything in the files that does not fit.
    """
    settings = collection.features
    assert settings is not None
    wanted = video_ids(questions)
    check_ids(wanted)
    with open_layout(settings) as source:
        there = set(source.ids)
        status = {name: OK if name in there else MISSING for name in wanted}
        _apply_policy(status, collection, source)
        table = _manifest(wanted, status, collection, features.sampling, manifest, processes)
        kept = [name for name in wanted if status[name] == OK or collection.missing == "zeros"]
        if not there & set(kept):
            raise UserError(
                f"{settings.path} has features for none of the videos that are asked for; its ids look like "
                f"{', '.join(source.ids[:3])}, those of the annotations like {', '.join(wanted[:3])} (`ids` and "
                "`mapping` of the imported features translate)"
            )
        about = _attributes(collection, features, source)
        with create(video, "video features", about) as file:
            _write(file, source, kept, status, table.set_index("video_id"), features)
    write_manifest(manifest, table)


def export_features(layout: str, source: FeatureSource, folder: Path, questions: Path | None) -> None:
    """Writes features in another layout; `questions` is the folder of annotations whose splits have a file each."""
    splits: dict[str, list[str]] = {}
    if questions is not None:
        there = set(source.ids)
        for path in sorted(questions.glob("*.csv")):
            splits[path.stem] = [name for name in video_ids_of(path) if name in there]
    layout_of(layout).write(source, folder, splits)


def video_ids_of(path: Path) -> list[str]:
    """The videos of one split, in the order of first mention."""
    return list(dict.fromkeys(pd.read_csv(path, dtype=str, usecols=["video_id"])["video_id"]))


def _apply_policy(status: dict[str, str], collection: VideoCollection, source: FeatureSource) -> None:
    absent = [name for name, found in status.items() if found == MISSING]
    if absent and collection.missing == "error":
        raise UserError(
            f"{source.path} has no features for {len(absent)} of {len(status)} videos that the annotations ask for "
            f"(`missing: skip` leaves them out): {', '.join(absent[:20])}" + (" ..." if len(absent) > 20 else "")
        )


def _manifest(
    wanted: list[str],
    status: dict[str, str],
    collection: VideoCollection,
    sampling: SamplingSettings,
    path: Path,
    processes: int,
) -> pd.DataFrame:
    """The manifest of imported features: what is usable are the features; of the videos what can be found out."""
    if collection.folder is None:
        table = manifest_of(wanted)
    else:
        lenient = collection.model_copy(update={"missing": "skip", "unreadable": "skip"})
        table = probe(wanted, lenient, sampling, processes, path.with_name(f".{path.name}.notes"))
    found = table["status"].copy()
    table["status"] = [status[name] for name in wanted]
    table["reason"] = [
        "no features in the files that are imported" if now == MISSING else "" if before == OK else f"video: {reason}"
        for now, before, reason in zip(table["status"], found, table["reason"], strict=True)
    ]
    return table


def _write(
    file: h5py.File,
    source: FeatureSource,
    names: list[str],
    status: dict[str, str],
    table: pd.DataFrame,
    features: FeaturesSettings,
) -> None:
    write_strings(file, "ids", names)
    write_strings(file, "status", [OK if status[name] == OK else ZEROS for name in names])
    write_strings(file, "decoder", ["imported"] * len(names))
    first = next(name for name in names if status[name] == OK)
    shapes = {kind: source.read[kind](first).shape for kind in KINDS}
    clips = shapes["appearance"][0]
    for kind in KINDS:
        file.create_dataset(kind, (len(names), *shapes[kind]), features.storage, chunks=(1, *shapes[kind]))
    sampling = features.sampling.model_copy(update={"clips": clips})
    index = file.create_dataset("frame_index", (len(names), clips, sampling.frames), np.int32, fillvalue=NOT_KNOWN)
    fps, duration = np.full(len(names), np.nan), np.full(len(names), np.nan)
    for row, name in enumerate(progress(names, total=len(names), label="import", unit="video")):
        if status[name] == OK:
            for kind in KINDS:
                values = source.read[kind](name)
                if values.shape != shapes[kind]:
                    raise UserError(
                        f"{source.path}: the {kind} feature of {name} has shape {values.shape}, that of {first} has "
                        f"{shapes[kind]}"
                    )
                file[kind][row] = checked(kind, values, name, OK, file[kind].dtype)
        video = table.loc[name]
        if video["frames"]:
            index[row] = clip_frames(int(video["frames"]), sampling)
            fps[row], duration[row] = video["fps"], video["duration"]
    file["fps"], file["duration"] = fps, duration


def _attributes(collection: VideoCollection, features: FeaturesSettings, source: FeatureSource) -> dict[str, Any]:
    settings = collection.features
    assert settings is not None
    files = [path for path in layout_of(settings.layout).files(settings) if path.is_file()]
    files += plug.own_files(settings.layout)
    about = {
        "imported": settings.model_dump(mode="json"),
        "imported_files": {path.name: sha256(path) for path in files},
        "sampling": "not known" if collection.folder is None else "assumed: " + str(features.sampling.model_dump()),
        "commit": commit(),
        "versions": versions(),
    }
    for kind in KINDS:
        known = source.about.get(f"{kind}_network", {"network": f"not known ({settings.layout})"})
        about[f"{kind}_network"] = {"weights": "imported", "sha256": ""} | known
    return about
