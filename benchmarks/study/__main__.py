"""The results of make study, its last step: `python -m benchmarks.study [--keep]`.

Writes a page of the runs that lie here, and how far they are from those that are kept in docs/runs. With --keep they
are kept there too, and docs/results.md is written of all that are kept.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from base.formats.run_folder import RunFolder
from benchmarks.kept import ROOT, keep, laid_out
from benchmarks.numbers import markdown
from benchmarks.report import machine, options, write_between
from benchmarks.study import accuracies, again, grounding
from benchmarks.study.search import BETA, CONFIG, DROPOUT, RATE, SEARCHED, SEED, tried
from benchmarks.study.systems import section
from eigv.config.experiment import Config, load
from eigv.paper.comparison.answers import Reader
from eigv.paper.results import gather
from eigv.paper.significance import FEW_VIDEOS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "results.md"
BEGINNING, END = "<!-- results: made by `make study` -->", "<!-- end of results -->"


def main() -> None:
    """The command."""
    parser = options(__doc__, None)
    parser.add_argument("--keep", action="store_true", help="keep these runs in docs/runs, and write docs/results.md")
    asked = parser.parse_args()
    config = load([CONFIG, *asked.over])
    page = asked.page and asked.page.resolve()
    os.chdir(asked.folder)
    page = page or (PAGE if asked.keep else (config.outcomes / "results.md").resolve())
    if asked.keep:
        print(f"{keep(config)} runs are kept in {ROOT / config.name}")
    text = of_kept(config, page.parent / "images") if asked.keep else results(config, page.parent / "images")
    page.parent.mkdir(parents=True, exist_ok=True)
    write_between(BEGINNING, END, text, page)
    print(page)


def of_kept(config: Config, images: Path, root: Path = ROOT) -> str:
    """The results of all runs that are kept; made in the folder that the questions lie in (`benchmarks.study.sets`)."""
    with laid_out(config, root) as kept:
        return results(kept, images, root=None)


def results(config: Config, images: Path, root: Path | None = ROOT) -> str:
    """The section as Markdown; its pictures go to the folder `images` beside it. What has not been run is named, and
    what is kept in `root` of the same runs stands beside, if it is given."""
    reader = Reader()
    parts = [
        _head(config),
        *accuracies.table1(config, reader),
        *accuracies.by_type(config, reader),
        *accuracies.table2(config, reader),
        *accuracies.figure5(config, images),
        *accuracies.epochs(config, images),
        *grounding.protocol(config),
        *grounding.post_hoc(config),
        *accuracies.fewer(config, reader),
        *accuracies.types(config, reader),
        *_search(),
        *(again.beside(config, root) if root else ()),
        "## Cost",
        accuracies.cost(config),
        "## Not run",
        _absent(config),
    ]
    followed = zip(parts, [*parts[1:], ""], strict=True)
    return "\n\n".join(part for part, after in followed if not (_heads(part) and _heads(after)))


def _heads(part: str) -> bool:
    return part.startswith("## ")


def _head(config: Config) -> str:
    made_on = sorted({about.get("machine", machine()) for about in _abouts(config)} or {machine()})
    return (
        f"Trained by `make study` on {'; '.join(made_on)} (`config/study.yaml`). Accuracies in percent on test: mean ± "
        "standard deviation over seeds, and in brackets the 95 % interval of the mean over resampled videos. "
        "Difference: to the plain backbone on the same seeds, with its interval over videos and a star where that "
        f"excludes 0, on at least {FEW_VIDEOS} videos; p is McNemar's, over questions. Of another video: the same "
        "questions, each about another video of test; no video: trained and asked on features of zeros. Best epoch: "
        "the one whose model answers, since it does best on val."
    )


def _abouts(config: Config) -> list[dict[str, Any]]:
    runs = {run for name in (*config.tables, *config.sweeps) for run in config.runs(name)}
    return [result.about for run in runs for result in gather(config, [run]).results]


def _search() -> Iterator[str]:
    """What was tried for the settings, and how it did on val."""
    said = {"learning rate": RATE, "dropout": DROPOUT, "beta": BETA}
    rows = [
        {"data": dataset, "method": method}
        | {name: str(at.get(key, "")) for name, key in said.items()}
        | {"val": f"{accuracy:.1f}"}
        for (dataset, method), found in tried(CONFIG).items()
        for at, accuracy in zip(SEARCHED[method], found, strict=True)
    ]
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
            lines.append(f"- `make study-{name}`: {done} of {len(runs)} runs are there")
    for name, shown in config.explanations.items():
        folders = [RunFolder(config.runs_folder / run).of_split(shown.split) for run in shown.runs]
        done = sum(folder.explanations.is_file() for folder in folders)
        if done < len(folders):
            lines.append(f"- `make study-{name}`: {done} of {len(folders)} runs are there")
    return "\n".join(lines) or "Everything has been run."


if __name__ == "__main__":
    main()
