"""Accuracies in the results of make study: Tables 1 and 2, Figure 5, types of questions, fewer questions."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.numbers import accuracy_of, markdown, spread
from benchmarks.study.sets import CAUSAL
from benchmarks.study.systems import System, compared, gain, is_plain, lines, order, plain_of, section, systems
from eigv.config.experiment import Config
from eigv.paper.comparison.answers import Reader
from eigv.paper.figures.plotting import save
from eigv.paper.figures.sweeps import collect, draw
from eigv.paper.titles import title

SETS = {"real-nextqa": "NExT-QA", "real-msvd": "MSVD-QA", "real-msrvtt": "MSRVTT-QA"}
"""The data sets and what they are made of; their videos, features and splits are not the paper's."""
TABLE1 = ("table1", "table1-msrvtt", "official", "faithful", "systems", "systems-msrvtt", "blind", "blind-msrvtt")
FIGURE5, EPOCHS = ("figure5a", "figure5b"), ("epochs",)
SEARCHED_WITH = "mspan"
SHARES = {"": "all", "-third": "a third", "-tenth": "a tenth"}


def table1(config: Config, reader: Reader) -> Iterator[str]:
    """A table for each data set: every backbone plain and with EIGV, other systems, and without a video."""
    found = systems(config, *TABLE1)
    yield section("Table 1: does EIGV beat its backbone?", *TABLE1)
    for dataset, name in SETS.items():
        of_set = sorted((one for one in found if one.dataset == dataset), key=order(config))
        rows = list(lines(of_set, reader, shuffled=config.datasets[dataset].shifted_test))
        if rows:
            yield f"### {name}"
            yield markdown(rows)
        if among := list(_beside_the_searched([one for one in of_set if is_plain(one)], reader)):
            yield f"### {name}, plain systems beside {title('backbone', SEARCHED_WITH)}"
            yield "On the seeds that both have."
            yield markdown(among)


def _beside_the_searched(plain: Sequence[System], reader: Reader) -> Iterator[dict[str, str]]:
    """How far each plain system is from the one that the settings were searched with."""
    searched = next((one for one in plain if one.first.backbone == SEARCHED_WITH), None)
    for system in plain:
        if searched and system is not searched and (against := compared(system, searched, reader)):
            yield {"": system.name} | gain(against[0])


def table2(config: Config, reader: Reader) -> Iterator[str]:
    """What the parts of EIGV do by themselves, on one backbone."""
    found = sorted(systems(config, "table2"), key=order(config))
    yield section("Table 2: its parts", "table2")
    for dataset, name in SETS.items():
        rows = list(lines([one for one in found if one.dataset == dataset], reader))
        if len(rows) > 1:
            yield f"### {name}, by parts"
            yield markdown(rows)


def by_type(config: Config, reader: Reader) -> Iterator[str]:
    """The difference to plain training on each type of NExT-QA's questions."""
    found = systems(config, "table1", "official", "faithful")
    rows = []
    for system in sorted((one for one in found if one.dataset == "real-nextqa"), key=order(config)):
        plain = plain_of(system, found)
        against = compared(system, plain, reader) if plain is not None else []
        of_type = {row.type: gain(row)["difference"] for row in against[1:] if row.seed == "all"}
        if of_type:
            rows.append({"": system.name} | of_type)
    if rows:
        yield "### NExT-QA, difference to the plain backbone by type"
        yield "C: causal (how, why), D: descriptive (count, location, other), T: temporal (current, next, previous)."
        yield markdown(rows)


def figure5(config: Config, images: Path) -> Iterator[str]:
    """Accuracy against alpha and the number of negatives: pictures, and their numbers."""
    yield section("Figure 5: how much it mixes and contrasts", *FIGURE5)
    yield from _sweeps(config, FIGURE5, images)


def epochs(config: Config, images: Path) -> Iterator[str]:
    """Accuracy against the number of epochs."""
    yield section("How long trainings take", *EPOCHS)
    yield from _sweeps(config, EPOCHS, images)


def _sweeps(config: Config, names: Sequence[str], images: Path) -> Iterator[str]:
    """A table and a picture of each sweep that has been run."""
    for name in names:
        sweep = config.sweeps[name]
        rows = []
        of_method: dict[tuple[str, str], dict[str, list[float]]] = {}
        for value, run in sweep.runs():
            (system,) = _of(config, name, str(value), run.method, sweep.key) or (None,)
            if system is not None and system.done.results:
                of_method.setdefault((run.dataset, run.method), {})[f"{value}"] = system.numbers(
                    lambda metrics: metrics["accuracy"]
                )
        for (dataset, method), of_value in of_method.items():
            seeds = max(map(len, of_value.values()))
            row = {"": f"{SETS[dataset]}, {title('method', method)}", "seeds": str(seeds)}
            rows.append(row | {value: spread(numbers) for value, numbers in of_value.items()})
        if any(len(of_value) > 1 for of_value in of_method.values()):
            yield f"### {name}: `{sweep.key}`"
            yield markdown(rows)
            images.mkdir(parents=True, exist_ok=True)
            save(draw(name, sweep, collect(config, sweep)), [images / f"study-{name}.png"])
            yield f"![Accuracy against {sweep.key}](images/study-{name}.png)"


def _of(config: Config, sweep: str, value: str, method: str, key: str) -> list[System]:
    """The system of one value of a sweep; where that is the configuration's own, its runs have no point."""
    found = [one for one in systems(config, sweep) if one.first.method == method]
    at = [one for one in found if one.first.point == f"{key}={value}"]
    return at or [one for one in found if not one.first.point]


def fewer(config: Config, reader: Reader) -> Iterator[str]:
    """With all, a third and a tenth of the train questions."""
    found = systems(config, "table1", "fewer")
    yield section("Fewer train questions", "table1", "fewer")
    rows = []
    for dataset in SETS:
        for ending, share in SHARES.items():
            of_set = [one for one in found if one.first.dataset == dataset + ending and one.first.backbone == "mspan"]
            rows += [{"data": SETS[dataset], "train questions": share} | row for row in lines(of_set, reader)]
    if rows:
        yield markdown(rows)


def types(config: Config, reader: Reader) -> Iterator[str]:
    """Trained on questions that ask why and how alone, beside training on as many of all types."""
    found = systems(config, "types")
    yield section("Train and test that differ", "types")
    rows = []
    for system in found:
        results = system.done.results
        if not results:
            continue
        causal = system.first.dataset.endswith("-causal")
        row = {"": system.name, "trained on": "why and how" if causal else "as many of all types"}
        row["seeds"] = str(len(results))
        for heading, wanted in (("why and how", True), ("all other types", False)):
            row[f"accuracy: {heading}"] = spread(system.numbers(partial(_of_types, causal=wanted)))
        plain = plain_of(system, found)
        if plain is not None and (against := compared(system, plain, reader)):
            row |= gain(against[0])
        rows.append(row)
    if rows:
        yield "Difference: over all questions, to the plain backbone that was trained on the same ones."
        yield markdown(rows)


def _of_types(metrics: dict[str, Any], causal: bool) -> float | None:
    """The accuracy on questions that ask why and how, or on all others."""
    return accuracy_of(metrics, [name for name in metrics["by_type"] if (name in CAUSAL) == causal])


def cost(config: Config) -> str:
    """Hours of a core that jobs took, by what they did."""
    rows = []
    for folder in (config.outcomes / "benchmarks", config.results / "benchmarks"):
        for stage in sorted(folder.glob("*")):
            times = [float(pd.read_csv(file, sep="\t")["cpu_time"].iloc[0]) for file in stage.rglob("*.tsv")]
            rows.append({"": stage.name, "jobs": str(len(times)), "hours of a core": f"{sum(times) / 3600:.2f}"})
        if config.outcomes == config.results:
            break
    return markdown(rows) if rows else "Nothing has been run."
