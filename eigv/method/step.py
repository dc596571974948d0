"""What the parts of a training step and of an evaluation hand on.

Sizes: B batch, K clips, E width of mapped clip features (`Backbone.map_clips`), T texts, D width, A answers,
M negatives of an anchor.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from eigv.backbones.contract import Clips, Tokens
from eigv.method.grounding import Scene
from eigv.method.intervener import Intervention


@dataclass(frozen=True)
class Losses:
    """The losses of one step and what to watch besides; every tensor is a number."""

    total: Tensor  # Eq. 20; the only one that carries a gradient
    answer: Tensor  # Eq. 19
    contrastive: Tensor | None  # Eq. 18; None without a disruptor
    scene: Scene | None  # of the last grounding, for the monitors; None without one
    accuracy: Tensor  # on the mixed input: an answer counts as much as its sample weighs in the mix
    others: Mapping[str, Tensor] = field(default_factory=dict)  # further parts of the total, by their names


@dataclass(frozen=True)
class Prediction:
    """Answers with the clips that they rest on."""

    logits: Tensor  # (B, A)
    scene: Scene  # of the question, or of the text of the predicted answer
    elsewhere: Scene  # of the same videos for what the next sample is asked (`eigv.runs.learning.monitors`)
    other: Tensor | None = None  # (B, A), the logits from what the answers are not read from: causal scene, or video


@dataclass(frozen=True)
class Study:
    """The samples that a step learns from: intervened, or as they are."""

    video: Tensor  # (B, K, E), v*
    clips: Clips  # v*, encoded
    texts: Tokens  # T rows: in multiple choice a candidate each
    asked: tuple[Tensor, Tensor]  # the pairs to answer, rows of v* and of `texts`: (B * A,) each, sample by sample
    target: Tensor  # a* of Eq. 12, (B, A); without a mix the answers (B,) themselves
    question: Tokens  # B rows, q*: in multiple choice the text with the right candidate
    unmixed: Tokens  # B rows, q: the same before the mix
    query: Tensor  # (B, D), what the indicator asks v* with
    intervention: Intervention | None
    scene: Scene | None  # of the first grounding


@dataclass(frozen=True)
class Twins:
    """Contrastive pairs, as rows of the encoded videos of a step and of its questions."""

    clips: Clips  # the videos beyond v*, encoded: none, or v+ and v-
    beyond: Tokens  # the questions beyond q*, whose rows follow: none, or those before the mix
    positive: tuple[Tensor, Tensor]  # videos (B,), questions (B,)
    negatives: tuple[Tensor, Tensor]  # videos (B, M), questions (B, M): each anchor's own M
    scene: Scene | None  # of the second grounding
