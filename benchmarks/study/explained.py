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
from base.formats.predictions import read_correct
from base.formats.run_folder import RunFolder
from base.formats.video_features import VideoFeatures
from benchmarks.rationale_numbers import difference
from eigv.config.names import Rule
from eigv.paper.significance import Interval, paired_bootstrap
from eigv.rationales.nextgqa import GROUNDED, LEAST, best
from eigv.rationales.spans import Span, kept_by_rule

RULE: Rule = "longest-run"
"""How a selection becomes the one span that the benchmark knows."""
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
    names = [name for name in scored if name.startswith(("Acc", "mIo", "Io"))]
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
    kept = kept_by_rule(selected, RULE)
    found = [
        best(_span(row, times[video]), gold[qid])
        for row, video, qid in zip(kept, table["video_id"], table["qid"], strict=True)
    ]
    iop, iou = np.array(found, dtype=np.float64).round(9).T
    numbers = {"Acc@GQA": right & (iop >= GROUNDED)}
    for name, values in (("IoP", iop), ("IoU", iou)):
        numbers |= {f"m{name}": values} | {f"{name}@{least}": values >= least for least in LEAST}
    scores = pd.DataFrame(numbers).astype(float)
    return pd.concat([table[["qid", "video_id", "explainer", "selection"]].reset_index(drop=True), scores], axis=1)


def _span(kept: NDArray[np.bool_], times: Times) -> list[Span]:
    """From the first to the last of the clips (K,) that are kept."""
    clips = np.flatnonzero(kept)
    return [(float(times.starts[clips[0]]), float(times.ends[clips[-1]]))] if len(clips) else []
