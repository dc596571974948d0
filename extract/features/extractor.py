"""A feature network at work: precision, memory layout, how much at once, and the device.

Sizes: V videos, K clips, F frames a clip that the appearance network sees, T frames a clip, D width of a feature,
S side of a picture.
"""

import contextlib
import logging
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from base.errors import UserError
from base.jobs.device import calculates_bf16, device_name
from extract.config import FeaturesSettings
from extract.networks import LoadedNetwork

INPUTS_AT_ONCE = {"appearance": 64, "motion": 8}
"""Inputs a forward pass on a CPU, where more at once are not quicker."""

MEMORY_SHARE = 0.7
"""Share of a GPU's free memory that a batch may take."""

MOST_VIDEOS = 16
"""More at once than this do not make a GPU quicker: 16 videos are 256 inputs."""

log = logging.getLogger(__name__)

TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Extractor:
    """A network on its device, from pictures to features."""

    def __init__(self, kind: str, network: LoadedNetwork, features: FeaturesSettings, device: str) -> None:
        self.kind = kind
        self.device = torch.device(device)
        self._network = network
        self._reduce = features.appearance.frames if kind == "appearance" else "middle"
        self.keeps_frames = self._reduce == "every"
        self._type = TYPES.get(features.precision)
        if self._type is torch.bfloat16 and self.device.type == "cuda" and not calculates_bf16():
            log.warning("%s only emulates bf16; `features.precision: fp16` is faster on it", device_name(self.device))
        # fp32 means fp32: cuDNN would take the 10-bit mantissas of TF32, and pick its algorithms by speed.
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.deterministic = True
        # The same numbers to 1e-6, and several times faster on CPUs and GPUs.
        self._layout = torch.channels_last if kind == "appearance" else torch.channels_last_3d
        module = network.module.to(self.device, memory_format=self._layout)  # type: ignore[call-overload]
        self._module = torch.compile(module) if features.compile else module
        self.width = self._width(features)
        self.videos_at_once = features.batch or 1
        if features.batch is None and self.device.type == "cuda":
            self.videos_at_once = self._fitting_batch(features)

    def description(self, features: FeaturesSettings) -> dict[str, Any]:
        """What of this could change a number."""
        return self._network.description | {
            "precision": features.precision,
            "compile": features.compile,
            "device": device_name(self.device),
            "videos_at_once": self.videos_at_once,
            "frames": self._reduce if self.kind == "appearance" else "all",
        }

    def upload(self, pictures: NDArray[np.uint8]) -> Tensor:
        """Pictures (V, K, F or T, S, S, 3) to the device, without waiting for the copy."""
        host = torch.from_numpy(pictures)
        return host.pin_memory().to(self.device, non_blocking=True) if self.device.type == "cuda" else host

    @torch.inference_mode()
    def __call__(self, pictures: Tensor) -> NDArray[np.float32]:
        """Features (V, K, D) of the pictures of V videos, (V, K, F or T, S, S, 3); (V, K, F, D) where all are kept."""
        V, K, seen = pictures.shape[:3]
        if self.kind == "appearance":
            inputs = pictures.flatten(0, 2).movedim(-1, 1)  # (V K F, 3, S, S)
        else:
            inputs = pictures.flatten(0, 1).movedim(-1, 1)  # (V K, 3, T, S, S)
        at_once = len(inputs) if self.device.type == "cuda" else INPUTS_AT_ONCE[self.kind]
        values = torch.cat([self._forward(part) for part in inputs.split(at_once)])
        if self.kind == "appearance":
            values = values.unflatten(0, (V * K, seen))
        if self.kind == "appearance" and not self.keeps_frames:
            values = values.amax(1) if self._reduce == "max" else values.mean(1) if seen > 1 else values[:, 0]
        return values.unflatten(0, (V, K)).cpu().numpy()

    def _forward(self, pixels: Tensor) -> Tensor:
        inputs = self._network.normalise(pixels).contiguous(memory_format=self._layout)
        mixed = torch.autocast(self.device.type, self._type) if self._type else contextlib.nullcontext()
        with mixed:
            values = self._module(inputs)
        if values.ndim != 2 or len(values) != len(pixels):
            raise UserError(
                f"the network {self._network.description['network']} gives {tuple(values.shape)} for {len(pixels)} "
                "inputs, not a vector for each; is its classifier taken off?"
            )
        return values.float()

    def _width(self, features: FeaturesSettings) -> int:
        shape = [1, 1, features.sampling.frames if self.kind == "motion" else 1, *2 * [self._network.size], 3]
        return self(torch.zeros(shape, dtype=torch.uint8, device=self.device)).shape[-1]

    def _fitting_batch(self, features: FeaturesSettings) -> int:
        """Videos whose pictures and intermediate maps fit into the GPU's free memory, found by one video."""
        sampling = features.sampling
        seen = sampling.frames if self.kind == "motion" or self._reduce != "middle" else 1
        shape = [1, sampling.clips, seen, self._network.size, self._network.size, 3]
        before = torch.cuda.memory_allocated(self.device)
        torch.cuda.reset_peak_memory_stats(self.device)
        self(torch.zeros(shape, dtype=torch.uint8, device=self.device))
        one = torch.cuda.max_memory_allocated(self.device) - before
        torch.cuda.empty_cache()
        free, _ = torch.cuda.mem_get_info(self.device)
        return int(max(1, min(MOST_VIDEOS, MEMORY_SHARE * free // max(one, 1))))
