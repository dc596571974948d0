"""The intervener: mixes two samples scene by scene (section 4.2, Eq. 10-14).

Sizes: B batch, K clips, Dv width of the clip features.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from base.tensors import moved
from eigv.config.run import IntervenerSettings
from eigv.method.draws import Draws
from eigv.method.grounding import Scene

PRESENT = 0.25
"""The least share of a sample in a mix for which its causal clips still count as such."""


@dataclass(frozen=True)
class Intervention:
    """Who is mixed with whom, and how much of the own sample stays."""

    partner: Tensor  # (B,) int64, a permutation of the batch, on the host
    equivariant: Tensor  # (B,), lambda_0, for the causal scene, the question and the answer
    invariant: Tensor  # (B,), lambda_1, for the environment scene


def draw_intervention(size: int, settings: IntervenerSettings, draws: Draws) -> Intervention:
    """For every one of `size` samples: a partner, lambda_0 ~ Beta(alpha, alpha), lambda_1 likewise, by default U(0, 1).

    With `ratios: batch` all samples have the same two ratios.
    """
    partner = draws.permutation(size)
    different = size if settings.ratios == "sample" else 1
    equivariant = draws.beta(settings.alpha, different)
    invariant = draws.beta(settings.alpha_environment, different)
    return Intervention(partner, equivariant.expand(size), invariant.expand(size))


def mix_scenes(video: Tensor, scene: Scene, intervention: Intervention) -> Tensor:
    """The intervened videos v* (B, K, Dv) of `video` (B, K, Dv).

    v* = lambda_0 c + (1 - lambda_0) c' + lambda_1 e + (1 - lambda_1) e', clip k with clip k of the partner.
    """
    partner = moved(intervention.partner, video.device)
    own = _weighted(scene, intervention.equivariant, intervention.invariant)
    theirs = _weighted(scene.select(partner), 1 - intervention.equivariant, 1 - intervention.invariant)
    return own[..., None] * video + theirs[..., None] * video[partner]


def mixed_scene(scene: Scene, intervention: Intervention) -> Scene:
    """The scene of v*, of scenes that were given for the videos as they are: the causal clips of both samples, but not
    those of a sample of which less than `PRESENT` is left. It carries no gradient.
    """
    ratio, partner = intervention.equivariant[:, None], intervention.partner
    own = scene.causal * (ratio >= PRESENT)
    theirs = scene.causal[partner] * (1 - ratio >= PRESENT)
    causal = torch.maximum(own, theirs)
    return Scene(causal, 1 - causal, causal, 1 - causal)


def mix_videos(video: Tensor, intervention: Intervention) -> Tensor:
    """Mixup of whole videos (B, K, Dv): lambda_0 v + (1 - lambda_0) v'. The ablation without scenes."""
    ratio = intervention.equivariant[:, None, None]
    return ratio * video + (1 - ratio) * video[moved(intervention.partner, video.device)]


def _weighted(scene: Scene, of_causal: Tensor, of_environment: Tensor) -> Tensor:
    """The weight of every clip (B, K): a scene mask times its ratio (B,), added up."""
    return of_causal[:, None] * scene.causal + of_environment[:, None] * scene.environment
