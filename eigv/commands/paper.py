"""Commands that show results: tables, figures, pages."""

from pathlib import Path
from typing import Annotated

import typer

from base import command_line
from eigv.commands.options import Configs, Gold, Manifest, Pictures, Questions, SettingsText, Video

app = typer.Typer()


@app.command()
def table(
    name: Annotated[str, typer.Argument(help="Name of the table.")],
    config: Configs,
    out: Annotated[
        Path | None, typer.Option(help="Folder for {name}.csv, .md, .tex, .html; else that of the configuration.")
    ] = None,
) -> None:
    """Gather runs into a table, beside the published values. Cells that have not been run say so."""
    from eigv.config.experiment import load
    from eigv.paper.tables.write import write_table

    values = load(config)
    folder = out or values.outcomes / "tables"
    write_table(values, name, folder)
    typer.echo((folder / f"{name}.md").read_text())


@app.command()
def explanations(
    name: Annotated[str, typer.Argument(help="Name of the table of explanations.")],
    config: Configs,
    out: Annotated[
        Path | None, typer.Option(help="Folder for {name}.csv, .md, .tex, .html; else that of the configuration.")
    ] = None,
) -> None:
    """Gather what an indicator selects and what post-hoc explainers would into a table, with intervals over videos."""
    from eigv.config.experiment import load
    from eigv.paper.tables.explanations import write_explanations

    values = load(config)
    folder = out or values.outcomes / "tables"
    write_explanations(values, name, folder)
    typer.echo((folder / f"{name}.md").read_text())


@app.command("compare-runs")
def compare_runs(
    a: Annotated[str, typer.Argument(help="Folder of a run, or of its seeds, or a pattern of such folders in quotes.")],
    b: Annotated[str, typer.Argument(help="The same of the system that it is compared with.")],
    split: Annotated[str | None, typer.Option(help="The split; else test, or that of the folders.")] = None,
    resamples: Annotated[int, typer.Option(min=100, help="How often the videos are resampled.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Of the resampling: the same seed gives the same interval.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Also write it as .json or .csv.")] = None,
) -> None:
    """Compare two systems on the same questions: A - B with an interval over videos, McNemar's test, types, seeds."""
    from eigv.paper.comparison import report
    from eigv.paper.comparison.compare import compare_runs as run

    found = run(a, b, split, resamples, seed)
    if out:
        report.write(found, out)
    typer.echo(report.text(found))


@app.command()
def sweep(
    name: Annotated[str, typer.Argument(help="Name of the sweep.")],
    config: Configs,
    out: Annotated[
        Path | None, typer.Option(help="Folder for {name}.png, .pdf, .csv; else that of the configuration.")
    ] = None,
) -> None:
    """Draw accuracy against the value of a setting, over seeds (Figure 5)."""
    from eigv.config.experiment import load
    from eigv.paper.figures.sweeps import write_sweep

    values = load(config)
    write_sweep(values, name, out or values.outcomes / "figures")


@app.command()
def curves(
    name: Annotated[str, typer.Argument(help="Name of the curves.")],
    config: Configs,
    out: Annotated[
        Path | None, typer.Option(help="Folder for {name}.png, .pdf, .csv; else that of the configuration.")
    ] = None,
) -> None:
    """Draw how much the answers of a table's runs rest on their likeliest clips: insertion, deletion, gold."""
    from eigv.config.experiment import load
    from eigv.paper.figures.curves import write_curves

    values = load(config)
    write_curves(values, name, out or values.outcomes / "figures")


@app.command("learning-curves")
def learning_curves(
    runs: Annotated[list[Path], typer.Argument(help="Folders of trained runs.")],
    root: Annotated[Path, typer.Option(help="The folder that the paths of runs begin after.")],
    out: Pictures,
    title: Annotated[str, typer.Option(help="What the picture is about.")] = "",
) -> None:
    """Draw the validation accuracy of runs, epoch by epoch."""
    from eigv.config.run_path import Run
    from eigv.paper.figures.learning_curves import draw
    from eigv.paper.figures.plotting import save

    save(draw(root, [Run.of(str(run.relative_to(root))) for run in runs], title), out)


@app.command()
def rationale(
    predictions: Annotated[Path, typer.Option(help="The predictions.csv of a run.")],
    questions: Questions,
    manifest: Manifest,
    video: Video,
    out: Pictures,
    settings: SettingsText = "{}",
    gold: Gold = None,
    count: Annotated[int, typer.Option(min=1, help="How many questions.")] = 6,
    choose: Annotated[str, typer.Option(help="spread, best, worst or random")] = "spread",
    qid: Annotated[
        list[str] | None, typer.Option(help="A question by its id, instead of a choice; repeat for more.")
    ] = None,
) -> None:
    """Draw the clips that answers rest on (Figure 6). Settings: of a rationale picture, over the other options."""
    from base import layers
    from base.settings import parse
    from eigv.config.targets import Rationales
    from eigv.paper.figures.rationales import rationale_picture

    options = {"run": str(predictions.parent), "questions": count, "choose": choose, "qids": qid or []}
    how = parse(Rationales, options | layers.read(settings, "--settings"), "--settings")
    rationale_picture(predictions, questions, manifest, video, how, out, gold)


@app.command()
def explorer(
    settings: SettingsText,
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")],
    questions: Questions,
    manifest: Manifest,
    video: Video,
    out: Annotated[Path, typer.Option(help="The page (HTML).")],
    gold: Gold = None,
    explanations: Annotated[
        list[Path] | None, typer.Option(help="`explanations.csv` of runs of the page: post-hoc selections are shown.")
    ] = None,
) -> None:
    """Write a page to browse the predictions of runs. Settings: `runs`, a list of paths below --runs."""
    from eigv.config.targets import Explorer
    from eigv.paper.pages.explorer import write_explorer

    how = command_line.parsed(Explorer, settings)
    write_explorer(how, runs, questions, manifest, video, out, gold, explanations or ())


@app.command()
def problems(
    manifest: Annotated[Path, typer.Argument(help="The manifest of a collection of videos.")],
    out: Annotated[Path, typer.Option(help="The page (HTML).")],
) -> None:
    """Write a page of the videos that are not as they should be."""
    from base.writing import write_text
    from eigv.paper.pages.report import problems as page

    write_text(out, page(manifest))


@app.command()
def times(
    folders: Annotated[list[Path], typer.Argument(help="Folders of Snakemake's benchmark files.")],
    out: Annotated[Path, typer.Option(help="The page (HTML).")],
) -> None:
    """Write a page of the time and memory that each stage took."""
    from base.writing import write_text
    from eigv.paper.pages.report import times as page

    write_text(out, page(folders))
