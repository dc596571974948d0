"""All videos as the workflow does them, measured: the jobs of its rules side by side.

Not in the command's own module, which the processes of the jobs do not import.
"""

import concurrent.futures
import multiprocessing
import multiprocessing.forkserver
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch

from base.formats.video_features import KINDS
from benchmarks.extraction.costs import Cost, cost_of
from extract.config import FeaturesSettings, VideoCollection
from extract.features.merge import merge
from extract.features.shards import extract_shard
from extract.videos.decode import Job, decode_shard
from extract.videos.pictures import pictures_of

SHARDS = 2


@dataclass(frozen=True)
class Setting:
    """What is measured: the videos, the machine's share, and where files go."""

    manifest: pd.DataFrame
    collection: VideoCollection
    features: FeaturesSettings
    device: str
    cores: int
    folder: Path

    @property
    def jobs(self) -> list[Job]:
        """One for each video."""
        pictures = pictures_of(self.features)
        rows = self.manifest.to_dict("records")
        return [Job({str(name): v for name, v in row.items()}, self.features, pictures) for row in rows]


def pipeline(setting: Setting) -> Cost:
    """All videos as the workflow does them: the jobs of its rules, side by side, each when its input is there.

    Starting Python and importing torch is left out; building a network and loading its weights, once a shard, is not.
    """
    shards = [setting.manifest.iloc[number::SHARDS] for number in range(SHARDS)]
    frames = [setting.folder / f"{number}.frames.h5" for number in range(SHARDS)]
    features = [{kind: setting.folder / f"{number}.{kind}.h5" for kind in KINDS} for number in range(SHARDS)]
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(setting.cores, spawn, _start_job) as pool:
        concurrent.futures.wait([pool.submit(time.sleep, 0.5) for _ in range(setting.cores)])
        started = time.perf_counter()
        decoding = {pool.submit(_decode_job, setting, shards[n], frames[n]): n for n in range(SHARDS)}
        cpu, networks = 0.0, []
        for done in concurrent.futures.as_completed(decoding):
            cpu += done.result()
            n = decoding[done]
            networks += [pool.submit(_network_job, setting, kind, frames[n], features[n][kind]) for kind in KINDS]
        cpu += sum(job.result() for job in networks)
        parts = list(zip(frames, features, strict=True))
        last = cost_of(lambda: merge(parts, setting.features, setting.manifest, setting.folder / "video.h5"))
        return Cost(time.perf_counter() - started, cpu + last.cpu)


def _start_job() -> None:
    torch.set_num_threads(1)


def _decode_job(setting: Setting, shard: pd.DataFrame, out: Path) -> float:
    def run() -> None:
        decode_shard(shard, setting.collection, setting.features, out, 1)
        # The processor time of the workers is ours only once the process that they were forked from has ended.
        multiprocessing.forkserver._forkserver._stop()  # type: ignore[attr-defined]

    return cost_of(run).cpu


def _network_job(setting: Setting, kind: str, frames: Path, out: Path) -> float:
    return cost_of(lambda: extract_shard(kind, frames, setting.features, out, setting.device)).cpu
