"""Writes the results of make study into docs/results.md: `python -m benchmarks.study`, its last step."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.rationale_numbers import markdown
from benchmarks.report import machine, write_results
from benchmarks.study import accuracies, grounding
from benchmarks.study.search import BETA, DATASETS, DROPOUT, RATE, SEARCHED, SEED
from benchmarks.study.search import accuracies as searched
from benchmarks.study.systems import section
from eigv.config.experiment import Config
from eigv.paper.comparison.answers import Reader
from eigv.paper.results import gather
from eigv.paper.significance import FEW_VIDEOS

CONFIG = Path("config/study.yaml")
PAGE = Path("docs/results.md")
BEGINNING, END = "<!-- results: made by `make study` -->", "<!-- end of results -->"


def main() -> None:
    """The command."""
    write_results(__doc__, CONFIG, PAGE, (BEGINNING, END), results)


def results(config: Config, images: Path) -> str:
    """The section as Markdown; its pictures go to the folder `images` beside it. What has not been run is named."""
    reader = Reader()
    parts = [
        _head(),
        *accuracies.table1(config, reader),
        *accuracies.by_type(config, reader),
        *accuracies.table2(config, reader),
        *accuracies.figure5(config, images),
        *grounding.protocol(config),
        *grounding.post_hoc(config),
        *accuracies.fewer(config, reader),
        *accuracies.types(config, reader),
        *_search(config),
        "## Cost",
        accuracies.cost(config),
        "## Not run",
        _absent(config),
    ]
    followed = zip(parts, [*parts[1:], ""], strict=True)
    return "\n\n".join(part for part, after in followed if not (_heads(part) and _heads(after)))


def _heads(part: str) -> bool:
    return part.startswith("## ")


def _head() -> str:
    return (
        f"Made by `make study` on {machine()} (`config/study.yaml`). Accuracies in percent on test: mean ± standard "
        "deviation over seeds, and in brackets the 95 % interval of the mean over resampled videos. Difference: to the "
        "plain backbone on the same seeds, with its interval over videos and a star where that excludes 0, on at "
        f"least {FEW_VIDEOS} videos; p is McNemar's, over questions. Of another video: the same questions, each about "
        "another video of test; no video: trained and asked on features of zeros."
    )


def _search(config: Config) -> Iterator[str]:
    """What was tried for the settings, and how it did on val."""
    rows = []
    for dataset in DATASETS:
        for method, points in SEARCHED.items():
            for at, accuracy in zip(points, searched(config, dataset, method), strict=True):
                if accuracy is not None:
                    said = {"learning rate": RATE, "dropout": DROPOUT, "beta": BETA}
                    row = {"data": dataset, "method": method}
                    row |= {name: str(at[key]) for name, key in said.items() if key in at}
                    rows.append(row | {"val": f"{accuracy:.1f}"})
    if rows:
        yield section("The search of settings", "search")
        points = len(next(iter(SEARCHED.values())))
        yield f"Best accuracy on val, seed {SEED}, MSPAN; the best of each {points} is what the tables have."
        yield markdown(rows)


def _absent(config: Config) -> str:
    """The runs of each table and figure that are not there."""
    lines = []
    for name in (*config.tables, *config.sweeps):
        runs = config.runs(name)
        done = sum(bool(gather(config, [run]).results) for run in runs)
        if done < len(runs):
            lines.append(f"- `make study-{name}`: {len(runs) - done} of {len(runs)} runs")
    lines += [
        f"- `make study-{name}`"
        for name in config.explanations
        if not (config.outcomes / "tables" / f"{name}.csv").is_file()
    ]
    return "\n".join(lines) or "Everything has been run."


if __name__ == "__main__":
    main()
