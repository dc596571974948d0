"""Rationales that are true: an indicator learns which clips a model needs, on a model that knows parts of videos.

After REAL-X (Jethani et al., "Have We Learned to Explain?", AISTATS 2021), on clips, with a demand for completeness.

Sizes: B batch, K clips, Dv width of the clip features, T texts, A answers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eigv.config.methods import Method
from eigv.config.run import FaithfulSettings, GroundingSettings
from eigv.method.batch import Batch
from eigv.method.draws import Draws
from eigv.method.grounding import Scene

if TYPE_CHECKING:
    from eigv.method.model import VideoQA


LEAST = 0.05
"""The smallest probability that a question is weighted by: none counts more than twenty times."""


@dataclass(frozen=True)
class Selection:
    """What a choice of clips is worth; every tensor is a number but those of single samples."""

    loss: Tensor  # the mean; it and `of_each` carry a gradient
    of_each: Tensor  # (B,) the objective of single samples, without labels
    scene: Scene
    from_scene: Tensor  # (B,) bool, answered right from the chosen clips
    from_environment: Tensor  # (B,) bool, answered right from the others


def indicator_settings(settings: GroundingSettings) -> GroundingSettings:
    """The indicator that learns on a model: inner products, scaled, are the logits of Eq. 8 themselves."""
    return settings.model_copy(update={"logits": "products", "scaled": True, "official_sum_mask": False})


def random_parts(video: Tensor, draws: Draws) -> Tensor:
    """Parts of `video` (B, K, Dv): each clip stays with a probability that is U(0, 1) for each sample, or is 0."""
    B, K, _ = video.shape
    kept = draws.uniform((B, K)) < draws.uniform((B, 1))
    return kept[..., None].to(video) * video


def select(
    model: "VideoQA",
    batch: Batch,
    settings: FaithfulSettings,
    draws: Draws | None = None,
    reader: "VideoQA | None" = None,
) -> Selection:
    """What the indicator of `model` chooses and what that is worth; the rest of the model gets no gradient.

    Without `draws` there is no noise: the choice is the one of `VideoQA.predict`. Gold clips in the batch are labels.
    `reader` is the model that answers, where it is not `model` itself.
    """
    reader = reader or model
    with torch.no_grad():
        clips = model.backbone.encode_clips(batch.video)
        texts = batch.encoded_by(model.backbone)
        query = model.query_of(texts, batch, batch.answer)
    noise = None if draws is None else draws.gumbel((batch.size, 2, batch.video.shape[1]))
    scene = model.grounding(clips.local, query, noise, settings.temperature)
    if reader is not model:
        with torch.no_grad():
            texts = batch.encoded_by(reader.backbone)
    with frozen(reader.backbone, reader.heads):
        parts = torch.cat(scene.split(batch.video))  # (2B, K, Dv): what is chosen, then the rest
        text = torch.arange(batch.tokens.shape[0], device=batch.video.device)
        video = text // batch.candidates
        logits = reader.read(parts, texts, torch.cat([video, batch.size + video]), text.repeat(2))
    of_scene, of_environment = logits.view(2, batch.size, -1)
    found = selection(scene, of_scene, of_environment, batch.answer, settings)
    if batch.gold is None:
        return found
    return replace(found, loss=found.loss + settings.label_weight * label_loss(scene, batch.gold))


def weights_of(logits: Tensor, answer: Tensor) -> Tensor:
    """How much questions count whose model has not seen their video: 1 / p of the right `answer` (B,), p at least
    `LEAST`, by its `logits` (B, A) for the whole video.

    Where the environment predicts the answer, these are the inverse probabilities of the answer in its environment: so
    weighted, the environment says nothing of it.
    """
    right = logits.softmax(dim=1).gather(1, answer[:, None])[:, 0]
    return 1 / right.clamp_min(LEAST)


def label_loss(scene: Scene, gold: Tensor) -> Tensor:
    """The cross-entropy of each clip's probability of being causal with `gold` (B, K) bool, a number: the mean over
    the clips of the samples that have a label, which are those with a gold clip; 0 where there is none."""
    labelled = gold.any(dim=1, keepdim=True)  # (B, 1)
    margin = scene.attention_causal - scene.attention_environment  # the logit, without noise
    of_clips = F.binary_cross_entropy_with_logits(margin, gold.to(margin), reduction="none")
    return (of_clips * labelled).sum() / (labelled.sum() * gold.shape[1]).clamp_min(1)


def given_scene(guide: "VideoQA | None", batch: Batch, method: Method) -> Scene | None:
    """The scenes that a guide or the gold spans say; None where the indicator does that learns with the model."""
    if method.scenes == "guide":
        if guide is None:
            raise ValueError("a method whose scenes come from a guide needs one")
        return guide.predict(batch).scene
    if method.scenes == "gold":
        if batch.gold is None:
            raise ValueError("a method whose scenes are gold needs the clips of the gold spans")
        causal = batch.gold.to(batch.video)
        return Scene(causal, 1 - causal, causal, 1 - causal)
    return None


def selection(
    scene: Scene, of_scene: Tensor, of_environment: Tensor, answer: Tensor, settings: FaithfulSettings
) -> Selection:
    """The objective of the indicator, the mean over samples of

        CE(f(c), a) - w log(1 - p(a | e)) + price g max(0, mean_k M_k - budget) + contiguity mean_k |M_k+1 - M_k|

    for the chosen clips c = M v and the others e = v - c, `of_scene` and `of_environment` (B, A) being the logits of f
    for each, `answer` (B,); g = p(a | c), through which no gradient goes, or 1 where it is not gated.
    """
    right = answer[:, None]
    sufficiency = F.cross_entropy(of_scene, answer, reduction="none")  # (B,)
    others = of_environment.scatter(1, right, -torch.inf)
    # log(1 - p) of a softmax is finite only by the logits of the others
    incomplete = of_environment.logsumexp(dim=1) - others.logsumexp(dim=1)
    gate = (-sufficiency).exp().detach() if settings.gated else torch.ones_like(sufficiency)
    size = F.relu(scene.causal.mean(dim=1) - settings.budget)
    changes = scene.causal.diff(dim=1).abs().mean(dim=1)
    loss = sufficiency + settings.completeness * incomplete + settings.price * gate * size
    loss = loss + settings.contiguity * changes
    found = (logits.argmax(dim=1) == answer for logits in (of_scene, of_environment))
    return Selection(loss.mean(), loss, scene, *found)


@contextmanager
def frozen(*modules: nn.Module) -> Iterator[None]:
    """What is computed inside carries no gradient to the parameters of `modules`, only through them."""
    learning = [parameter for module in modules for parameter in module.parameters() if parameter.requires_grad]
    for parameter in learning:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)
