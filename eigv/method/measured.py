"""All that is measured of a run's rationales on a split (docs/rationales.md): with gold spans, and without.

Sizes: Q questions, K clips, T frames a clip.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from base.formats.predictions import Predictions
from eigv.method.batch import Batch
from eigv.method.faithfulness import faithfulness
from eigv.method.model import VideoQA
from eigv.rationales.against_gold import Explained, against_gold
from eigv.rationales.stability import over_noise, selections
from extract.annotations.gold import read_gold

Times = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""Seconds of each question's video: of its frames (Q, K, T), of the ends of its clips (Q, K), its length (Q,)."""


def measured(
    model: VideoQA, batches: Iterable[Batch], predictions: Predictions, times: Times, gold: Path | None
) -> dict[str, Any]:
    """What a split's `predictions` are worth as rationales; in percent, but for counts.

    `batches` are the questions on which it is measured whether answers rest on them, none if that is not wanted;
    `gold` is the file of gold spans, if there is one.
    """
    selected = selections(predictions)
    probability = np.array([rationale.probability for rationale in predictions.rationales or []])
    found: dict[str, Any] = {
        "empty": int((~selected.any(axis=1)).sum()),
        "over_noise": over_noise(probability)._asdict(),
        "faithfulness": faithfulness(model, batches),
    }
    if gold is not None:
        types, spans = np.array(predictions.type, dtype=object), read_gold(gold)
        of_questions = [[(start, end) for start, end in spans.get(qid, [])] for qid in predictions.qid]
        run = Explained(selected, probability, predictions.correct, types, *times)
        found["gold"] = against_gold(run, of_questions)
    return {name: values for name, values in found.items() if values or name == "empty"}
