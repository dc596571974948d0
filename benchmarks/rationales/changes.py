"""The tables of the benchmark of rationales whose runs have another value of a key (`at`): labels, folds, attention."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from benchmarks.numbers import accuracy_of, markdown, metric, numbers, of_types, spread
from eigv.config.experiment import Config
from eigv.config.metrics import METRICS
from eigv.config.run_path import Run
from eigv.paper.results import gather, test_splits
from eigv.paper.titles import title


def changed(config: Config, biased: str) -> Iterator[str]:
    """A heading and a table for each data set, backbone and test split: a row a method and value, after the same
    methods without it.

    Numbers of questions of the type `biased` stand beside. Rows of which nothing has been run are left out.
    """
    lines: dict[str, list[dict[str, str]]] = {}
    for name in (name for name, table in config.tables.items() if table.at):
        of: dict[tuple[str, str, str], list[Run]] = {}
        for run in config.runs(name):
            of.setdefault((run.dataset, run.backbone, run.method), []).append(run)
        for (dataset, backbone, method), runs in of.items():
            for split in test_splits(config.datasets[dataset]):
                heading = f"### {dataset}, {title('backbone', backbone)}, {split}, with other settings"
                rows = lines.setdefault(heading, [])
                for shown in ([run._replace(point="") for run in runs], runs):
                    what = ", ".join([title("method", method), *filter(None, [shown[0].point])])
                    found = [result.metrics for result in gather(config, shown, split).results]
                    if found and what not in (row[""] for row in rows):
                        rows.append({"": what, **_numbers(found, biased)})
    for heading, rows in lines.items():
        if rows:
            yield heading
            yield markdown(sorted(rows, key=lambda row: row[""]))


def _numbers(found: Sequence[dict[str, Any]], biased: str) -> dict[str, str]:
    line = {"seeds": str(len(found)), "accuracy": spread([each["accuracy"] for each in found])}
    line[f"{biased}: accuracy"] = spread(numbers(found, partial(accuracy_of, types=(biased,))))
    for key in ("iop", "iou"):
        heading = METRICS[key].title
        line[heading] = spread(numbers(found, metric(key)))
        line[f"{biased}: {heading}"] = spread(numbers(found, partial(of_types, name=key, types=(biased,))))
    return line
