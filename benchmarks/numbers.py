"""Numbers of runs as they stand in the tables of rationales: spreads, differences, answers from the causal scene."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from base.formats.explanations import INDICATOR, OWN, read_explanations
from base.formats.predictions import read_correct
from base.formats.run_folder import RunFolder
from eigv.config.metrics import METRICS, Row
from eigv.paper.significance import Interval, paired_bootstrap


def from_the_scene(files: Sequence[RunFolder], plain: Sequence[RunFolder], type_: str) -> dict[str, str]:
    """Answers to questions of a type by a method, from the causal scene, and by plain training, from all clips.

    `files` and `plain` are the folders of the seeds of each.
    """
    ours, theirs = [], []
    video: pd.Series | None = None
    for own, other in zip(files, plain, strict=True):
        explained = read_explanations(own.explanations)
        explained = explained[(explained["explainer"] == INDICATOR) & (explained["selection"] == OWN)]
        explained = explained[explained["type"] == type_].set_index("qid")
        ours.append(explained["right"].sort_index())
        theirs.append(read_correct(other.predictions).set_index("qid")["correct"].loc[ours[-1].index].astype(float))
        video = explained["video_id"].sort_index()
    if video is None or not len(video):
        return {"questions": "0"}
    right = np.array([np.stack(side) for side in (ours, theirs)])  # (2, seeds, Q)
    number, names = pd.factorize(video)
    gained = np.bincount(number, (right[0] - right[1]).sum(axis=0), len(names))[:, None]
    counts = np.bincount(number, minlength=len(names))[:, None] * len(files)
    (interval,) = paired_bootstrap(gained, counts)
    of_seeds = 100 * right.mean(axis=2)
    interval = Interval(100 * interval.low, 100 * interval.high)
    return {
        "questions": str(len(video)),
        "scene": spread(list(of_seeds[0])),
        "plain": spread(list(of_seeds[1])),
        "difference": difference(
            float(of_seeds[0].mean() - of_seeds[1].mean()), interval, interval.excludes_zero(len(names))
        ),
    }


def numbers(found: Iterable[dict[str, Any]], of: Callable[[dict[str, Any]], float | None]) -> list[float]:
    """What `of` reads in each metrics.json that has it."""
    return [number for number in map(of, found) if number is not None]


def metric(name: str, row: Row = "selected") -> Callable[[dict[str, Any]], float | None]:
    """What reads a metric of `eigv.config.metrics` from a metrics.json."""
    return lambda metrics: METRICS[name].of(metrics, row)


def of_types(metrics: dict[str, Any], name: str, types: Sequence[str]) -> float | None:
    """The mean over the questions of some types."""
    clips = metrics.get("rationale", {}).get("gold", {}).get("clips", {})
    return _over_types(clips.get("by_type", {}), name, types)


def accuracy_of(metrics: dict[str, Any], types: Sequence[str]) -> float | None:
    """The accuracy on the questions of some types; None where there are none."""
    return _over_types(metrics["by_type"], "accuracy", types)


def _over_types(by_type: dict[str, dict[str, float]], name: str, types: Sequence[str]) -> float | None:
    """The mean of a number over all questions of those types that are there."""
    there = [by_type[each] for each in types if each in by_type]
    if not there:
        return None
    return float(np.average([each[name] for each in there], weights=[each["questions"] for each in there]))


def spread(numbers: Sequence[float]) -> str:
    """Mean ± standard deviation (of the sample) of the seeds; empty without any."""
    if not len(numbers):
        return ""
    return f"{np.mean(numbers):.1f}" + (f" ± {np.std(numbers, ddof=1):.1f}" if len(numbers) > 1 else "")


def difference(value: float, interval: Interval, significant: bool) -> str:
    """A difference with its interval, and a star where that excludes 0."""
    mark = r"\*" if significant else ""
    return f"{value:+.1f} [{interval.low:+.1f}, {interval.high:+.1f}]{mark}"


def markdown(lines: Sequence[dict[str, str]]) -> str:
    """A table; columns that hold nothing are left out."""
    table = pd.DataFrame(lines).fillna("")
    return table.loc[:, (table != "").any()].to_markdown(index=False, disable_numparse=True)
