"""Rationales against gold spans in the results of make study: NExT-GQA's protocol, intrinsic and post-hoc."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from base.formats.explanations import INDICATOR, OWN
from base.formats.run_folder import RunFolder
from benchmarks.rationale_numbers import markdown, metric, spread
from benchmarks.study.systems import System, order, systems
from eigv.config.experiment import Config
from eigv.config.metrics import METRICS, SEVEN, Row
from eigv.config.run_path import Run
from eigv.paper.tables.explanations import METRICS as EXPLAINED
from eigv.paper.titles import title
from eigv.rationales.scoring import PUBLISHED, SOURCE

RULE = "longest-run"
"""How a selection becomes the one span that the benchmark knows."""
BOUNDS: dict[Row, str] = {"random": "random clips, as many", "all": "all clips", "gold": "gold clips"}


def protocol(config: Config) -> Iterator[str]:
    """Acc@QA, Acc@GQA and the benchmark's six, of every method that has a rationale, beside what bounds it."""
    yield "## Does its rationale find what people marked?"
    found = sorted(systems(config, "grounding", "grounding-official"), key=order(config))
    there = [one for one in found if one.numbers(metric("acc-qa"))]
    rows = [row for one in there for row in _rows(one, with_bounds=one is there[-1])]
    if not rows:
        return
    yield (
        f"The {_questions(there[0])} questions of test that have gold spans; a selection becomes one span by the rule "
        f"`{RULE}`. IoP and IoU by clips, and the share of selected clips, stand beside. Random clips are as many "
        "as the method above selects; all and gold clips have the answers of the last one."
    )
    yield markdown(rows)
    yield f"Published ({SOURCE}):"
    yield markdown(_published())


def _rows(system: System, with_bounds: bool) -> Iterator[dict[str, str]]:
    """The row of a system, that of random clips, as many, and those of all and of the gold clips."""
    yield {"": system.name, "seeds": str(len(system.done.results))} | _numbers(system, "selected")
    for row, name in BOUNDS.items():
        if with_bounds or row == "random":
            yield {"": name} | _numbers(system, row)


def _numbers(system: System, row: Row) -> dict[str, str]:
    found = {"Acc@QA": spread(system.numbers(metric("acc-qa", row)))}
    found |= {name: spread(system.numbers(metric(f"{RULE}.{name}", row))) for name in SEVEN}
    return found | {
        f"{METRICS[name].title} (clips)" if name != "share" else METRICS[name].title: spread(
            system.numbers(metric(name, row))
        )
        for name in ("iop", "iou", "auc", "share")
    }


def _questions(system: System) -> int:
    return int(system.done.results[0].metrics["rationale"]["gold"]["questions"])


def _published() -> list[dict[str, str]]:
    table = pd.read_csv(PUBLISHED, dtype=str).rename(columns={"model": ""})
    return [dict(row) for row in table[["", "Acc@QA", *SEVEN]].to_dict("records")]


def post_hoc(config: Config) -> Iterator[str]:
    """What the indicator selects beside post-hoc explainers of the same models, clip by clip."""
    for name, shown in config.explanations.items():
        runs = [Run.of(text) for text in shown.runs]
        files = [RunFolder(config.runs_folder / str(run)).of_split(shown.split).explanations for run in runs]
        made = config.outcomes / "tables" / f"{name}.csv"
        if not made.is_file() or not all(file.is_file() for file in files):
            continue
        table = pd.read_csv(made)
        rows = []
        for (explainer, selection), part in table.groupby(["explainer", "selection"], sort=False):
            of = part.set_index("metric")
            row = {"explainer": explainer, "clips": selection}
            for key in ("iop", "iou", "auc", "share", "right"):
                if key in of.index and not np.isnan(of.loc[key, "mean"]):
                    row[EXPLAINED[key]] = _with_interval(of.loc[key])
            rows.append(row)
        yield f"### Intrinsic and post-hoc: {title('method', runs[0].method)}, {len(runs)} seeds"
        yield (
            f"`{INDICATOR}`, `{OWN}` is the method's own rationale; the others explain the same models. Intervals are "
            "over videos."
        )
        yield markdown(rows)


def _with_interval(of: pd.Series) -> str:
    return f"{of['mean']:.1f} [{of['low']:.1f}, {of['high']:.1f}]"
