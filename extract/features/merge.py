"""The shards of a collection, merged into its `video.h5`.

Sizes: N videos, K clips, F frames a clip that the appearance network sees, T frames a clip, D width of a feature.
"""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from base.errors import UserError
from base.formats.manifest import fingerprints
from base.formats.store import attributes, open_store, read_strings
from base.formats.video_features import FRAMES, KINDS, Origin, Sizes, Writer, write_video_features
from extract.config import FeaturesSettings
from extract.features.shards import SHARD
from extract.videos.decode import KIND


def merge(
    paths: list[tuple[Path, dict[str, Path]]], features: FeaturesSettings, manifest: pd.DataFrame, out: Path
) -> None:
    """Merges shards, each its frames and its features by kind, into `out` with a row for each video of `manifest`.

    A kind that is not given is 0 wide. One video is in memory at a time. `UserError` where a shard lacks a video,
    shapes differ between shards, or a value of a usable video is not finite.
    """
    shards = [_Shard.look(*files) for files in paths]
    sizes, origin = _common_sizes(shards), _origin(features, _one_maker([shard.made_by for shard in shards]))
    place = _places(shards)
    order = manifest["video_id"].tolist()
    absent = [video_id for video_id in order if video_id not in place]
    if absent:
        raise UserError(f"no shard holds {', '.join(absent[:5])}" + (" ..." if len(absent) > 5 else ""))
    videos = pd.concat([shard.videos for shard in shards]).set_index("video_id").loc[order].reset_index()
    videos["fingerprint"] = fingerprints(manifest)
    with write_video_features(out, videos, sizes, features.storage, origin) as writer:
        for number, shard in enumerate(shards):
            rows = {row: place[name][1] for row, name in enumerate(order) if place[name][0] == number}
            _copy(shard, rows, writer)


@dataclass(frozen=True)
class _Shard:
    """What is known of a shard without its features."""

    frames: Path
    features: dict[str, Path]
    """The file of each kind."""
    videos: pd.DataFrame
    """`video_id`, `status`, `decoder`, `fps`, `duration`."""
    sizes: Sizes
    made_by: dict[str, dict[str, Any]]
    """What the features of each kind were made by."""

    @classmethod
    def look(cls, frames: Path, features: dict[str, Path]) -> "_Shard":
        """Reads it; `UserError` where its files are of different videos."""
        with open_store(frames, KIND) as file:
            texts = {name: read_strings(file, name) for name in ("ids", "status", "decoder")}
            videos = pd.DataFrame(texts | {name: file[name][:] for name in ("fps", "duration")})
            clips, length = file["frame_index"].shape[1:]
            seen = file["appearance_index"].shape[2]
        made_by, widths, kept = {}, dict.fromkeys(KINDS, 0), 0
        for kind, path in features.items():
            with open_store(path, SHARD) as file:
                if read_strings(file, "ids") != texts["ids"]:
                    raise UserError(f"{path} holds other videos than {frames}; remove both and run again")
                about = attributes(file)
                widths[kind] = file["features"].shape[2]
                kept = file[FRAMES].shape[2] if FRAMES in file else kept
            made_by[kind] = {k: v for k, v in about.items() if k not in ("kind", "schema", "frames_of")}
        sizes = Sizes(clips, length, seen, (widths["appearance"], widths["motion"]), kept)
        return cls(frames, features, videos.rename(columns={"ids": "video_id"}), sizes, made_by)


def _common_sizes(shards: list[_Shard]) -> Sizes:
    first = shards[0]
    for shard in shards:
        if shard.sizes != first.sizes:
            raise UserError(
                f"{shard.frames} and its features have {shard.sizes}, {first.frames} has {first.sizes}; remove the "
                "shards and run again"
            )
    return first.sizes


def _places(shards: list[_Shard]) -> dict[str, tuple[int, int]]:
    """The number of the shard of each video, and its row there."""
    places: dict[str, tuple[int, int]] = {}
    for number, shard in enumerate(shards):
        ids = shard.videos["video_id"].tolist()
        twice = [name for name, count in Counter([*places, *ids]).items() if count > 1]
        if twice:
            raise UserError(f"{shard.frames}: another shard holds {', '.join(twice[:5])} as well; remove the shards")
        places |= {name: (number, row) for row, name in enumerate(ids)}
    return places


def _copy(shard: _Shard, rows: dict[int, int], writer: Writer) -> None:
    """Copies videos one by one; `rows` has the row in the shard of each row that is written."""
    with open_store(shard.frames, KIND) as frames:
        for ours, theirs in rows.items():
            writer.frames(ours, frames["frame_index"][theirs], frames["appearance_index"][theirs])
            writer.times(ours, frames["frame_time"][theirs], frames["clip_end"][theirs])
    for kind, path in shard.features.items():
        with open_store(path, SHARD) as source:
            for ours, theirs in rows.items():
                writer.features(kind, ours, source["features"][theirs], path)
                if FRAMES in source:
                    writer.features(FRAMES, ours, source[FRAMES][theirs], path)


def _one_maker(about: list[dict[str, Any]]) -> dict[str, Any]:
    """What all shards were made by; several values where they come from several devices, commits or versions."""
    result: dict[str, Any] = {}
    for kind in about[0]:
        for key in {key: None for made_by in about for key in made_by[kind]}:
            values = [made_by[kind].get(key) for made_by in about]
            different = [value for number, value in enumerate(values) if value not in values[:number]]
            if len(different) > 1 and key not in ("device", "videos_at_once", "commit", "versions"):
                raise UserError(f"the {kind} shards differ in {key}: {different}; remove them and run again")
            result.setdefault(kind, {})[key] = different[0] if len(different) == 1 else different
    return result


def _origin(features: FeaturesSettings, made_by: dict[str, Any]) -> Origin:
    return Origin(
        appearance_network=made_by.get("appearance", {}),
        motion_network=made_by.get("motion", {}),
        preset=features.preset,
        sampling=features.sampling.model_dump(),
        resize={
            kind: getattr(features, kind).model_dump(include={"size", "short_side", "fit", "resample"})
            for kind in KINDS
        },
        config=json.loads(features.model_dump_json()),
    )
