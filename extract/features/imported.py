"""Features that someone else has extracted, checked and written as our `video.h5`.

Sizes: N videos, K clips, T frames a clip, F frames a clip that the appearance network saw, D width of a feature.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from base import plug
from base.errors import UserError
from base.formats.manifest import ManifestRow, fingerprints, manifest_of, write_manifest
from base.formats.statuses import MISSING, OK, ZEROS
from base.formats.video_features import FRAMES, KINDS, Origin, Sizes, Writer, write_video_features
from base.ids import check_ids
from base.jobs.progress import progress
from base.reading import sha256
from extract.config import FeaturesSettings, SamplingSettings, VideoCollection
from extract.features.timing import known_timing, note_timing, with_rates
from extract.layouts import FeatureSource, Timing, layout_of, open_layout
from extract.videos.kinds import matched
from extract.videos.probe import probe
from extract.videos.sampling import appearance_frames, clip_frames
from extract.videos.times import clip_times

FOLLOWED = {"storage", "sampling"}
"""The settings of features that an import with a folder of videos follows; without one, `storage` alone."""


def import_features(
    wanted: list[str],
    collection: VideoCollection,
    features: FeaturesSettings,
    video: Path,
    manifest: Path,
    processes: int,
) -> None:
    """Writes `video` (video.h5) and `manifest` for the videos with the ids `wanted`.

    One video is in memory at a time. Frames and times are those that the files know. Where they know none and the
    collection also has a folder of videos, these are probed, and the clips' frames are taken to be those of
    `features.sampling`. A video without features follows the collection's policy for missing ones; `UserError` for
    anything in the files that does not fit.
    """
    settings = collection.features
    assert settings is not None
    check_ids(wanted)
    with open_layout(settings) as source:
        named = matched(wanted, source.ids)
        status = {name: OK if name in named else MISSING for name in wanted}
        _apply_policy(status, collection, source)
        table = _manifest(wanted, status, collection, features.sampling, manifest, processes)
        kept = [name for name in wanted if status[name] == OK or collection.missing == "zeros"]
        if not named:
            raise UserError(
                f"{settings.path} has features for none of the videos that are asked for; its ids look like "
                f"{', '.join(source.ids[:3])}, those of the annotations like {', '.join(wanted[:3])} (`ids` and "
                "`mapping` of the imported features translate)"
            )
        timed = _timings(source, named, table)
        videos = with_rates(_videos(table.set_index("video_id").loc[kept].reset_index()), timed)
        sizes = _sizes(source, next(iter(named.values())), settings.reduce, features.sampling)
        origin = _origin(collection, features, source)
        with write_video_features(video, videos, sizes, features.storage, origin) as writer:
            sampling = features.sampling.model_copy(update={"clips": sizes.clips})
            _copy(source, named, videos, writer)
            if source.timing is None:
                _assume_frames(
                    table.set_index("video_id"), videos["video_id"].tolist(), sampling, settings.reduce, writer
                )
            else:
                for row, name in enumerate(videos["video_id"]):
                    if (timing := timed(name)) is not None:
                        note_timing(timing, row, name, sizes, writer)
    write_manifest(manifest, table)


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
        table = manifest_of(ManifestRow(name, MISSING) for name in wanted)
    else:
        lenient = collection.model_copy(update={"missing": "skip", "unreadable": "skip", "damaged": "use"})
        table = probe(wanted, lenient, sampling, processes, path.with_name(f".{path.name}.notes"))
    found = table["status"].copy()
    table["status"] = [status[name] for name in wanted]
    table["reason"] = [
        "no features in the files that are imported" if now == MISSING else "" if before == OK else f"video: {reason}"
        for now, before, reason in zip(table["status"], found, table["reason"], strict=True)
    ]
    return table


def _videos(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the feature file, from those of the manifest; what is not known of a video is NaN or empty."""
    known = table["frames"] > 0
    return table[["video_id", "frames"]].assign(
        status=np.where(table["status"] == OK, OK, ZEROS),
        decoder="imported",
        fingerprint=fingerprints(table),
        fps=table["fps"].where(known).astype(float),
        duration=table["duration"].where(known).astype(float),
    )


def _sizes(source: FeatureSource, first: str, reduce: str, sampling: SamplingSettings) -> Sizes:
    """The sizes of the features of the video `first`, which all others must have as well."""
    shapes = {kind: read(first).shape for kind, read in source.read.items()}
    clips = next(iter(shapes.values()))[0]
    if set(KINDS) <= set(shapes) and shapes["motion"][0] != clips:
        raise UserError(
            f"{source.path}: {first} has appearance features of {clips} clips and motion features of "
            f"{shapes['motion'][0]}; both must be of the same clips"
        )
    appearance, motion = (shapes[kind][1] if kind in shapes else 0 for kind in KINDS)
    kept = shapes[FRAMES][1] if FRAMES in shapes else 0
    if source.timing is None:
        return Sizes(clips, sampling.frames, _seen(reduce, sampling), (appearance, motion), kept)
    timing = source.timing(first)
    return Sizes(clips, timing.frame_index.shape[1], timing.appearance_index.shape[1], (appearance, motion), kept)


def _timings(source: FeatureSource, named: dict[str, str], table: pd.DataFrame) -> Callable[[str], Timing | None]:
    """From a video's id to what the source knows of its frames and times; `table` is the manifest."""
    rows = {str(row["video_id"]): row for row in table.to_dict("records")} if source.timing else {}
    return lambda name: known_timing(source, named[name], rows[name]) if source.timing and name in named else None


def _copy(source: FeatureSource, named: dict[str, str], videos: pd.DataFrame, writer: Writer) -> None:
    """Copies features video by video; `named` says what each video is called in the source."""
    rows = zip(videos["video_id"], videos["status"], strict=True)
    for row, (name, status) in enumerate(progress(rows, total=len(videos), label="import", unit="video")):
        if status == OK:
            for kind, read in source.read.items():
                writer.features(kind, row, read(named[name]), source.path)


def _assume_frames(
    table: pd.DataFrame, kept: list[str], sampling: SamplingSettings, reduce: str, writer: Writer
) -> None:
    """The frames that `sampling` gives, and when they are shown, where the video is known."""
    for row, name in enumerate(kept):
        about = {str(key): value for key, value in table.loc[name].items()}
        if about["frames"]:
            count = int(about["frames"])
            frames = clip_frames(count, sampling)
            writer.frames(row, frames, _appearance_frames(count, sampling, reduce))
            writer.times(row, *clip_times(about, frames))


def _seen(reduce: str, sampling: SamplingSettings) -> int:
    """F: of how many frames of a clip the appearance feature is, by the rule that made one vector of theirs."""
    return sampling.frames if reduce in ("mean", "max") else 1


def _appearance_frames(count: int, sampling: SamplingSettings, reduce: str) -> NDArray[np.int32]:
    """The frames (K, F) that the appearance network is taken to have seen of a video of `count` frames."""
    if reduce == "first":
        return clip_frames(count, sampling)[:, :1]
    return appearance_frames(count, sampling, every=_seen(reduce, sampling) > 1)


def _sampling(collection: VideoCollection, features: FeaturesSettings, source: FeatureSource) -> Any:
    """What is said of the frames: what the files say who know them, or what is assumed."""
    if source.timing:
        return source.about.get("sampling", "not known")
    return "not known" if collection.folder is None else "assumed: " + str(features.sampling.model_dump())


def _origin(collection: VideoCollection, features: FeaturesSettings, source: FeatureSource) -> Origin:
    settings = collection.features
    assert settings is not None
    files = [path for path in layout_of(settings.layout).files(settings) if path.is_file()]
    files += plug.own_files(settings.layout)
    appearance, motion = (
        {"weights": "imported", "sha256": ""}
        | source.about.get(f"{kind}_network", {"network": f"not known ({settings.layout})"})
        for kind in KINDS
    )
    return Origin(
        appearance_network=appearance,
        motion_network=motion,
        preset="not known",
        sampling=_sampling(collection, features, source),
        resize="not known",
        config=features.model_dump(mode="json", include={"storage"} if collection.folder is None else FOLLOWED),
        imported=settings.model_dump(mode="json"),
        imported_files={path.name: sha256(path) for path in files},
    )
