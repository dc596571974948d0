"""Features of decoded shards, and the merge into one file for a collection.

Sizes: N videos, K clips, F frames a clip that the appearance network sees, T frames a clip, D width of a feature.
"""

import concurrent.futures
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np
import pandas as pd

from base.errors import UserError
from base.formats.stores import (
    FAILED,
    ZEROS,
    attributes,
    create,
    create_by_rows,
    open_store,
    read_strings,
    write_strings,
)
from base.progress import progress
from base.provenance import commit, versions
from extract.config import FeaturesSettings
from extract.videos.decode import KIND

SHARD = "feature shard"
KINDS = ("appearance", "motion")
SIDE = ("appearance_index", "frame_index", "fps", "duration")
"""What goes from the decoded shards into the feature file as it is."""

J = TypeVar("J")
R = TypeVar("R")


def extract_shard(kind: str, frames: Path, features: FeaturesSettings, out: Path, device: str) -> None:
    """Runs the `kind` (appearance or motion) network over a decoded shard: dataset `features` (N, K, D) float32.

    Videos without frames (status failed or zeros) get NaN here; the merge gives them what the policy says. A killed
    call is completed by the next one. The next videos are read, and copied to a GPU, while the network works.
    """
    from extract.features.extractor import Extractor
    from extract.networks import load_network

    extractor = Extractor(kind, load_network(kind, features), features, device)
    with open_store(frames, KIND) as source:
        ids, status, pixels = read_strings(source, "ids"), read_strings(source, "status"), source[kind]

        def build(file: h5py.File) -> None:
            shape = (len(ids), features.sampling.clips, extractor.width)
            file.create_dataset("features", shape, np.float32, fillvalue=np.nan)
            write_strings(file, "ids", ids)

        about = extractor.description(features) | {
            "frames_of": {k: v for k, v in attributes(source).items() if k not in ("kind", "schema")},
            "commit": commit(),
            "versions": versions(),
        }
        with create_by_rows(out, SHARD, about, build, len(ids)) as rows:
            groups = _groups(rows.open, [s not in (FAILED, ZEROS) for s in status], extractor.videos_at_once)
            loaded = ahead(lambda group: extractor.upload(np.stack([pixels[row] for row in group])), groups)
            label = f"{kind}, {extractor.videos_at_once} at once" if extractor.videos_at_once > 1 else kind
            for group, pictures in progress(zip(groups, loaded, strict=True), total=len(groups), label=label):
                for row, values in zip(group, extractor(pictures), strict=True):
                    rows.finish(row, {"features": values})
            for row in rows.open:
                rows.finish(row, {})


def _groups(open_rows: list[int], usable: list[bool], size: int) -> list[list[int]]:
    """The usable rows that go through the network together; the same groups whatever is already done.

    That way a resumed shard has, bit for bit, the numbers of one that ran through.
    """
    rows = np.flatnonzero(usable).tolist()
    groups = [rows[start : start + size] for start in range(0, len(rows), size)]
    return [group for group in groups if not set(open_rows).isdisjoint(group)]


def ahead(function: Callable[[J], R], jobs: Sequence[J], count: int = 2) -> Iterator[R]:
    """`function` of each job, in order; the next `count` are made in a thread while the present one is used."""
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        waiting = [thread.submit(function, job) for job in jobs[:count]]
        for number in range(len(jobs)):
            result = waiting.pop(0).result()
            if number + count < len(jobs):
                waiting.append(thread.submit(function, jobs[number + count]))
            yield result


def merge(shards: list[tuple[Path, Path, Path]], features: FeaturesSettings, manifest: pd.DataFrame, out: Path) -> None:
    """Merges shards, each (frames, appearance, motion), into `out` with one row for each video of `manifest`, in order.

    One video is in memory at a time. `UserError` where a shard lacks a video, shapes differ between shards, or a
    value of a usable video is not finite.
    """
    order = manifest["video_id"].tolist()
    places: dict[str, tuple[int, int]] = {}
    about: list[dict[str, Any]] = []
    for number, paths in enumerate(shards):
        ids, made_by = _check_shard(paths)
        twice = [name for name, count in Counter([*places, *ids]).items() if count > 1]
        if twice:
            raise UserError(f"{paths[0]}: another shard holds {', '.join(twice[:5])} as well; remove the shards")
        places |= {name: (number, row) for row, name in enumerate(ids)}
        about.append(made_by)
    absent = [video_id for video_id in order if video_id not in places]
    if absent:
        raise UserError(f"no shard holds {', '.join(absent[:5])}" + (" ..." if len(absent) > 5 else ""))
    with create(out, "video features", _attributes(features, _one_maker(about))) as file:
        write_strings(file, "ids", order)
        write_strings(file, "fingerprint", _fingerprints(manifest))
        status, decoder = [""] * len(order), [""] * len(order)
        for number, paths in enumerate(shards):
            rows = [(row, places[name][1]) for row, name in enumerate(order) if places[name][0] == number]
            with open_store(paths[0], KIND) as frames:
                texts = read_strings(frames, "status"), read_strings(frames, "decoder")
                for row, theirs in rows:
                    status[row], decoder[row] = texts[0][theirs], texts[1][theirs]
                for name in SIDE:
                    _copy(file, name, len(order), frames[name], rows, frames[name].dtype)
            for kind, path in zip(KINDS, paths[1:], strict=True):
                with open_store(path, SHARD) as source:
                    _copy(file, kind, len(order), source["features"], rows, np.dtype(features.storage), order, status)
        write_strings(file, "status", status)
        write_strings(file, "decoder", decoder)


def _check_shard(paths: tuple[Path, Path, Path]) -> tuple[list[str], dict[str, Any]]:
    """The ids of a shard, and what its features were made by."""
    with open_store(paths[0], KIND) as frames:
        ids = read_strings(frames, "ids")
    made_by = {}
    for kind, path in zip(KINDS, paths[1:], strict=True):
        with open_store(path, SHARD) as source:
            if read_strings(source, "ids") != ids:
                raise UserError(f"{path} holds other videos than {paths[0]}; remove both and run again")
            made_by[kind] = {k: v for k, v in attributes(source).items() if k not in ("kind", "schema", "frames_of")}
    return ids, made_by


def _one_maker(about: list[dict[str, Any]]) -> dict[str, Any]:
    """What all shards were made by; several values where they come from several devices, commits or versions."""
    result: dict[str, Any] = {}
    for kind in KINDS:
        for key in {key: None for made_by in about for key in made_by[kind]}:
            values = [made_by[kind].get(key) for made_by in about]
            different = [value for number, value in enumerate(values) if value not in values[:number]]
            if len(different) > 1 and key not in ("device", "videos_at_once", "commit", "versions"):
                raise UserError(f"the {kind} shards differ in {key}: {different}; remove them and run again")
            result.setdefault(kind, {})[key] = different[0] if len(different) == 1 else different
    return result


def _copy(
    file: h5py.File,
    name: str,
    count: int,
    source: h5py.Dataset,
    rows: list[tuple[int, int]],
    dtype: np.dtype,
    order: list[str] | None = None,
    status: list[str] | None = None,
) -> None:
    """Copies rows (ours, theirs) one by one; with `order` and `status` they are features, and are looked at."""
    shape = (count, *source.shape[1:])
    if name not in file:
        file.create_dataset(name, shape, dtype, chunks=(1, *shape[1:]) if len(shape) > 1 and count else None)
    if file[name].shape != shape:
        raise UserError(f"{source.file.filename}: `{name}` has shape {shape}, other shards have {file[name].shape}")
    for ours, theirs in rows:
        values = source[theirs]
        if order is not None and status is not None:
            values = checked(name, values, order[ours], status[ours], dtype)
        file[name][ours] = values


def checked(kind: str, values: np.ndarray, video_id: str, status: str, dtype: np.dtype) -> np.ndarray:
    """The features of a video as they are stored; `UserError` where a usable one is not finite or does not fit."""
    if status == ZEROS:
        return np.zeros_like(values)
    if status != FAILED:
        if not np.isfinite(values).all():
            raise UserError(f"the {kind} feature of {video_id} is not finite; look at the video and the weights")
        if np.abs(values).max() > np.finfo(dtype).max:
            raise UserError(f"{kind} features do not fit float16; set `features.storage: float32`")
    return values


def _fingerprints(manifest: pd.DataFrame) -> list[str]:
    """What each video was recognised by: the hash of its content, or its size and time."""
    return [str(row.sha256) or f"{row.bytes!s} bytes, {row.modified!s}" for row in manifest.itertuples()]


def _attributes(features: FeaturesSettings, made_by: dict[str, Any]) -> dict[str, Any]:
    return {
        "appearance_network": made_by.get("appearance", {}),
        "motion_network": made_by.get("motion", {}),
        "preset": features.preset,
        "sampling": features.sampling.model_dump(),
        "resize": {
            kind: getattr(features, kind).model_dump(include={"size", "short_side", "fit", "resample"})
            for kind in KINDS
        },
        "config": json.loads(features.model_dump_json()),
        "commit": commit(),
        "versions": versions(),
    }
