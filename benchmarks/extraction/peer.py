"""The way the public scripts extract features, measured."""

import av
import numpy as np
import torch
from PIL import Image

from base.formats.video_features import KINDS
from benchmarks.extraction.costs import Cost, cost_of
from benchmarks.extraction.pipeline import Setting
from extract.networks import load_network
from extract.videos.sampling import clip_frames, middle_frames

PEER_VIDEOS = 1


@torch.inference_mode()
def peer(setting: Setting) -> Cost:
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
