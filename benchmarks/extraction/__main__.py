"""What extraction costs, against what the machine could do and what a plain script does: make bench-extract.

Everything is measured in one run on one machine, with the workflow's own functions, on real clips where there are any
(`--videos`, a folder), and the paper's networks with random weights: speed does not depend on them, errors do, and are
therefore also measured with the networks whose trained weights packages carry.
"""

import argparse
import os
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch.utils.flop_counter import FlopCounterMode

from base.formats.video_features import KINDS
from benchmarks.extraction.costs import Cost, cost_of, matmul_rate
from benchmarks.extraction.memory import memory
from benchmarks.extraction.peer import PEER_VIDEOS, peer
from benchmarks.extraction.pipeline import Setting, pipeline
from benchmarks.extraction.precision import RANDOM, precision
from benchmarks.report import machine, write_section
from extract.config import FeaturesSettings, VideoCollection
from extract.features.extractor import Extractor
from extract.networks import load_network
from extract.videos.decode import decode_one
from extract.videos.probe import probe
from extract.videos.survey import survey

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Measures everything and writes the section Extraction of docs/benchmarks.md."""
    options = _options()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        collection = VideoCollection(folder=options.videos, missing="skip", unreadable="skip")
        ids = sorted(path.stem for path in options.videos.iterdir() if path.suffix in (".mp4", ".avi"))
        features = FeaturesSettings(**RANDOM, precision=options.precision, batch=options.batch)
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
    sizes = Counter(zip(setting.manifest["width"], setting.manifest["height"], strict=True))
    shapes = ", ".join(f"{count} of {width}x{height}" for (width, height), count in sorted(sizes.items()))
    used = setting.manifest["backend"].value_counts().to_dict()
    where = torch.cuda.get_device_name() if setting.device == "cuda" else "the CPU"
    return (
        f"`make bench-extract` on {machine()}; networks on {where}, {setting.features.precision}. "
        f"{len(setting.manifest)} videos ({shapes}; {setting.manifest['frames'].mean():.0f} frames on average; "
        f"readers: {', '.join(f'{count} {name}' for name, count in used.items())}), recipe `paper`: 16 clips of 16 "
        "frames, ResNet-152 at 224, 3D ResNeXt-101 at 112."
    )


def _parts(setting: Setting, probing: Cost) -> str:
    count, device = len(setting.manifest), setting.device
    decoded: list[dict[str, Any]] = []
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
    ours = pipeline(setting) / count
    seconds = {name: cost.on(device) for name, cost in costs.items()}
    networks, slowest = seconds["appearance"] + seconds["motion"], max(seconds, key=lambda name: seconds[name])
    whole = ours.on(device)
    note = f"{whole / networks:.2f} x both networks, {whole / seconds[slowest]:.2f} x {slowest} alone"
    rows.append(("whole pipeline", ours, note))
    half = pipeline(replace(setting, features=setting.features.model_copy(update={"precision": "bf16"}))) / count
    rows.append(
        ("whole pipeline in bf16", half, f"{half.on(device) / whole:.2f} x that in {setting.features.precision}")
    )
    plain = peer(setting)
    rows.append(
        (
            "the same by a plain script",
            plain,
            f"{plain.on(device) / whole:.1f} x the pipeline, {plain.on(device) / half.on(device):.1f} x that in bf16",
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
        f"{whole / sum(seconds.values()):.2f} x that. It makes {1 / ours.wall:.2f} videos a second; what limits it "
        f"is {slowest}. The plain script decodes the whole video in order, resizes one frame at a time, and runs one "
        f"clip at a time through the same networks in fp32 ({PEER_VIDEOS} videos)."
    )


if __name__ == "__main__":
    main()
