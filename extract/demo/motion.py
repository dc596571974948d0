"""The recipe of the demo's motion network: it learns to tell what the actor does from 16 small frames.

Sizes in this file
    N  clips in a batch
    T  frames of a clip
    S  side of the square input in pixels
    M  actions, and "nothing"

The training clips are drawn at the input's size by the code that draws the videos, with noise and blur in place of
H.264, and every action before every background. Their random numbers are a stream of their own (see `scenes`), so no
clip of the data set is ever trained on, whatever the seeds.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from base.progress import progress
from base.writing import atomic_path
from extract.demo.render import backdrop, backdrop_margin, draw_scene, render_video
from extract.demo.scenes import ACTIONS, BACKGROUNDS, COLOURS, MOTION, SHAPES, Actor, Scene, generator, write_script
from extract.demo.settings import DemoSettings
from extract.networks.motion import SHIPPED
from extract.networks.resnext3d import RESNEXT3D_TINY, ResNeXt3D

VERSION = "1"
CLASSES = (*ACTIONS, "nothing")
FRAMES, SIDE, FPS = 16, 56, 12
ASPECT = 4 / 3  # of the videos; a frame is stretched to a square, as the extraction does
MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
VARIANTS = 24  # drawings of each background that the training clips share
CUT = 0.3  # share of clips that a change of scene runs through, as in the sampling of a real video
HELD_OUT_VIDEOS = 40


def train_motion(
    out: Path = SHIPPED,
    steps: int = 800,
    seed: int = 0,
    batch: int = 32,
    threads: int = 1,
    held_out_videos: int = HELD_OUT_VIDEOS,
) -> dict[str, Any]:
    """Trains the network on the CPU, writes its weights (float16, safetensors) to `out` and returns the figures.

    The returned dictionary is also the file's metadata: recipe, input, loss over the first and the last tenth of the
    steps, and the accuracy over the M classes on clips decoded from H.264 (held-out videos without bias). The same
    seed and number of threads give the same weights. 800 steps take about nine minutes on one core. One thread is
    the default because two that wait for each other are slower than one wherever other programs run.
    """
    with _threads(threads), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = ResNeXt3D(RESNEXT3D_TINY).to(memory_format=torch.channels_last_3d)
        head = nn.Linear(RESNEXT3D_TINY.width, len(CLASSES))
        losses = _fit(network, head, steps, batch, seed)
        state = {name: _stored(tensor) for name, tensor in network.state_dict().items()}
        network.load_state_dict(state, strict=True)  # judged as it is stored
        accuracy = held_out_accuracy(network, head, seed, held_out_videos)
    tenth = max(1, steps // 10)
    facts = {
        "recipe": f"extract.demo.motion, version {VERSION}",
        "seed": seed,
        "steps": steps,
        "batch": batch,
        "threads": threads,
        "first_loss": round(float(np.mean(losses[:tenth])), 4),
        "last_loss": round(float(np.mean(losses[-tenth:])), 4),
        "accuracy": round(accuracy, 4),
        "classes": list(CLASSES),
        "frames": FRAMES,
        "fps": FPS,
        "size": SIDE,
        "mean": list(MEAN),
        "std": list(STD),
    }
    with atomic_path(Path(out)) as temporary:
        save_file(state, temporary, metadata={key: json.dumps(value) for key, value in facts.items()})
        temporary.chmod(0o644)  # safetensors makes files that only their owner can read
    return facts


def clips(count: int, rng: np.random.Generator, canvases: dict[str, list[np.ndarray]]) -> tuple[Tensor, Tensor]:
    """Training clips (N, 3, T, S, S), normalised, and how much of each clip shows each class (N, M)."""
    pixels = np.empty((count, FRAMES, SIDE, SIDE, 3), dtype=np.float32)
    shares = np.zeros((count, len(CLASSES)), dtype=np.float32)
    for row in range(count):
        cut = int(rng.integers(1, FRAMES)) if rng.random() < CUT else FRAMES
        for first, stop in ((0, cut), (cut, FRAMES)):
            if first < stop:
                scene, label = _random_scene(rng, first, stop)
                variants = canvases[scene.background]
                canvas = variants[int(rng.integers(len(variants)))]
                pixels[row, first:stop] = list(draw_scene(scene, canvas, stop - first, FPS, ASPECT, rng))
                shares[row, label] += (stop - first) / FRAMES
        pixels[row] = _worn(pixels[row], rng)
    return normalise(pixels), torch.from_numpy(shares)


def normalise(pixels: np.ndarray) -> Tensor:
    """Clips (N, T, S, S, 3) from 0 to 255 as the network takes them: (N, 3, T, S, S)."""
    scaled = (torch.from_numpy(np.ascontiguousarray(pixels)).float() / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
    return scaled.permute(0, 4, 1, 2, 3)


def small_canvases(rng: np.random.Generator, variants: int = VARIANTS) -> dict[str, list[np.ndarray]]:
    """Backdrops of every place, drawn at the videos' size and reduced to the input's."""
    side = SIDE + 2 * backdrop_margin(SIDE)
    return {
        place: [
            np.asarray(_resized(backdrop(place, 160, 120, rng).astype(np.uint8), side), dtype=np.float32)
            for _ in range(variants)
        ]
        for place in BACKGROUNDS
    }


def held_out_clips(seed: int, videos: int) -> tuple[np.ndarray, np.ndarray]:
    """Clips (N, T, S, S, 3) decoded from rendered H.264, two from within each scene, and their classes (N,).

    The videos are made like the data set's, without bias, as a split that the data set does not have.
    """
    settings = DemoSettings(seed=seed, bias=0, empty_scenes=(1, 1), processes=1)
    pixels, labels = [], []
    with tempfile.TemporaryDirectory() as folder:
        for index in range(videos):
            script = write_script(settings, "motion-held-out", index)
            path = Path(folder) / f"{script.video}.mp4"
            render_video(settings, script, index, path)
            frames = decode(path)
            for scene in script.scenes:
                for first in {scene.first, scene.stop - FRAMES}:
                    pixels.append(frames[first : first + FRAMES])
                    labels.append(CLASSES.index(scene.action or "nothing"))
    return np.stack(pixels), np.asarray(labels)


def decode(path: Path, side: int = SIDE) -> np.ndarray:
    """All frames of a video, stretched to a square: uint8 (T, S, S, 3)."""
    with av.open(str(path)) as container:
        return np.stack([_resized(frame.to_ndarray(format="rgb24"), side) for frame in container.decode(video=0)])


@torch.inference_mode()
def features(network: nn.Module, pixels: np.ndarray) -> Tensor:
    """Features (N, D) of clips (N, T, S, S, 3) from 0 to 255."""
    network.eval()
    return torch.cat([network(normalise(pixels[row : row + 32])) for row in range(0, len(pixels), 32)])


def held_out_accuracy(network: nn.Module, head: nn.Module, seed: int, videos: int) -> float:
    """Share of held-out H.264 clips that the head gives the right class."""
    pixels, labels = held_out_clips(seed, videos)
    with torch.inference_mode():
        chosen = head(features(network, pixels)).argmax(dim=1).numpy()
    return float((chosen == labels).mean())


def _fit(network: nn.Module, head: nn.Module, steps: int, batch: int, seed: int) -> list[float]:
    parameters = [*network.parameters(), *head.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=3e-3, total_steps=steps, pct_start=0.1)
    canvases = small_canvases(generator(MOTION, seed, "canvases", 0))
    losses = []
    network.train()
    for step in progress(range(steps), label="motion network", unit="step"):
        inputs, shares = clips(batch, generator(MOTION, seed, "clips", step), canvases)
        inputs = inputs.contiguous(memory_format=torch.channels_last_3d)
        loss = nn.functional.cross_entropy(head(network(inputs)), shares)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
    return losses


def _random_scene(rng: np.random.Generator, first: int, stop: int) -> tuple[Scene, int]:
    label = int(rng.integers(len(CLASSES)))
    background = str(rng.choice(BACKGROUNDS))
    if CLASSES[label] == "nothing":
        return Scene(first, stop, background, None, None), label
    actor = Actor(str(rng.choice(COLOURS)), str(rng.choice(SHAPES)))
    return Scene(first, stop, background, actor, CLASSES[label]), label


def _worn(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Frames (T, S, S, 3) after a random blur, change of light and noise: what compression and scaling may do."""
    if rng.random() < 0.5:
        amount = np.float32(rng.uniform(0, 0.25))
        frames = (1 - 2 * amount) * frames + amount * (np.roll(frames, 1, axis=1) + np.roll(frames, -1, axis=1))
        frames = (1 - 2 * amount) * frames + amount * (np.roll(frames, 1, axis=2) + np.roll(frames, -1, axis=2))
    contrast, light = rng.uniform(0.85, 1.15), rng.uniform(-12, 12)
    noise = np.float32(255 * rng.uniform(0, 0.03)) * rng.standard_normal((*frames.shape[:3], 1), dtype=np.float32)
    return np.clip((frames - 128) * np.float32(contrast) + np.float32(128 + light) + noise, 0, 255)


def _resized(picture: np.ndarray, side: int) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BILINEAR))


def _stored(tensor: Tensor) -> Tensor:
    """A tensor as it stands in the file: half precision, but for BatchNorm's counters."""
    return tensor.detach().half().contiguous() if tensor.is_floating_point() else tensor.clone()


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
