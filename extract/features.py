"""Features of decoded shards, and the merge into one file for a collection.

Sizes: N videos, K clips, D width of a feature.
"""

import json
from pathlib import Path

import numpy as np
import torch

from extract.config import Features
from extract.errors import UserError
from extract.networks import load_network
from extract.progress import progress
from extract.provenance import commit, versions
from extract.stores import FAILED, ZEROS, attributes, create, open_store, read_strings, write_strings
from extract.videos.decode import KIND

SHARD = "feature shard"
CLIPS_AT_ONCE = {"appearance": 64, "motion": 8}
"""Inputs a forward pass; results do not depend on it, memory does."""


def extract_shard(kind: str, frames: Path, features: Features, out: Path, device: str) -> None:
    """Runs the `kind` (appearance or motion) network over a decoded shard: dataset `features` (N, K, D) float32.

    Videos without frames (status failed or zeros) get NaN here; the merge gives them what the policy says.
    """
    network = load_network(kind, getattr(features, kind), features)
    # Channels last: the same numbers to 1e-6, and several times faster on CPUs and GPUs.
    layout = torch.channels_last if kind == "appearance" else torch.channels_last_3d
    network.module.to(device, memory_format=layout)  # type: ignore[call-overload]
    with open_store(frames, KIND) as source, create(out, SHARD, network.description) as file:
        ids, status, pixels = read_strings(source, "ids"), read_strings(source, "status"), source[kind]
        shape = (len(ids), features.sampling.clips, network.entry.width)
        values = file.create_dataset("features", shape, np.float32, fillvalue=np.nan)
        write_strings(file, "ids", ids)
        for row in progress(range(len(ids)), total=len(ids), label=kind, unit="video"):
            if status[row] not in (FAILED, ZEROS):
                clips = torch.from_numpy(pixels[row]).to(device).movedim(-1, 1)  # (K, 3, [T,] S, S)
                inputs = network.normalise(clips).contiguous(memory_format=layout)
                values[row] = _forward(network.module, inputs, CLIPS_AT_ONCE[kind])


@torch.inference_mode()
def _forward(module: torch.nn.Module, inputs: torch.Tensor, at_once: int) -> np.ndarray:
    return torch.cat([module(part) for part in inputs.split(at_once)]).float().cpu().numpy()


def merge(shards: list[tuple[Path, Path, Path]], features: Features, order: list[str], out: Path) -> None:
    """Merges shards, each (frames, appearance, motion), into `out` with one row for each id, in the order of `order`.

    `UserError` where a shard lacks an id or holds values that are not finite for a usable video.
    """
    parts: dict[str, dict] = {}
    made_by: dict[str, dict[str, object]] = {}
    for frames, *feature_files in shards:
        with open_store(frames, KIND) as source:
            rows = {i: n for n, i in enumerate(read_strings(source, "ids"))}
            status = read_strings(source, "status")
            side = {name: source[name][:] for name in ("frame_index", "fps", "duration")}
        values = {}
        for kind, path in zip(("appearance", "motion"), feature_files, strict=True):
            with open_store(path, SHARD) as source:
                if read_strings(source, "ids") != list(rows):
                    raise UserError(f"{path} holds other videos than {frames}; remove both and run again")
                values[kind] = source["features"][:]
                made_by[kind] = {k: v for k, v in attributes(source).items() if k not in ("kind", "schema")}
        for video_id, row in rows.items():
            parts[video_id] = {name: array[row] for name, array in (side | values).items()} | {"status": status[row]}
    absent = [video_id for video_id in order if video_id not in parts]
    if absent:
        raise UserError(f"no shard holds {', '.join(absent[:5])}" + (" ..." if len(absent) > 5 else ""))
    for video_id in order:
        _finish_row(video_id, parts[video_id])
    _write(parts, order, features, made_by, out)


def _finish_row(video_id: str, part: dict) -> None:
    for kind in ("appearance", "motion"):
        if part["status"] == ZEROS:
            part[kind] = np.zeros_like(part[kind])
        elif part["status"] != FAILED and not np.isfinite(part[kind]).all():
            raise UserError(f"the {kind} feature of {video_id} is not finite; look at the video and the weights")


def _write(parts: dict, order: list[str], features: Features, made_by: dict, out: Path) -> None:
    about = {
        "appearance_network": made_by.get("appearance", {}),
        "motion_network": made_by.get("motion", {}),
        "sampling": features.sampling.model_dump(),
        "resize": "squashed to a square by the decoder, bilinear or bicubic; motion from the larger of both sizes",
        "config": json.loads(features.model_dump_json()),
        "commit": commit(),
        "versions": versions(),
    }
    with create(out, "video features", about) as file:
        write_strings(file, "ids", order)
        write_strings(file, "status", [parts[i]["status"] for i in order])
        for kind in ("appearance", "motion"):
            array = np.stack([parts[i][kind] for i in order]).astype(features.storage)
            if np.isinf(array).any():
                raise UserError(f"{kind} features do not fit float16; set `features.storage: float32`")
            file.create_dataset(kind, data=array, chunks=(1, *array.shape[1:]))
        file["frame_index"] = np.stack([parts[i]["frame_index"] for i in order]).astype(np.int32)
        file["fps"] = np.array([parts[i]["fps"] for i in order])
        file["duration"] = np.array([parts[i]["duration"] for i in order])
