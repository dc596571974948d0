"""What extraction costs, against what the machine could do and what a plain script does: make bench-extract.

Everything is measured in one run on one machine, with the workflow's own functions, on real clips where there are any
(`--videos`, a folder), and the paper's networks with random weights: speed does not depend on them, errors do, and are
therefore also measured with the networks whose trained weights packages carry.
"""

import argparse
import concurrent.futures
import multiprocessing
import multiprocessing.forkserver
import os
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from base.formats.video_features import KINDS
from benchmarks.costs import Cost, cost_of, matmul_rate
from benchmarks.extraction_memory import memory
from benchmarks.extraction_precision import RANDOM, precision
from benchmarks.report import machine, write_section
from extract.config import Features, VideoCollection
from extract.features.extractor import Extractor
from extract.features.merge import merge
from extract.features.shards import extract_shard
from extract.networks import load_network
from extract.videos.decode import Job, decode_one, decode_shard
from extract.videos.pictures import pictures_of
from extract.videos.probe import probe
from extract.videos.sampling import clip_frames, middle_frames
from extract.videos.survey import survey

ROOT = Path(__file__).resolve().parents[1]
SHARDS = 2
PEER_VIDEOS = 1


@dataclass(frozen=True)
class Setting:
    """What is measured: the videos, the machine's share, and where files go."""

    manifest: pd.DataFrame
    collection: VideoCollection
    features: Features
    device: str
    cores: int
    folder: Path

    @property
    def jobs(self) -> list[Job]:
        """One for each video."""
        pictures = pictures_of(self.features)
        return [Job(row, self.features, pictures) for row in self.manifest.to_dict("records")]


def main() -> None:
    """Measures everything and writes the section Extraction of docs/benchmarks.md."""
    options = _options()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        collection = VideoCollection(folder=options.videos, missing="skip", unreadable="skip")
        ids = sorted(path.stem for path in options.videos.iterdir() if path.suffix in (".mp4", ".avi"))
        features = Features(**RANDOM, precision=options.precision, batch=options.batch)
        manifest = probe(ids[: options.count], collection, features.sampling, options.cores, Path(folder) / "notes")
        probing = cost_of(lambda: [survey(Path(p), features.sampling) for p in manifest["path"]]) / len(manifest)
        setting = Setting(manifest, collection, features, options.device, options.cores, Path(folder))
        sections = []
        for measure in (
            _introduction,
            lambda s: _parts(s, probing),
            lambda s: precision(s.device),
            lambda s: memory(s.folder, s.features),
        ):
            sections.append(measure(setting))
            print(sections[-1], end="\n\n", flush=True)
    write_section("Extraction", "\n\n".join(sections))


def _options() -> argparse.Namespace:
    clips, rendered = ROOT.parent / "shared/data/videos/msvd", ROOT / "data/demo/videos"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=Path, default=clips if clips.is_dir() else rendered)
    parser.add_argument("--count", type=int, default=11, help="at most so many videos")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--batch", type=int, help="videos at once; by itself if not given")
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    if not options.videos.is_dir():
        parser.error(
            f"{options.videos} is not there; render the demo's videos (eigv-extract demo-data) or name a folder"
        )
    return options


def _introduction(setting: Setting) -> str:
    sizes = setting.manifest.groupby(["width", "height"]).size()
    shapes = ", ".join(f"{count} of {width}x{height}" for (width, height), count in sizes.items())
    used = setting.manifest["backend"].value_counts().to_dict()
    where = torch.cuda.get_device_name() if setting.device == "cuda" else "the CPU"
    return (
        f"`make bench-extract` on {machine()}; networks on {where}, {setting.features.precision}. "
        f"{len(setting.manifest)} videos ({shapes}; {setting.manifest['frames'].mean():.0f} frames on average; "
        f"readers: {', '.join(f'{count} {name}' for name, count in used.items())}), preset `paper`: 16 clips of 16 "
        "frames, ResNet-152 at 224, 3D ResNeXt-101 at 112."
    )


def _parts(setting: Setting, probing: Cost) -> str:
    count, device, decoded = len(setting.manifest), setting.device, []
    costs = {"decode": cost_of(lambda: decoded.extend(map(decode_one, setting.jobs))) / count}
    peak = matmul_rate(device, setting.features.precision)
    rows = [
        ("probe: every frame in order, and decord's against it", probing, ""),
        ("decoding alone", costs["decode"], ""),
    ]
    for kind in KINDS:
        extractor = Extractor(kind, load_network(kind, setting.features), setting.features, device)
        pictures = [extractor.upload(value[kind][None]) for value in decoded]
        with FlopCounterMode(display=False) as counter:
            extractor(pictures[0])
        costs[kind] = cost_of(lambda: [extractor(p) for p in pictures]) / count  # noqa: B023
        flops = counter.get_total_flops()
        rate = flops / costs[kind].on(device) / 1e9
        note = f"{flops / 1e9:.0f} GFLOP, {rate:.0f} GFLOP/s: {rate / peak:.0%} of a large matrix product's {peak:.0f}"
        rows.append((f"{kind} network alone", costs[kind], note))
    pipeline = _pipeline(setting) / count
    seconds = {name: cost.on(device) for name, cost in costs.items()}
    networks, slowest = seconds["appearance"] + seconds["motion"], max(seconds, key=lambda name: seconds[name])
    whole = pipeline.on(device)
    note = f"{whole / networks:.2f} x both networks, {whole / seconds[slowest]:.2f} x {slowest} alone"
    rows.append(("whole pipeline", pipeline, note))
    half = _pipeline(replace(setting, features=setting.features.model_copy(update={"precision": "bf16"}))) / count
    rows.append(
        ("whole pipeline in bf16", half, f"{half.on(device) / whole:.2f} x that in {setting.features.precision}")
    )
    peer = _peer(setting)
    rows.append(
        (
            "the same by a plain script",
            peer,
            f"{peer.on(device) / whole:.1f} x the pipeline, {peer.on(device) / half.on(device):.1f} x that in bf16",
        )
    )
    table = pd.DataFrame(
        [{"a video": a, "elapsed s": f"{b.wall:.2f}", "processor s": f"{b.cpu:.2f}", "": c} for a, b, c in rows]
    )
    compared = "elapsed time" if device == "cuda" else "processor time, which other users of the machine change little"
    return (
        f"{table.to_markdown(index=False)}\n\n"
        f"Ratios are of {compared}; parts alone run in one thread, the pipeline in {setting.cores} processes of one "
        "thread, as the workflow runs it: a shard is decoded while the networks work on the one before it. On a CPU "
        "the parts want the same cores, and their sum is the least that the pipeline can cost: it costs "
        f"{whole / sum(seconds.values()):.2f} x that. It makes {1 / pipeline.wall:.2f} videos a second; what limits it "
        f"is {slowest}. The plain script decodes the whole video in order, resizes one frame at a time, and runs one "
        f"clip at a time through the same networks in fp32 ({PEER_VIDEOS} videos)."
    )


def _pipeline(setting: Setting) -> Cost:
    """All videos as the workflow does them: the jobs of its rules, side by side, each when its input is there.

    Starting Python and importing torch is left out; building a network and loading its weights, once a shard, is not.
    """
    shards = [setting.manifest.iloc[number::SHARDS] for number in range(SHARDS)]
    files = [tuple(setting.folder / f"{number}.{part}.h5" for part in ("frames", *KINDS)) for number in range(SHARDS)]
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(setting.cores, spawn, _start_job) as pool:
        concurrent.futures.wait([pool.submit(time.sleep, 0.5) for _ in range(setting.cores)])
        started = time.perf_counter()
        decoding = {pool.submit(_decode_job, setting, shards[n], files[n][0]): n for n in range(SHARDS)}
        cpu, networks = 0.0, []
        for done in concurrent.futures.as_completed(decoding):
            cpu += done.result()
            networks += [pool.submit(_network_job, setting, kind, files[decoding[done]]) for kind in KINDS]
        cpu += sum(job.result() for job in networks)
        last = cost_of(lambda: merge(files, setting.features, setting.manifest, setting.folder / "video.h5"))  # type: ignore[arg-type]
        return Cost(time.perf_counter() - started, cpu + last.cpu)


def _start_job() -> None:
    torch.set_num_threads(1)


def _decode_job(setting: Setting, shard: pd.DataFrame, out: Path) -> float:
    def run() -> None:
        decode_shard(shard, setting.collection, setting.features, out, 1)
        # The processor time of the workers is ours only once the process that they were forked from has ended.
        multiprocessing.forkserver._forkserver._stop()  # type: ignore[attr-defined]

    return cost_of(run).cpu


def _network_job(setting: Setting, kind: str, paths: tuple[Path, ...]) -> float:
    return cost_of(
        lambda: extract_shard(kind, paths[0], setting.features, paths[1 + KINDS.index(kind)], setting.device)
    ).cpu


@torch.inference_mode()
def _peer(setting: Setting) -> Cost:
    """Seconds a video of the way the public scripts do it."""
    networks = {kind: load_network(kind, setting.features) for kind in KINDS}
    for network in networks.values():
        network.module.to(setting.device)

    def forward(kind: str, pictures: list[np.ndarray]) -> None:
        pixels = torch.from_numpy(np.stack(pictures)).to(setting.device)
        inputs = pixels.movedim(-1, 1) if kind == "appearance" else pixels[None].movedim(-1, 1)
        networks[kind].module(networks[kind].normalise(inputs)).cpu()

    def run() -> None:
        for path in setting.manifest["path"].head(PEER_VIDEOS):
            with av.open(path, metadata_errors="ignore") as container:
                frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
            clips = clip_frames(len(frames), setting.features.sampling)
            for clip, middle in zip(clips, middle_frames(clips), strict=True):
                forward("appearance", [_resized(frames[middle], 224)])
                forward("motion", [_resized(frames[number], 112) for number in clip])

    return cost_of(run) / PEER_VIDEOS


def _resized(frame: np.ndarray, side: int) -> np.ndarray:
    return np.asarray(Image.fromarray(frame).resize((side, side), Image.Resampling.BICUBIC))


if __name__ == "__main__":
    main()
