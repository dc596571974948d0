"""Whether answers rest on the causal scene: what a model answers when it sees it alone, or all but it.

Sizes: B batch, K clips, T texts, M parts of the videos that are shown.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from eigv.method.batch import Batch
from eigv.method.model import VideoQA
from eigv.rationales.clips import first
from eigv.rationales.faithfulness import Curve, sizes
from eigv.rationales.stability import agreement

SEED = 0
"""Of the random selections that stand beside."""
AT_ONCE = 1024
"""Pairs of a video and a text that go through the model in one piece."""


class Explanation(NamedTuple):
    """What a rationale says of a batch."""

    selected: NDArray[np.bool_]
    """(B, K) the clips that the answers rest on."""
    scores: NDArray[np.floating]
    """(B, K) higher for a clip that matters more; the order of the curves."""
    elsewhere: NDArray[np.bool_]
    """(B, K) the clips that would be selected in the same videos for the next sample's question."""


def intrinsic(model: VideoQA, batch: Batch) -> Explanation:
    """The causal scenes of the model itself, and how likely each clip is to be causal."""
    prediction = model.predict(batch)
    scores = _numpy(prediction.scene.probability_causal)
    return Explanation(_numpy(prediction.scene.causal) > 0.5, scores, _numpy(prediction.elsewhere.causal) > 0.5)


def faithfulness(
    model: VideoQA, batches: Iterable[Batch], explain: Callable[[VideoQA, Batch], Explanation] = intrinsic
) -> dict[str, Any]:
    """What docs/rationales.md defines as faithfulness, on the questions of `batches`; in percent.

    Clips that are not shown are zeros, or dropped, as those of the environment are to an answer from the causal scene.
    `explain` gives the rationales, those of the model or of an explanation after the fact. The model is in `eval()`;
    the random selections beside are the same every time. Empty where there is no question.
    """
    random = np.random.default_rng(SEED)
    right: dict[str, list[NDArray[np.bool_]]] = defaultdict(list)
    selections: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]] = []
    clips = 0
    for batch in batches:
        selected, scores, elsewhere = explain(model, batch)
        clips = selected.shape[1]
        shown = _shown(selected, scores, random.random(selected.shape))
        if batch.size > 1:  # else there is no other question
            shown["another"] = elsewhere
            selections.append((selected, elsewhere))
        for name, found in zip(shown, answered_right(model, batch, np.stack([*shown.values()])), strict=True):
            right[name].append(found)
    if not right:
        return {}
    accuracy = {name: 100.0 * float(np.concatenate(values).mean()) for name, values in right.items()}
    return _summary(accuracy, clips, sum(map(len, right["all"]))) | _about_another(accuracy, selections)


@torch.no_grad()
def answered_right(model: VideoQA, batch: Batch, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(M, B) whether each answer is right where the clips `kept` (M, B, K) are all that is shown of the videos."""
    texts = batch.encoded_by(model.backbone)
    text = torch.arange(batch.tokens.shape[0], device=batch.tokens.device)  # (T,)
    found = []
    for part in np.split(kept, range(step := max(1, AT_ONCE // len(text)), len(kept), step)):
        of_part = torch.arange(len(part), device=text.device)[:, None]
        chosen = torch.from_numpy(part).to(batch.video)  # (M, B, K)
        video = of_part * batch.size + text // batch.candidates  # (M, T)
        shown = (chosen[..., None] * batch.video).flatten(0, 1)  # (M * B, K, Dv)
        logits = model.read_part(shown, chosen.flatten(0, 1), texts, video.flatten(), text.repeat(len(part)))
        logits = logits.view(len(part), batch.size, -1)
        found.append(_numpy(logits.argmax(dim=2) == batch.answer))
    return np.concatenate(found)


def _shown(
    selected: NDArray[np.bool_], scores: NDArray[np.floating], random: NDArray[np.float64]
) -> dict[str, NDArray[np.bool_]]:
    """Every part of the videos that is shown, by name: (B, K) each."""
    of_same_size = first(random, selected.sum(axis=1))
    none = np.zeros_like(selected)
    found = {"all": ~none, "none": none, "scene": selected, "without": ~selected}
    found |= {"random": of_same_size, "without random": ~of_same_size}
    clips = selected.shape[1]
    for kept in sizes(clips)[1:-1]:
        found[f"insertion {kept}"] = first(scores, kept)
        found[f"deletion {kept}"] = ~first(scores, clips - kept)
        found[f"by chance {kept}"] = first(random, kept)
    return found


def _summary(accuracy: dict[str, float], clips: int, questions: int) -> dict[str, Any]:
    whole = accuracy["all"]

    def curve(name: str) -> dict[str, Any]:
        kept = sizes(clips)
        return Curve(kept, [accuracy["none"], *(accuracy[f"{name} {n}"] for n in kept[1:-1]), whole]).as_json()

    return {
        "questions": questions,
        "accuracy": whole,
        "sufficiency": accuracy["scene"],
        "comprehensiveness": whole - accuracy["without"],
        "random": {"sufficiency": accuracy["random"], "comprehensiveness": whole - accuracy["without random"]},
        "insertion": curve("insertion"),
        "deletion": curve("deletion"),
        "by_chance": curve("by chance"),
    }


def _about_another(
    accuracy: dict[str, float], selections: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]
) -> dict[str, Any]:
    """What another question would have selected; nothing where there was none."""
    if not selections:
        return {}
    mine, others = (np.concatenate(parts) for parts in zip(*selections, strict=True))
    return {"another_question": {"sufficiency": accuracy["another"], **agreement(mine, others)._asdict()}}


def _numpy(values: Tensor) -> NDArray[Any]:
    return values.float().cpu().numpy() if values.is_floating_point() else values.cpu().numpy()
