"""Whether answers rest on the causal scene: what a model answers when it sees it alone, or all but it.

Sizes: B batch, K clips, T texts.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

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


@torch.no_grad()
def faithfulness(model: VideoQA, batches: Iterable[Batch]) -> dict[str, Any]:
    """What docs/rationales.md defines as faithfulness, on the questions of `batches`; in percent.

    Clips that are not shown are zeros, as those of the environment are to an answer from the causal scene. The model
    is in `eval()`; the random selections beside are the same every time.
    """
    random = np.random.default_rng(SEED)
    right: dict[str, list[NDArray[np.bool_]]] = defaultdict(list)
    selections: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]] = []
    clips = 0
    for batch in batches:
        prediction = model.predict(batch)
        selected = _numpy(prediction.scene.causal) > 0.5  # (B, K)
        elsewhere = _numpy(prediction.elsewhere.causal) > 0.5
        scores, clips = _numpy(prediction.scene.probability_causal), selected.shape[1]
        parts = _Parts(model, batch)
        for name, kept in _shown(selected, scores, random.random(selected.shape)):
            right[name].append(parts.right(kept))
        if batch.size > 1:  # else there is no other question
            right["another"].append(parts.right(elsewhere))
            selections.append((selected, elsewhere))
    accuracy = {name: 100.0 * float(np.concatenate(values).mean()) for name, values in right.items()}
    return _summary(accuracy, clips, sum(map(len, right["all"]))) | _about_another(accuracy, selections)


class _Parts:
    """The questions of a batch, encoded once, to be answered from parts of their videos."""

    def __init__(self, model: VideoQA, batch: Batch) -> None:
        self.model, self.batch = model, batch
        self.texts = model.backbone.encode_tokens(batch.tokens, batch.lengths)
        self.text = torch.arange(batch.tokens.shape[0], device=batch.tokens.device)  # (T,)

    def right(self, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(B,) whether each answer is right where the clips `kept` (B, K) are all that is shown."""
        batch, model = self.batch, self.model
        shown = torch.from_numpy(kept).to(batch.video)[..., None] * batch.video
        clips = model.backbone.encode_clips(shown)
        answers = model.backbone.fuse(clips, self.texts, self.text // batch.candidates, self.text)
        logits = model.heads.scores(answers).view(batch.size, -1)
        return _numpy(logits.argmax(dim=1) == batch.answer)


def _shown(
    selected: NDArray[np.bool_], scores: NDArray[np.floating], random: NDArray[np.float64]
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Every part of the videos that is shown, by name: (B, K) each."""
    of_same_size = first(random, selected.sum(axis=1))
    yield from (("scene", selected), ("without", ~selected))
    yield from (("random", of_same_size), ("without random", ~of_same_size))
    clips = selected.shape[1]
    none = np.zeros_like(selected)
    yield from (("all", ~none), ("none", none))
    for kept in sizes(clips)[1:-1]:
        yield f"insertion {kept}", first(scores, kept)
        yield f"deletion {kept}", ~first(scores, clips - kept)
        yield f"by chance {kept}", first(random, kept)


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
