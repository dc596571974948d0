"""IGV: invariant grounding (Li et al., "Invariant Grounding for Video Question Answering", CVPR 2022), section 4.

What is answered from the causal scene is what is learnt; among clips of other videos the answer must stay the same, and
from the environment alone there must be none.

Sizes: B batch, K clips, E width of mapped clip features, T texts, n scenes (B, or T), A answers.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from base.tensors import full, no_autocast
from eigv.config.run import EigvSettings, IgvSettings
from eigv.method.batch import Batch
from eigv.method.draws import Draws
from eigv.method.grounding import Scene
from eigv.method.memory_bank import MemoryBank
from eigv.method.objective import accuracy, answer_loss
from eigv.method.step import Losses

if TYPE_CHECKING:
    from eigv.method.model import VideoQA


@dataclass(frozen=True)
class Branches:
    """What is answered from parts of the videos, (B, A) logits each."""

    scene: Scene  # n rows
    environment: Tensor
    causal: Tensor
    mixed: Tensor  # of causal scenes among clips of the memory bank


def losses(model: "VideoQA", batch: Batch, draws: Draws, bank: MemoryBank | None, settings: EigvSettings) -> Losses:
    """The losses of a training step: CE(f, a) + w_i KL(f || m) + w_e KL(uniform || b).

    f, m and b are what the model answers from the causal scene, from it among clips of the memory bank, and from the
    environment. Both sides of KL(f || m) learn.
    """
    if bank is None:
        raise ValueError("the method igv needs a memory bank")
    how = settings.igv
    found = branches(model, batch, draws, bank, settings)
    with no_autocast(found.causal):
        answer = answer_loss(found.causal, batch.answer, settings.objective.answer)
        invariance = divergence(found.causal, found.mixed)
        environment = from_uniform(found.environment)
    return Losses(
        total=answer + how.invariance * invariance + how.environment * environment,
        answer=answer.detach(),
        contrastive=None,
        scene=found.scene,
        accuracy=accuracy(found.causal, batch.answer),
        others={"invariance_loss": invariance.detach(), "environment_loss": environment.detach()},
    )


def branches(model: "VideoQA", batch: Batch, draws: Draws, bank: MemoryBank, settings: EigvSettings) -> Branches:
    """What the model answers from the environment, the causal scene, and the latter among clips of the memory bank.

    In multiple choice each candidate is answered on the scene that it grounds, or, with `grounding.query: question`,
    all on that of the question.
    """
    how, backbone = settings.igv, model.backbone
    texts = batch.encoded_by(backbone)
    asked = model.asked(texts, batch)
    video = backbone.map_clips(batch.video)
    local = backbone.encode_mapped(video).local[asked.video]  # (n, K, D)
    video = video[asked.video]  # (n, K, E)
    n, K, _ = video.shape
    noise = draws.gumbel((n, 2, K))
    scene = model.grounding(local, asked.query, noise, settings.grounding.temperature)
    if how.gradient == "none":
        parts = [(video, scene.environment.detach()), (video, scene.causal.detach())]
    else:
        of_causal, of_environment = scene.split(video)
        parts = [(of_environment, scene.environment), (of_causal, scene.causal)]
    excluded = batch.excluded.repeat_interleave(n // batch.size, dim=0)
    substitutes = backbone.map_clips(bank.draw(excluded, (K,), draws).to(batch.video))  # (n, K, E)
    encoded = [
        *(model.encode_part(*part) for part in parts),
        backbone.encode_mapped(mix(video, substitutes, scene, how)),
    ]

    text = torch.arange(batch.tokens.shape[0], device=batch.tokens.device)
    represented = [full(backbone.fuse(clips, texts, asked.of_texts, text)) for clips in encoded]  # 3 of (T, R)
    together = torch.cat(represented)
    with no_autocast(together):
        # At once, for an answer head with statistics of its rows
        logits = model.heads.scores(together).view(3, batch.size, -1)
    return Branches(scene, *logits)


def mix(video: Tensor, substitutes: Tensor, scene: Scene, how: IgvSettings) -> Tensor:
    """The causal scenes of `video` (n, K, E) among `substitutes` (n, K, E): (n, K, E).

    A video whose causal scene is empty stays as it is, as in the official code; with `grounding.never_empty` there is
    none.
    """
    causal = scene.causal if how.gradient == "all" else scene.causal.detach()
    empty = ~(scene.causal > 0).any(dim=1, keepdim=True)
    causal = causal.masked_fill(empty, 1.0)[..., None]
    return causal * video + (1 - causal) * substitutes


def divergence(logits: Tensor, others: Tensor) -> Tensor:
    """KL(softmax(logits) || softmax(others)), (B, A) each: the mean over B."""
    return F.kl_div(others.log_softmax(dim=1), logits.log_softmax(dim=1), reduction="batchmean", log_target=True)


def from_uniform(logits: Tensor) -> Tensor:
    """KL(uniform || softmax(logits)), (B, A): the mean over B."""
    return divergence(torch.zeros_like(logits), logits)
