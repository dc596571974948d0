"""Accuracy in percent, overall and by type: the first lines of every `metrics.json`."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike


def accuracies(types: ArrayLike, correct: ArrayLike) -> dict[str, Any]:
    """Accuracy in percent, overall and by type, with the number of questions.

    Of each question `types` has the type, and `correct` whether it was answered right.
    """
    answers = pd.Series(np.asarray(correct, dtype=np.int64))
    return {
        "accuracy": 100.0 * float(answers.mean()),
        "questions": len(answers),
        "by_type": {
            str(name): {"accuracy": 100.0 * float(group.mean()), "questions": len(group)}
            for name, group in answers.groupby(np.asarray(types, dtype=object))
        },
    }
