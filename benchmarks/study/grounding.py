"""Rationales against gold spans in the results of make study: NExT-GQA's protocol, intrinsic and post-hoc."""

from collections.abc import Iterator

import pandas as pd

from base.formats.explanations import INDICATOR, OWN
from base.formats.run_folder import RunFolder
from benchmarks.numbers import markdown, metric, spread
from benchmarks.study.explained import RULE, Times, beyond_chance, rows
from benchmarks.study.systems import System, order, section, systems
from eigv.config.experiment import Config
from eigv.config.metrics import METRICS, SEVEN, Row
from eigv.config.run_path import Run
from eigv.paper.titles import title
from eigv.rationales.scoring import PUBLISHED, SOURCE
from eigv.rationales.spans import Span
from extract.annotations.gold import read_gold

GROUNDING = ("grounding", "smallest-scene", "four-folds", "grounding-official")
BOUNDS: dict[Row, str] = {"random": "random clips, as many", "all": "all clips", "gold": "gold clips"}


def protocol(config: Config) -> Iterator[str]:
    """Acc@QA, Acc@GQA and the benchmark's six, of every method that has a rationale, beside what bounds it."""
    yield section("Does its rationale find what people marked?", *GROUNDING, *config.explanations)
    found = sorted(systems(config, *GROUNDING), key=order(config))
    there = [one for one in found if one.numbers(metric("acc-qa"))]
    if not there:
        return
    yield (
        f"The {_questions(there[0])} questions of test that have gold spans; a selection becomes one span by the rule "
        f"`{RULE}`. IoP and IoU by clips, and the share of selected clips, stand beside. Random clips are as many "
        "as the method above selects; all and gold clips have the answers of the last one."
    )
    yield markdown([row for one in there for row in _rows(one, with_bounds=one is there[-1])])
    yield "Is it more than chance? The same, with intervals over videos, and the difference to as many random clips:"
    times, spans = _times_and_gold(config, there[0].first.dataset)
    yield markdown([{"": one.name} | beyond_chance(one.folders, times, spans) for one in there])
    yield f"Published, on NExT-GQA's test split, where the questions here are of its val ({SOURCE}):"
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
    rows = table[["", "Acc@QA", *SEVEN]].to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def post_hoc(config: Config) -> Iterator[str]:
    """What the indicator selects beside post-hoc explainers of the same models."""
    for name, shown in config.explanations.items():
        runs = [Run.of(text) for text in shown.runs]
        folders = [RunFolder(config.runs_folder / str(run)).of_split(shown.split) for run in runs]
        folders = [folder for folder in folders if folder.explanations.is_file() and folder.predictions.is_file()]
        if not folders:
            continue
        times, spans = _times_and_gold(config, runs[0].dataset)
        method = title("method", runs[0].method).lstrip("+ ")
        yield f"### {name}: the rationale of {method}, and post-hoc ones of the same models"
        yield (
            f"{len(folders)} of {len(runs)} seeds; the questions of test with a gold clip. `{INDICATOR}`, `{OWN}` is "
            "the method's own rationale; the others explain the same models' answers. The difference is to that one, "
            "on the same questions; intervals are over videos."
        )
        yield markdown(list(rows(folders, times, spans)))


def _times_and_gold(config: Config, dataset: str) -> tuple[dict[str, Times], dict[str, list[Span]]]:
    """When the clips of a data set's videos are shown, and the gold spans of its questions."""
    asked = config.datasets[dataset]
    features = config.videos[asked.videos].features
    assert asked.gold is not None and features is not None
    gold = read_gold(asked.gold)
    times = Times.of_all(features.path)
    return times, {qid: [(start, end) for start, end in spans] for qid, spans in gold.items()}
