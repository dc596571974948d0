"""The features of a decoded shard.

Sizes: N videos of the shard, K clips, D width of a feature.
"""

import concurrent.futures
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import h5py
import numpy as np

from base.formats.statuses import FAILED, ZEROS
from base.formats.store import attributes, begun_with, create_by_rows, open_store, read_strings, write_strings
from base.formats.video_features import FRAMES
from base.jobs.progress import progress
from base.provenance import commit, versions
from extract.config import FeaturesSettings
from extract.videos.decode import KIND
from extract.videos.sampling import middle_frames

SHARD = "feature shard"
AT_ONCE = "videos_at_once"

J = TypeVar("J")
R = TypeVar("R")


def extract_shard(kind: str, frames: Path, features: FeaturesSettings, out: Path, device: str, stage: int = 0) -> None:
    """Runs the `kind` (appearance or motion) network over a decoded shard: dataset `features` (N, K, D) float32.

    With `features.appearance.frames: every`, appearance also has a dataset `frames` (N, K, F, D), of which `features`
    are the middle ones.

    Videos without frames (status failed or zeros) get NaN here; the merge gives them what the policy says. A killed
    call is completed by the next one, if that is of the same `stage` (workflow/stages.yaml). The next videos are read,
    and copied to a GPU, while the network works.
    """
    from extract.features.extractor import Extractor
    from extract.networks import load_network

    extractor = Extractor(kind, load_network(kind, features), features, device)
    if features.batch is None:
        # Memory that happens to be free decides it, which is no reason to begin a shard anew.
        extractor.videos_at_once = min(extractor.videos_at_once, begun_with(out).get(AT_ONCE, math.inf))
    with open_store(frames, KIND) as source:
        ids, status, pixels = read_strings(source, "ids"), read_strings(source, "status"), source[kind]

        def build(file: h5py.File) -> None:
            n, K, T = len(ids), features.sampling.clips, features.sampling.frames
            file.create_dataset("features", (n, K, extractor.width), np.float32, fillvalue=np.nan)
            if extractor.keeps_frames:
                file.create_dataset(FRAMES, (n, K, T, extractor.width), np.float32, fillvalue=np.nan)
            write_strings(file, "ids", ids)

        about = extractor.description(features) | {
            "frames_of": {k: v for k, v in attributes(source).items() if k not in ("kind", "schema")},
            "commit": commit(),
            "versions": versions(),
        }
        with create_by_rows(out, SHARD, about, build, len(ids), (AT_ONCE, "commit"), stage) as rows:
            groups = _groups(rows.open, [s not in (FAILED, ZEROS) for s in status], extractor.videos_at_once)
            loaded = ahead(lambda group: extractor.upload(np.stack([pixels[row] for row in group])), groups)
            label = f"{kind}, {extractor.videos_at_once} at once" if extractor.videos_at_once > 1 else kind
            for group, pictures in progress(zip(groups, loaded, strict=True), total=len(groups), label=label):
                for row, values in zip(group, extractor(pictures), strict=True):
                    kept = {FRAMES: values} if extractor.keeps_frames else {}
                    rows.finish(row, kept | {"features": middle_frames(values) if kept else values})
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
