"""The grounding indicator: which clips are the causal scene of a question (section 4.1, Eq. 6-9).

Sizes: B batch, K clips, D width.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from base.tensors import full, no_autocast
from eigv.config.run import GroundingSettings

PAPER = GroundingSettings()
"""As the paper's text has it."""


@dataclass(frozen=True)
class Scene:
    """The partition of videos into causal scene and environment scene. `causal + environment` is exactly 1."""

    causal: Tensor  # (B, K), I_0 of Eq. 8: 1 for a clip of the causal scene, else 0; carries a gradient
    environment: Tensor  # (B, K), I_1
    attention_causal: Tensor  # (B, K), p_c of Eq. 6, or what stands in its place (`GroundingSettings.logits`)
    attention_environment: Tensor  # (B, K), p_e of Eq. 7

    @property
    def probability_causal(self) -> Tensor:
        """P(clip is causal) under Eq. 8, (B, K): sigmoid(p_c - p_e), as the attention itself is the Gumbel logit."""
        return torch.sigmoid(self.attention_causal - self.attention_environment)

    def select(self, index: Tensor) -> "Scene":
        """The partitions that `index` (n,) names."""
        return Scene(
            self.causal[index],
            self.environment[index],
            self.attention_causal[index],
            self.attention_environment[index],
        )

    def split(self, video: Tensor) -> tuple[Tensor, Tensor]:
        """Eq. 9: (c, e) of `video` (B, K, Dv), c + e = v."""
        return self.causal[..., None] * video, self.environment[..., None] * video


def never_empty(scene: Scene) -> Scene:
    """The partition where a scene without clips gets the one that is likeliest to be its own, by `probability_causal`.

    Which clip that is carries no gradient. A video of one clip has no environment.
    """
    chances = scene.probability_causal.detach()
    clip = torch.arange(chances.shape[1], device=chances.device)
    likeliest, unlikeliest = (clip == found[:, None] for found in (chances.argmax(dim=1), chances.argmin(dim=1)))
    causal = scene.causal.detach() > 0.5
    gains = likeliest & ~causal.any(dim=1, keepdim=True)
    loses = unlikeliest & causal.all(dim=1, keepdim=True) & (chances.shape[1] > 1)
    chosen = scene.causal + gains.to(chances) - loses.to(chances)
    return replace(scene, causal=chosen, environment=1 - chosen)


def smooth(chosen: Tensor) -> Tensor:
    """The choice (B, K) bool without gaps of one clip, and then without single clips beside longer runs.

    Single clips alone stay as they are.
    """
    closed = chosen | (_previous(chosen) & _next(chosen))
    runs = closed & (_previous(closed) | _next(closed))
    return torch.where(runs.any(dim=1, keepdim=True), runs, closed)


def smoothed(scene: Scene) -> Scene:
    """The partition whose causal scene is smooth; what is added and taken for that carries no gradient."""
    plain = scene.causal.detach()
    causal = scene.causal + (smooth(plain > 0.5).to(plain) - plain)
    return replace(scene, causal=causal, environment=1 - causal)


def _previous(chosen: Tensor) -> Tensor:
    """Whether the clip before is `chosen` (B, K) bool."""
    return F.pad(chosen[:, :-1], (1, 0))


def _next(chosen: Tensor) -> Tensor:
    """Whether the clip after is `chosen` (B, K) bool."""
    return F.pad(chosen[:, 1:], (0, 1))


class CrossModalAttention(nn.Module):
    """Softmax over the clips of FC(v) . FC(q) (Eq. 6, 7)."""

    def __init__(self, width: int, settings: GroundingSettings) -> None:
        super().__init__()
        self.scale = width**-0.5 if settings.scaled else 1.0
        self.sum_mask = settings.official_sum_mask
        self.softmax = settings.logits == "attention"
        self.clips = nn.Linear(width, width)
        self.question = nn.Linear(width, width)

    def forward(self, clips: Tensor, question: Tensor) -> Tensor:
        """Clips (B, K, D) and question (B, D) to attention (B, K), or to the products that it is the softmax of."""
        asked = full(self.question(question))
        with no_autocast(asked):
            # (W v + b) . q as v . (q W) + b . q: a layer for each question, and none for its K clips
            toward, shift = asked @ self.clips.weight, asked @ self.clips.bias  # (B, D), (B,)
            products = self.scale * (torch.einsum("bkd,bd->bk", full(clips), toward) + shift[:, None])
        if not self.softmax:
            return products
        if not self.sum_mask:
            return products.softmax(dim=-1)
        products = products.masked_fill(clips.sum(dim=-1) == 0, torch.finfo(products.dtype).min)
        return products.softmax(dim=-1) * (question.sum(dim=-1, keepdim=True) != 0)


class GroundingIndicator(nn.Module):
    """Splits every video, clip by clip, into causal scene and environment scene."""

    compiles = "forward"

    def __init__(self, width: int, settings: GroundingSettings = PAPER, smooths: bool = False) -> None:
        """For clips and questions of `width`; one that `smooths` does so where it chooses without noise."""
        super().__init__()
        self.causal = CrossModalAttention(width, settings)
        self.environment = CrossModalAttention(width, settings)
        self.never_empty = settings.never_empty
        self.smooths = smooths

    def forward(self, clips: Tensor, question: Tensor, noise: Tensor | None = None, temperature: float = 1.0) -> Scene:
        """The scene of encoded clips (B, K, D) that the encoded question (B, D) asks for.

        `noise` (B, 2, K) is standard Gumbel noise for the causal and the environment column; without it a clip is
        causal if p_c > p_e, but for what `smoothed` changes where the indicator smooths. The values are hard; the
        gradient is that of the soft Gumbel-Softmax at `temperature`.
        """
        p_causal = self.causal(clips, question)
        p_environment = self.environment(clips, question)
        scene = partition(p_causal, p_environment, noise, temperature)
        if self.smooths and noise is None:
            scene = smoothed(scene)
        return never_empty(scene) if self.never_empty else scene


def partition(p_causal: Tensor, p_environment: Tensor, noise: Tensor | None, temperature: float) -> Scene:
    """Eq. 8: hard, straight-through Gumbel-Softmax over [p_c; p_e], (B, K) each, clip by clip."""
    margin = p_causal - p_environment
    if noise is not None:
        margin = margin + noise[:, 0] - noise[:, 1]
    soft = torch.sigmoid(margin / temperature)  # a softmax over two columns
    # `soft - soft` is exactly 0, so both indicators are exactly 0 or 1 and the gradient is that of `soft`
    causal = (margin > 0).to(soft.dtype) + (soft - soft.detach())
    return Scene(causal, 1 - causal, p_causal, p_environment)
