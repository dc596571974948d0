"""NExT-GQA's protocol on what the indicator and post-hoc explainers of the same runs select.

Sizes: Q questions with a gold clip, K clips, V videos.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from base.formats.explanations import INDICATOR, OWN, read_selections
from base.formats.predictions import RATIONALE, read_correct
from base.formats.run_folder import RunFolder
from base.formats.video_features import VideoFeatures
from base.reading import read_csv
from benchmarks.numbers import difference
from eigv.config.names import Rule
from eigv.paper.significance import Interval, paired_bootstrap
from eigv.rationales.clips import of_same_size
from eigv.rationales.nextgqa import GROUNDED, LEAST, best
from eigv.rationales.spans import Span, kept_by_rule

RULE: Rule = "longest-run"
"""How a selection becomes the one span that the benchmark knows."""
TOLD = ("Acc@GQA", "mIoP", "mIoU")
"""The numbers that are held against random clips."""
DRAWS = 5
ASKED, SELECTED = ["qid", "video_id"], RATIONALE[0]
COMPARED = ("Acc@GQA", "mIoU")
"""The numbers whose difference to the indicator's own selection stands beside them."""


class Times(NamedTuple):
    """When the clips of a video begin and end, in seconds."""

    starts: NDArray[np.float64]
    """(K,)"""
    ends: NDArray[np.float64]

    @classmethod
    def of_all(cls, video: Path) -> dict[str, "Times"]:
        """Those of each video of a feature file, by its id."""
        store = VideoFeatures.read(video, kinds=())
        return {name: cls(store.frame_time[n, :, 0], store.clip_end[n]) for n, name in enumerate(store.ids)}


def rows(runs: Sequence[RunFolder], times: dict[str, Times], gold: dict[str, list[Span]]) -> Iterator[dict[str, str]]:
    """A row of each explainer and way to select, over the runs, with intervals."""
    scored = pd.concat([_scored(run, times, gold).assign(seed=seed) for seed, run in enumerate(runs)])
    own = scored[(scored["explainer"] == INDICATOR) & (scored["selection"] == OWN)].set_index(["seed", "qid"])
    names = [name for name in scored.columns if name.startswith(("Acc", "mIo", "Io"))]
    for (explainer, selection), part in scored.groupby(["explainer", "selection"], sort=False):
        row = {"explainer": str(explainer), "clips": str(selection)}
        part = part.set_index(["seed", "qid"])
        means = _resampled(part, names)
        apart = _resampled(part.assign(**(part[names] - own.loc[part.index, names])), names)
        for name in names:
            row[name] = f"{100 * part[name].mean():.1f} [{means[name].low:.1f}, {means[name].high:.1f}]"
            if name in COMPARED and (explainer, selection) != (INDICATOR, OWN):
                interval = apart[name]
                value = 100 * float((part[name] - own.loc[part.index, name]).mean())
                videos = part["video_id"].nunique()
                row[f"{name}, difference"] = difference(value, interval, interval.excludes_zero(videos))
        yield row


def beyond_chance(runs: Sequence[RunFolder], times: dict[str, Times], gold: dict[str, list[Span]]) -> dict[str, str]:
    """What the runs' own rationales reach, and how far that is from as many random clips, the mean of `DRAWS` draws."""
    scored = [_own(run, times, gold) for run in runs]
    own, random = (pd.concat([of[n].assign(seed=seed) for seed, of in enumerate(scored)]) for n in (0, 1))
    apart = own.assign(**(own[list(TOLD)] - random[list(TOLD)]))
    means, intervals = _resampled(own, TOLD), _resampled(apart, TOLD)
    row = {}
    for name in TOLD:
        interval = intervals[name]
        row[name] = f"{100 * own[name].mean():.1f} [{means[name].low:.1f}, {means[name].high:.1f}]"
        beyond = interval.excludes_zero(own["video_id"].nunique())
        row[f"{name} beyond random"] = difference(100 * float(apart[name].mean()), interval, beyond)
    return row


def _own(run: RunFolder, times: dict[str, Times], gold: dict[str, list[Span]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The benchmark's numbers of each question that has gold: of the run's own rationale, and of random clips."""
    answered = read_csv(run.predictions, [*ASKED, "correct", SELECTED])
    answered = answered[answered["qid"].isin(gold.keys())]
    asked = answered[ASKED]
    selected = np.zeros((len(asked), len(times[asked["video_id"].iloc[0]].starts)), dtype=bool)
    for row, clips in zip(selected, answered[SELECTED], strict=True):
        row[[int(clip) for clip in clips.split()]] = True
    right, source = (answered["correct"] == "1").to_numpy(), np.random.default_rng(0)
    random = [_numbers(asked, of_same_size(selected, source), right, times, gold) for _ in range(DRAWS)]
    mean = pd.concat(random).groupby(level=0, sort=False).mean()
    asked = asked.reset_index(drop=True)
    own = _numbers(asked, selected, right, times, gold)
    return pd.concat([asked, own], axis=1), pd.concat([asked, mean], axis=1)


def _resampled(part: pd.DataFrame, names: Sequence[str]) -> dict[str, Interval]:
    """The interval of each mean, in percent, resampling videos with the questions of all seeds."""
    number, videos = pd.factorize(part["video_id"])
    sums = np.stack([np.bincount(number, part[name], len(videos)) for name in names], axis=1)
    counts = np.repeat(np.bincount(number, minlength=len(videos))[:, None], len(names), axis=1)
    found = paired_bootstrap(sums, counts, resamples=2000)
    return {name: Interval(100 * of.low, 100 * of.high) for name, of in zip(names, found, strict=True)}


def _scored(run: RunFolder, times: dict[str, Times], gold: dict[str, list[Span]]) -> pd.DataFrame:
    """A row of each question, explainer and way to select, with the benchmark's numbers, from 0 to 1."""
    table, selected = read_selections(run.explanations)
    right = read_correct(run.predictions).set_index("qid")["correct"].loc[table["qid"]].to_numpy()
    numbers = _numbers(table, selected, right, times, gold)
    return pd.concat([table[["qid", "video_id", "explainer", "selection"]].reset_index(drop=True), numbers], axis=1)


def _numbers(
    asked: pd.DataFrame,
    selected: NDArray[np.bool_],
    right: NDArray[np.bool_],
    times: dict[str, Times],
    gold: dict[str, list[Span]],
) -> pd.DataFrame:
    """The benchmark's numbers (Q, 7) of selections (Q, K), from 0 to 1; `right` (Q,) is whether the answers are."""
    kept = kept_by_rule(selected, RULE)
    found = [
        best(_span(row, times[video]), gold[qid])
        for row, video, qid in zip(kept, asked["video_id"], asked["qid"], strict=True)
    ]
    iop, iou = np.array(found, dtype=np.float64).round(9).T
    numbers = {"Acc@GQA": right & (iop >= GROUNDED)}
    for name, values in (("IoP", iop), ("IoU", iou)):
        numbers |= {f"m{name}": values} | {f"{name}@{least}": values >= least for least in LEAST}
    return pd.DataFrame(numbers).astype(float)


def _span(kept: NDArray[np.bool_], times: Times) -> list[Span]:
    """From the first to the last of the clips (K,) that are kept."""
    clips = np.flatnonzero(kept)
    return [(float(times.starts[clips[0]]), float(times.ends[clips[-1]]))] if len(clips) else []
