"""What the indicator selects beside post-hoc explainers of the same models, as a table over seeds.

Sizes: Q questions, V videos, C columns (numbers that are resampled together).
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from base.errors import UserError
from base.formats.explanations import INDICATOR, OWN, SAME_SIZE, TUNED, read_explanations
from base.formats.run_folder import RunFolder
from base.writing import write_csv, write_text
from eigv.config.experiment import Config, canonical
from eigv.config.run_path import Run
from eigv.paper.significance import FEW_VIDEOS, LEVEL, RESAMPLES, Interval, paired_bootstrap
from eigv.paper.tables.latex import latex
from eigv.paper.tables.layout import MARK, Entry, Layout, Line
from eigv.paper.tables.markdown import markdown
from eigv.paper.templating import render
from eigv.paper.titles import title

METRICS = {"iop": "IoP", "recall": "Recall", "iou": "IoU", "auc": "AUC", "share": "Clips", "right": "Accuracy"}
"""The columns of `explanations.csv` that are shown, and how they are called."""
COMPARED = ("iop", "iou", "right")
"""Those beside which the difference to the indicator's own selection stands."""
GROUPS: dict[str, Callable[[str, str], bool]] = {
    "Its own selection": lambda explainer, selection: (explainer, selection) == (INDICATOR, OWN),
    "As many clips as the indicator selects": lambda explainer, selection: selection == SAME_SIZE,
    "Every clip above a threshold, tuned on gold spans of val": lambda explainer, selection: selection == TUNED,
    "Bounds": lambda explainer, selection: selection == OWN and explainer != INDICATOR,
}
"""The parts of the table, and which rows stand in them."""


def write_explanations(config: Config, name: str, out: Path) -> None:
    """Writes `{name}.csv`, a row for each explainer, way to select and metric, and `.md`, `.tex`, `.html`, laid out.

    `UserError` for a table that the configuration lacks, and where runs are not explained or not of the same questions.
    """
    if name not in config.explanations:
        raise UserError(f"the configuration has no explanations {name!r}; it has {', '.join(config.explanations)}")
    shown = config.explanations[name]
    runs = [canonical(config, Run.of(text)) for text in shown.runs]
    folders = [config.runs_folder / str(run) for run in runs]
    files = [RunFolder(folder).of_split(shown.split).explanations for folder in folders]
    found = compared(_read(files))
    about = {"seeds": " ".join(str(run.seed) for run in runs), "runs": " ".join(map(str, folders))}
    write_csv(out / f"{name}.csv", found.round(4).assign(split=shown.split, **about))
    layout = lay_out(found, f"{name}. {_of(runs[0], shown.split)}", len(runs))
    write_text(out / f"{name}.md", markdown(layout))
    write_text(out / f"{name}.tex", latex(layout, f"tab:{name}"))
    write_text(out / f"{name}.html", render("table.html.jinja", layout=layout))


def compared(seeds: Sequence[pd.DataFrame], resamples: int = RESAMPLES) -> pd.DataFrame:
    """The means of each row and metric over questions and seeds, in percent, from the `explanations.csv` of each seed.

    Columns: explainer, selection, metric, mean, deviation (over seeds), low and high (the interval over videos), the
    same of the difference to the indicator's own selection on the same questions (`difference`, `_low`, `_high`), and
    `significant`, questions, videos. NaN where there is no such number: AUC of what has no scores.
    """
    rows = list(dict.fromkeys(zip(seeds[0]["explainer"], seeds[0]["selection"], strict=True)))
    asked = _part(seeds[0], INDICATOR, OWN)
    video, videos = pd.factorize(asked["video_id"], sort=True)
    # (seeds, Q, rows, metrics)
    values = np.stack(
        [np.stack([_values(seed, row, asked.index) for row in rows], axis=1) for seed in seeds],
    )
    differences = values - values[:, :, [rows.index((INDICATOR, OWN))]]
    columns = np.concatenate([values, differences], axis=2).reshape(*values.shape[:2], -1)  # (seeds, Q, C)
    there = ~np.isnan(columns)
    sums = _by_video(np.where(there, columns, 0).sum(axis=0), video, len(videos))
    counts = _by_video(there.sum(axis=0).astype(np.float64), video, len(videos)).astype(np.int64)
    intervals = np.array(paired_bootstrap(sums, counts, resamples)).reshape(2, len(rows), len(METRICS), 2)
    with np.errstate(invalid="ignore"):
        means = (sums.sum(axis=0) / counts.sum(axis=0)).reshape(2, len(rows), len(METRICS))
    of_video = (counts > 0).sum(axis=0).reshape(2, len(rows), len(METRICS))
    found = []
    for r, (explainer, selection) in enumerate(rows):
        for m, metric in enumerate(METRICS):
            own = (explainer, selection) == (INDICATOR, OWN)
            difference = [math.nan] * 3 if own else [means[1, r, m], *intervals[1, r, m]]
            found.append(
                {
                    "explainer": explainer,
                    "selection": selection,
                    "metric": metric,
                    "mean": 100 * means[0, r, m],
                    "deviation": 100 * _deviation(values[:, :, r, m]),
                    "low": 100 * intervals[0, r, m, 0],
                    "high": 100 * intervals[0, r, m, 1],
                    "difference": 100 * difference[0],
                    "difference_low": 100 * difference[1],
                    "difference_high": 100 * difference[2],
                    "significant": Interval(*difference[1:]).excludes_zero(int(of_video[1, r, m])),
                    "questions": len(asked),
                    "videos": len(videos),
                }
            )
    return pd.DataFrame(found)


def lay_out(found: pd.DataFrame, caption: str, seeds: int) -> Layout:
    """The table of `compared` as people read it."""
    heads = [head for metric in METRICS for head in _heads(metric)]
    lines = []
    names = dict.fromkeys(zip(found["explainer"], found["selection"], strict=True))
    for group, holds in GROUPS.items():
        inside = [
            (explainer, found[(found["explainer"] == explainer) & (found["selection"] == selection)])
            for explainer, selection in names
            if holds(explainer, selection)
        ]
        lines += [Line(group, "heading")] if inside else []
        lines += [Line(_capital(explainer), "method", tuple(_entries(part))) for explainer, part in inside]
    remarks = [
        f"Percent, by clips against gold spans: means over {int(found['questions'].iloc[0])} questions on "
        f"{int(found['videos'].iloc[0])} videos and {seeds} {'seed' if seeds == 1 else 'seeds'}; in brackets the "
        f"{100 * LEVEL:.0f} % interval of resampling videos ({RESAMPLES:,} times).",
        f"Difference: to the indicator's own selection on the same questions; {MARK} where its "
        f"interval excludes 0, on {FEW_VIDEOS} videos at least.",
        "Clips: the share that is selected. Accuracy: of the model that sees the selected clips alone.",
    ]
    return Layout(caption, heads, lines, [], remarks)


def _of(run: Run, split: str) -> str:
    of = [title(axis, getattr(run, axis)) for axis in ("dataset", "backbone", "method")]
    return f"What the indicator selects and what post-hoc explainers would: {', '.join(of)}, {split}"


def _read(files: Sequence[Path]) -> list[pd.DataFrame]:
    tables: list[pd.DataFrame] = []
    for file in files:
        if not file.is_file():
            raise UserError(f"{file} does not exist; `eigv compare-explanations` makes it of the run's model.json")
        table = read_explanations(file)
        if tables:
            differing = [
                column for column in ("qid", "explainer", "selection") if set(table[column]) != set(tables[0][column])
            ]
            if differing:
                raise UserError(
                    f"{file} and {files[0]} differ in their {differing[0]}: seeds are compared on the same questions "
                    "and explainers; make them again"
                )
        tables.append(table)
    return tables


def _part(table: pd.DataFrame, explainer: str, selection: str) -> pd.DataFrame:
    return table[(table["explainer"] == explainer) & (table["selection"] == selection)].set_index("qid")


def _values(table: pd.DataFrame, row: tuple[str, str], order: pd.Index) -> NDArray[np.float64]:
    """(Q, metrics) of a row, in the order of the questions."""
    return _part(table, *row).loc[order, list(METRICS)].to_numpy(dtype=np.float64)


def _by_video(values: NDArray[np.float64], video: NDArray[np.intp], videos: int) -> NDArray[np.float64]:
    """(V, C) the sums of `values` (Q, C) over the questions of each video."""
    sums = np.zeros((videos, values.shape[1]))
    np.add.at(sums, video, values)
    return sums


def _deviation(values: NDArray[np.float64]) -> float:
    """Over seeds (of the sample), of `values` (seeds, Q); NaN for fewer than two."""
    if len(values) < 2 or np.isnan(values).all(axis=1).any():
        return math.nan
    return float(np.nanmean(values, axis=1).std(ddof=1))


def _heads(metric: str) -> list[tuple[str, str]]:
    own = (METRICS[metric], "")
    return [own, (METRICS[metric], "difference")] if metric in COMPARED else [own]


def _entries(part: pd.DataFrame) -> list[Entry]:
    entries = []
    for row in part.to_dict("records"):
        entries.append(Entry(_text(row["mean"], row["low"], row["high"])))
        if row["metric"] in COMPARED:
            mark = MARK if row["significant"] else ""
            numbers = (row["difference"], row["difference_low"], row["difference_high"])
            entries.append(Entry(_text(*numbers, sign="+") + mark))
    return entries


def _text(mean: float, low: float, high: float, sign: str = "") -> str:
    if math.isnan(mean):
        return "-"
    return f"{mean:{sign}.1f}" + ("" if math.isnan(low) else f" [{low:{sign}.1f}, {high:{sign}.1f}]")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
