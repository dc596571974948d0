"""What a model answers from parts of a video, by hand: a made-up model that looks at one clip of each video."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from eigv.backbones.contract import Tokens
from eigv.method.batch import Batch
from eigv.method.faithfulness import faithfulness
from eigv.method.grounding import Scene
from eigv.method.step import Prediction

CLIPS = 4


class LooksAtOneClip:
    """Answers 1, which is right, if the clip that the question names is shown, else 0. It selects what `scenes` say."""

    def __init__(self, scenes: list[str], elsewhere: list[str], probability: list[list[float]]) -> None:
        self.scenes, self.elsewhere, self.probability = scenes, elsewhere, probability
        self.backbone: Any = self

    def predict(self, batch: Batch) -> Prediction:
        rows = [int(qid) for qid in batch.qids]
        first, second = (self.scene([scenes[row] for row in rows], rows) for scenes in (self.scenes, self.elsewhere))
        return Prediction(torch.zeros(batch.size, 2), first, second)

    def scene(self, rows: list[str], numbers: list[int]) -> Scene:
        causal = torch.tensor([[float(letter) for letter in row] for row in rows])
        margin = torch.tensor([self.probability[n] for n in numbers]).logit()
        return Scene(causal, 1 - causal, margin, torch.zeros_like(margin))

    def encode_tokens(self, tokens: torch.Tensor, lengths: torch.Tensor) -> Tokens:
        return Tokens(tokens[:, 0])

    def read_part(self, video: Tensor, chosen: Tensor, texts: Tokens, clip_index: Tensor, token_index: Tensor) -> Any:
        seen = video[clip_index, texts.pooled[token_index, 0].long(), 0]
        return torch.stack([0.5 - seen, seen - 0.5], dim=1)


def batches(named: list[int], size: int) -> list[Batch]:
    """Open-ended questions, each about the clip that it names."""
    return [
        Batch(
            video=torch.ones(len(part), CLIPS, 1),
            tokens=torch.tensor(part).float()[:, None, None],
            lengths=torch.ones(len(part), dtype=torch.int64),
            answer=torch.ones(len(part), dtype=torch.int64),
            excluded=torch.full((len(part), 1), -1),
            candidates=1,
            qids=[str(start + n) for n in range(len(part))],
        )
        for start in range(0, len(named), size)
        for part in [named[start : start + size]]
    ]


def model(scenes: list[str], elsewhere: list[str], probability: list[list[float]]) -> Any:
    return LooksAtOneClip(scenes, elsewhere, probability)


def test_a_rationale_that_is_the_reason():
    likely = [[0.9, 0.4, 0.3, 0.2], [0.1, 0.2, 0.8, 0.7], [0.3, 0.6, 0.2, 0.1]]
    true = model(["1000", "0011", "0100"], ["0011", "0100", "1000"], likely)
    found = faithfulness(true, batches([0, 3, 2], 3))  # the third looks at a clip that it does not select
    assert found["questions"] == 3 and found["accuracy"] == 100
    assert found["sufficiency"] == pytest.approx(200 / 3)
    assert found["comprehensiveness"] == pytest.approx(200 / 3)
    # Kept first: 0; 2 then 3; 1, 0, 2. With none shown nothing is right, the second is with two, the third with three.
    insertion = found["insertion"]
    assert insertion["kept"] == [0, 1, 2, 3, 4]
    assert insertion["accuracy"] == pytest.approx([0, 100 / 3, 200 / 3, 100, 100])
    # Removed first are the same clips: the first question's clip goes with the first of them, the third's as the third.
    assert found["deletion"]["accuracy"] == pytest.approx([0, 0, 100 / 3, 200 / 3, 100])
    assert insertion["area"] == pytest.approx((0 / 2 + 100 / 3 + 200 / 3 + 100 + 100 / 2) / 4)
    another = found["another_question"]  # right where the other question's scene holds the clip: of none
    assert another["sufficiency"] == 0 and another["iou"] == 0
    assert 0 < another["by_chance"] < 50


def test_random_clips_of_the_same_size_stand_beside():
    likely = [[0.4, 0.3, 0.2, 0.1]] * 400
    found = faithfulness(model(["1000"] * 400, ["0001"] * 400, likely), batches([0] * 400, 64))
    assert (found["sufficiency"], found["comprehensiveness"]) == (100, 100)
    assert found["random"]["sufficiency"] == found["random"]["comprehensiveness"] == pytest.approx(25, abs=6)
    assert found["by_chance"]["accuracy"] == pytest.approx([0, 25, 50, 75, 100], abs=6)
    assert np.diff(found["by_chance"]["accuracy"]).min() > 0  # ever more of the same order is kept


def test_batches_do_not_matter():
    likely = [[0.9, 0.4, 0.3, 0.2], [0.1, 0.2, 0.8, 0.7], [0.3, 0.6, 0.2, 0.1]]
    made = model(["1000", "0011", "0100"], ["0011", "0100", "1000"], likely)
    found = [faithfulness(made, batches([0, 3, 2], size)) for size in (1, 3)]
    assert "another_question" not in found[0]  # a question by itself has no other one
    assert found[0] | {"another_question": found[1]["another_question"]} == found[1]
