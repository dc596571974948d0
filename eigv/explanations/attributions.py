"""Post-hoc explainers: how much each clip of a video counts for an answer of a trained model, by captum or
its own attention.

Sizes: B batch, K clips, Dv width of the clip features, A answers to choose from.
"""

from collections.abc import Callable

import torch
from captum import attr
from torch import Tensor

from eigv.method.batch import Batch
from eigv.method.model import VideoQA

STEPS = 16
"""Points of the path of integrated gradients, from a video of zeros."""
WINDOW = 3
"""Clips that the wider occlusion covers at once."""

Explainer = Callable[[VideoQA, Batch, Tensor], Tensor]
"""Of a model in evaluation mode, a batch and the answers (B,) that are explained: a score for each clip (B, K)."""


def gradient_x_input(model: VideoQA, batch: Batch, answer: Tensor) -> Tensor:
    """The gradient of the answer's logit times the features, summed over them (Shrikumar et al., 2016)."""
    return _attributed(attr.InputXGradient, model, batch, answer).sum(dim=-1)


def integrated_gradients(model: VideoQA, batch: Batch, answer: Tensor) -> Tensor:
    """The same along the path from zeros (Sundararajan et al., ICML 2017), Gauss-Legendre at `STEPS` points."""
    return _attributed(attr.IntegratedGradients, model, batch, answer, n_steps=STEPS).sum(dim=-1)


def occlusion(model: VideoQA, batch: Batch, answer: Tensor) -> Tensor:
    """How much the answer's logit falls when a clip is zeros."""
    K = batch.video.shape[1]
    clips = torch.arange(K, device=batch.video.device)[None, :, None]
    with torch.no_grad():
        return _attributed(attr.FeatureAblation, model, batch, answer, feature_mask=clips)[..., 0]


def wide_occlusion(model: VideoQA, batch: Batch, answer: Tensor) -> Tensor:
    """The same for windows of `WINDOW` clips, the mean over the windows that a clip is in."""
    window = (min(WINDOW, batch.video.shape[1]), batch.video.shape[2])
    with torch.no_grad():
        found = _attributed(
            attr.Occlusion, model, batch, answer, sliding_window_shapes=window, strides=(1, batch.video.shape[2])
        )
    return found[..., 0]


def attention(model: VideoQA, batch: Batch, answer: Tensor) -> Tensor:
    """How much the backbone itself weighs a clip when it reads the text of the answer, or the question."""
    with torch.no_grad():
        clips, texts = model.backbone.encode_clips(batch.video), batch.encoded_by(model.backbone)
        return model.backbone.clip_weights(clips, texts, batch.video_of, batch.text_of(answer))


EXPLAINERS: dict[str, Explainer] = {
    "gradient x input": gradient_x_input,
    "integrated gradients": integrated_gradients,
    "occlusion": occlusion,
    f"occlusion, {WINDOW} clips": wide_occlusion,
}


def explainers(model: VideoQA) -> dict[str, Explainer]:
    """Those that a model allows: not every backbone weighs clips."""
    return ({"attention": attention} if model.backbone.weighs_clips else {}) | EXPLAINERS


def logits_of(model: VideoQA, batch: Batch) -> Callable[[Tensor, Tensor], Tensor]:
    """What the model answers to videos (n, K, Dv), each asked what sample `rows` (n,) of `batch` is: logits (n, A)."""
    with torch.no_grad():
        texts = batch.encoded_by(model.backbone)
    candidates = torch.arange(batch.candidates, device=batch.video.device)

    def answered(video: Tensor, rows: Tensor) -> Tensor:
        clips = torch.arange(len(video), device=video.device).repeat_interleave(batch.candidates)
        text = (rows[:, None] * batch.candidates + candidates).flatten()
        return model.read(video, texts, clips, text).view(len(video), -1)

    return answered


def _attributed(explainer: type, model: VideoQA, batch: Batch, answer: Tensor, **how: object) -> Tensor:
    """The attributions (B, K, Dv) of one of captum's explainers. The parameters of the model get no gradient."""
    rows = torch.arange(batch.size, device=batch.video.device)
    video = batch.video.detach().clone().requires_grad_(torch.is_grad_enabled())
    # cuDNN's recurrent layers have no backward pass in evaluation mode
    with torch.backends.cudnn.flags(enabled=False):
        method = explainer(logits_of(model, batch))
        found: Tensor = method.attribute(video, target=answer, additional_forward_args=rows, **how)
    return found.detach()
