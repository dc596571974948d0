"""The results of docs/rationales.md, from the runs of config/rationales.yaml: the last step of make rationales.

`python -m benchmarks.rationales [--folder FOLDER] [--page PAGE] [--over OVERLAY ...]`
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from base.formats.run_folder import RunFolder
from benchmarks.numbers import (
    accuracy_of,
    difference,
    from_the_scene,
    markdown,
    metric,
    numbers,
    of_types,
    spread,
)
from benchmarks.rationales.changes import changed
from benchmarks.report import machine, write_results
from eigv.config.experiment import Config
from eigv.config.methods import METHODS
from eigv.config.metrics import METRICS, Row
from eigv.config.run_path import Run
from eigv.paper.comparison.answers import Reader, pair
from eigv.paper.comparison.compare import rows as compared
from eigv.paper.results import Cell, gather, test_splits
from eigv.paper.significance import FEW_VIDEOS, Interval
from eigv.paper.tables.explanations import METRICS as EXPLAINED
from eigv.paper.titles import title

CONFIG = Path(__file__).resolve().parents[2] / "config" / "rationales.yaml"
PAGE = CONFIG.parents[1] / "docs" / "rationales.md"
BEGINNING, END = "<!-- results: made by `make rationales` -->", "<!-- end of results -->"
PAPER = "-paper"
"""Ends the name of a data set that is the same with EIGV in the paper's numbers."""
SCENE = "accuracy_from_causal-scene"
BIASED = "action"
"""The type of question whose answer the environment tells."""
PARTS = {"one scene": ("action", "colour", "shape"), "two scenes": ("after", "before")}
"""The types of questions by how many scenes hold the answer."""
PLAIN = "erm"


@dataclass(frozen=True)
class Rowed:
    """A method on one data set and backbone, as evaluated on each split."""

    name: str
    method: str
    cells: dict[str, Cell]
    """By split."""

    def numbers(self, split: str, of: Callable[[dict[str, Any]], float | None]) -> list[float]:
        """A number of each seed that has it."""
        return numbers((result.metrics for result in self.cells[split].results), of) if split in self.cells else []


def main() -> None:
    """The command."""
    write_results(__doc__, CONFIG, PAGE, (BEGINNING, END), results)


def results(config: Config, images: Path) -> str:
    """The section as Markdown; its pictures go to the folder `images` beside it. What has not been run is left out, and
    named at its end."""
    parts, absent = [_head(config)], []
    for dataset, backbone in dict.fromkeys((run.dataset, run.backbone) for run in _runs(config)):
        if dataset.endswith(PAPER):
            continue
        rows = _rows(config, dataset, backbone)
        missing = [row.name for row in rows if not _seeds(row)]
        absent += [f"{dataset}, {title('backbone', backbone)} ({', '.join(missing)})"] if missing else []
        rows = [row for row in rows if _seeds(row)]
        if rows:
            parts += [f"### {dataset}, {title('backbone', backbone)}", *_of_one(config, dataset, rows)]
    parts += _biased(config)
    parts += changed(config, BIASED)
    parts += _post_hoc(config)
    parts += _pictures(config, images)
    parts += [f"Not run: {'; '.join(absent)}."] if absent else []
    return "\n\n".join(parts)


def _runs(config: Config) -> list[Run]:
    return [run for name, table in config.tables.items() if not table.at for run in config.runs(name)]


def _rows(config: Config, dataset: str, backbone: str) -> list[Rowed]:
    """The methods of a data set and a backbone, those in the paper's numbers after the same in the official ones."""
    found: dict[tuple[str, str], list[Run]] = {}
    for run in _runs(config):
        if run.dataset.removesuffix(PAPER) == dataset and run.backbone == backbone:
            found.setdefault((run.method, run.dataset), []).append(run)
    rows = []
    for (method, of), runs in found.items():
        name = title("method", method) + (", the paper's numbers" if of.endswith(PAPER) else "")
        runs = list(dict.fromkeys(runs))
        rows.append(
            Rowed(name, method, {split: gather(config, runs, split) for split in test_splits(config.datasets[of])})
        )
    return sorted(rows, key=lambda row: list(METHODS).index(row.method))


def _seeds(row: Rowed) -> int:
    return len(row.cells["test"].results)


def _head(config: Config) -> str:
    times = [pd.read_csv(file, sep="\t")["cpu_time"] for file in (config.outcomes / "benchmarks").rglob("*.tsv")]
    hours = float(pd.concat(times).sum()) / 3600 if times else 0.0
    return (
        f"Made by `make rationales` on {machine()} (`config/rationales.yaml`); extraction, trainings and explanations "
        f"took {hours:.1f} hours of a core. Percent; mean ± standard deviation over seeds. Difference: in accuracy to "
        "the plain backbone, with its 95 % interval over resampled videos; a star where that excludes 0, on at least "
        f"{FEW_VIDEOS} videos. Scene: accuracy from the causal scene alone. IoP, recall and IoU are by clips, the "
        "share of selected clips beside them."
    )


def _of_one(config: Config, dataset: str, rows: Sequence[Rowed]) -> Iterator[str]:
    """The tables of one data set and backbone: everything, and by types of questions."""
    splits = test_splits(config.datasets[dataset])
    for split in splits:
        yield f"{split}:"
        yield markdown([_overall(config, row, rows, split) for row in rows] + _bounds(rows, split))
    by_type = [_by_type(row, splits) for row in rows]
    yield "By how many scenes hold the answer (test), and on what the environment tells, the action:"
    yield markdown(by_type)


def _overall(config: Config, row: Rowed, rows: Sequence[Rowed], split: str) -> dict[str, str]:
    plain = next((other for other in rows if other.method == PLAIN), None)
    line = {
        "": row.name,
        "seeds": str(len(row.cells[split].results)) if split in row.cells else "0",
        "accuracy": spread(row.numbers(split, lambda metrics: metrics["accuracy"])),
        "difference": "" if plain in (None, row) else _gain(config, row, plain, split),
        "scene": spread(row.numbers(split, lambda metrics: metrics.get(SCENE) if "rationale" in metrics else None)),
    }
    for name in ("iop", "recall", "iou", "share"):
        line[METRICS[name].title] = spread(row.numbers(split, metric(name)))
    for name in ("iop", "iou"):
        line[f"{METRICS[name].title} of random clips"] = spread(row.numbers(split, metric(name, "random")))
    return line


def _bounds(rows: Sequence[Rowed], split: str) -> list[dict[str, str]]:
    """The rows of all and of the gold clips, which are the same for every method."""
    having = [row for row in rows if row.numbers(split, metric("iop", "all"))]
    if not having:
        return []
    bounds: tuple[tuple[str, Row], ...] = (("all clips", "all"), ("gold clips", "gold"))
    return [
        {"": name}
        | {
            METRICS[m].title: f"{having[0].numbers(split, metric(m, of))[0]:.1f}"
            for m in ("iop", "recall", "iou", "share")
        }
        for name, of in bounds
    ]


def _by_type(row: Rowed, splits: Sequence[str]) -> dict[str, str]:
    line = {"": row.name}
    for part, types in PARTS.items():
        for name in ("iop", "iou"):
            line[f"{part}: {METRICS[name].title}"] = spread(
                row.numbers("test", partial(of_types, name=name, types=types))
            )
        line[f"{part}: accuracy"] = spread(row.numbers("test", partial(accuracy_of, types=types)))
    for split in splits:
        right = row.numbers(split, partial(accuracy_of, types=(BIASED,)))
        line[f"{BIASED}: accuracy on {split}"] = spread(right)
    for name in ("iop", "iou"):
        line[f"{BIASED}: {METRICS[name].title}"] = spread(
            row.numbers(splits[-1], partial(of_types, name=name, types=(BIASED,)))
        )
    return line


def _gain(config: Config, row: Rowed, plain: Rowed, split: str) -> str:
    """The difference in accuracy to the plain backbone on the same seeds, as `eigv compare-runs` has it."""
    reader = Reader()
    ours, theirs = (
        {r.run.seed: r for r in side.cells[split].results} if split in side.cells else {} for side in (row, plain)
    )
    seeds = sorted(ours.keys() & theirs.keys())
    if not seeds:
        return ""
    sides = [
        [
            reader.read(
                RunFolder(config.runs_folder / str(of[seed].run)).of_split(split).predictions,
                of[seed].metrics["accuracy"],
            )
            for seed in seeds
        ]
        for of in (ours, theirs)
    ]
    first = compared(pair(*sides), [str(seed) for seed in seeds])[0]
    return difference(first.difference, Interval(first.low, first.high), first.significant)


def _biased(config: Config) -> Iterator[str]:
    """Answers from the causal scene against plain training's, on the questions whose answer the environment tells."""
    lines = []
    for name, shown in config.explanations.items():
        runs = [Run.of(text) for text in shown.runs]
        files = [RunFolder(config.runs_folder / str(run)).of_split(shown.split) for run in runs]
        others = [run._replace(method=PLAIN, point="") for run in runs]  # plain training has no indicator's settings
        plain = [RunFolder(config.runs_folder / str(run)).of_split(shown.split) for run in others]
        if all(of.explanations.is_file() for of in files) and all(of.predictions.is_file() for of in plain):
            lines.append({"table": name, **from_the_scene(files, plain, BIASED)})
    if lines:
        yield f"### From the causal scene, on questions about the {BIASED}"
        yield (
            "Scene: accuracy from the indicator's own selection; plain: that of plain training, which sees all clips; "
            "and the difference, with its interval over videos."
        )
        yield markdown(lines)


def _post_hoc(config: Config) -> Iterator[str]:
    """What the indicator selects beside post-hoc explainers, from the tables of `explanations`."""
    for name, shown in config.explanations.items():
        file = config.outcomes / "tables" / f"{name}.csv"
        if not file.is_file():
            continue
        table = pd.read_csv(file)
        lines = []
        for (explainer, selection), part in table.groupby(["explainer", "selection"], sort=False):
            of_metric = part.set_index("metric").T
            line = {"explainer": str(explainer), "clips": str(selection)}
            for key, heading in EXPLAINED.items():
                if key in ("iop", "iou", "right"):
                    of = of_metric[key]
                    line[heading] = f"{of['mean']:.1f} [{of['low']:.1f}, {of['high']:.1f}]"
                    if not np.isnan(of["difference"]):
                        interval = Interval(of["difference_low"], of["difference_high"])
                        line[f"{heading}, difference"] = difference(of["difference"], interval, bool(of["significant"]))
            lines.append(line)
        first = Run.of(shown.runs[0])
        what = ", ".join([title("method", first.method), *filter(None, [first.point])])
        yield f"### Beside post-hoc explainers: {first.dataset}, {what}, {shown.split}"
        yield markdown(lines)


def _pictures(config: Config, images: Path) -> Iterator[str]:
    """Curves and strips, copied to where the page is."""
    shown = {name: f"{name}: insertion and deletion, and precision against recall" for name in config.curves}
    shown |= {name: f"What {picture.run} selects, with gold below" for name, picture in config.rationales.items()}
    for name, caption in shown.items():
        drawn = config.outcomes / "figures" / f"{name}.png"
        if drawn.is_file():
            images.mkdir(exist_ok=True)
            shutil.copyfile(drawn, images / f"rationales-{name}.png")
            yield f"![{caption}](images/rationales-{name}.png)"


if __name__ == "__main__":
    main()
