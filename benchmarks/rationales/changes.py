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
    tables: dict[tuple[str, str, str], dict[str, list[Run]]] = {}
    for run in (run for name, table in config.tables.items() if table.at for run in config.runs(name)):
        for split in test_splits(config.datasets[run.dataset]):
            rows = tables.setdefault((run.dataset, run.backbone, split), {})
            for shown in (run._replace(point=""), run):
                runs = rows.setdefault(", ".join([title("method", shown.method), *filter(None, [shown.point])]), [])
                if shown not in runs:
                    runs.append(shown)
    for (dataset, backbone, split), rows in tables.items():
        results = {what: gather(config, runs, split).results for what, runs in sorted(rows.items())}
        lines = [
            {"": what, **_numbers([result.metrics for result in found], biased)}
            for what, found in results.items()
            if found
        ]
        if lines:
            yield f"### {dataset}, {title('backbone', backbone)}, {split}, with other settings"
            yield markdown(lines)


def _numbers(found: Sequence[dict[str, Any]], biased: str) -> dict[str, str]:
    line = {"seeds": str(len(found)), "accuracy": spread([each["accuracy"] for each in found])}
    line[f"{biased}: accuracy"] = spread(numbers(found, partial(accuracy_of, types=(biased,))))
    for key in ("iop", "iou"):
        heading = METRICS[key].title
        line[heading] = spread(numbers(found, metric(key)))
        line[f"{biased}: {heading}"] = spread(numbers(found, partial(of_types, name=key, types=(biased,))))
    return line
