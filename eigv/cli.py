"""The command line `eigv`: HDF5 to answers, rationales, tables and figures. Commands import what they need."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from base import command_line
from base.command_line import Announce, Device

app = command_line.new("Train and evaluate interpretable VideoQA models; make tables and figures.")

CPUS = len(os.sched_getaffinity(0))
Settings = Annotated[str, typer.Option(help="Settings as JSON text, or a YAML or JSON file.")]
Video = Annotated[Path, typer.Option(help="The video features, video.h5.")]
Questions = Annotated[Path, typer.Option(help="Folder of annotations.")]
Text = Annotated[Path, typer.Option(help="Folder of token features, text_<split>.h5.")]
Configs = Annotated[
    list[str], typer.Option("--config", help="Configuration file, or JSON text; later ones go over earlier ones.")
]
Manifest = Annotated[Path, typer.Option(help="The manifest of the videos.")]
Pictures = Annotated[list[Path], typer.Option(help="The picture (PNG or PDF); repeat for more.")]
Threads = Annotated[int, typer.Option(min=1, help="CPU threads.")]
JobsPerGpu = Annotated[int, typer.Option(min=1, help="How many jobs that say so may share a GPU.")]


def main() -> None:
    """Entry point of the console script."""
    command_line.run(app)


@app.command()
def train(
    settings: Settings,
    video: Video,
    questions: Questions,
    text: Text,
    out: Annotated[Path, typer.Option(help="Folder of the run.")],
    state: Annotated[Path, typer.Option(help="Folder for what is needed to go on after a kill.")],
    device: Device = "auto",
    threads: Threads = CPUS,
    jobs_per_gpu: JobsPerGpu = 1,
    name: Annotated[str, typer.Option(help="What the run is called in its progress; else backbone and method.")] = "",
    announce: Announce = None,
) -> None:
    """Train one run. Settings: those of a run (`eigv settings` prints them)."""
    from base.settings import parse
    from eigv.config.run import RunSettings
    from eigv.runs.training import train as run

    values = parse(RunSettings, command_line.read_settings(settings), "--settings")
    with command_line.device(device, threads, jobs_per_gpu) as claimed:
        run(values, video, questions, text, out, state, claimed, name, announce)


@app.command()
def evaluate(
    model: Annotated[Path, typer.Option(help="The model.json of a run.")],
    video: Video,
    questions: Questions,
    text: Text,
    out: Annotated[Path, typer.Option(help="Folder for metrics.json and predictions.csv.")],
    split: Annotated[str, typer.Option(help="The split.")] = "test",
    answer_from: Annotated[str, typer.Option(help="video or causal-scene")] = "video",
    device: Device = "auto",
    threads: Threads = CPUS,
    jobs_per_gpu: JobsPerGpu = 1,
) -> None:
    """Evaluate a trained model: accuracy, predictions and rationales."""
    from base.settings import parse
    from eigv.config.run import Inference
    from eigv.runs.evaluation import evaluate as run

    source = parse(Inference, {"answer_from": answer_from}, "--answer-from").answer_from
    with command_line.device(device, threads, jobs_per_gpu) as claimed:
        metrics = run(model, split, video, questions, text, source, out, claimed)
    typer.echo(f"{split}: accuracy {metrics['accuracy']:.2f} % of {metrics['questions']} questions")


@app.command()
def score(
    predictions: Annotated[Path, typer.Argument(help="JSON keyed by video_qid or qid, or a CSV with qid, prediction.")],
    dataset: Annotated[str, typer.Option(help="nextqa, next-oe, msvd-qa, msrvtt-qa, custom; with --config a name.")],
    annotations: Annotated[Path | None, typer.Option(help="Folder of the annotation files (custom: the CSV).")] = None,
    split: Annotated[str, typer.Option(help="The split that was predicted.")] = "test",
    answers: Annotated[
        Path | None,
        typer.Option(
            help="JSON list of the answers that open-ended indices count, or vocabulary.json; else recovered."
        ),
    ] = None,
    first_index: Annotated[int, typer.Option(help="The index of the first of them.")] = 0,
    config: Annotated[Path | None, typer.Option(help="Take the data set from this configuration.")] = None,
    out: Annotated[Path | None, typer.Option(help="Also write the accuracies as JSON.")] = None,
) -> None:
    """Score a prediction file of any system; a question without a prediction is wrong."""
    from base.writing import write_json
    from eigv.runs.scoring import score as run
    from extract.annotations.choice import choose

    found = run(predictions, choose(dataset, config, annotations)[0], split, answers, first_index)
    typer.echo(found.text())
    if out:
        write_json(out, found.metrics())


@app.command("question-only")
def question_only(
    encoder: Annotated[Path, typer.Option(help="The fine-tuned text encoder.")],
    questions: Questions,
    out: Annotated[Path, typer.Option(help="Folder for metrics.json and predictions.csv.")],
    split: Annotated[str, typer.Option(help="The split.")] = "test",
    device: Device = "auto",
    threads: Threads = CPUS,
) -> None:
    """Answer from the question alone, with the fine-tuned text encoder: the baseline that sees no video."""
    from eigv.runs.question_only import question_only as run

    with command_line.device(device, threads) as claimed:
        metrics = run(encoder, questions, split, out, claimed)
    typer.echo(f"{split}: accuracy {metrics['accuracy']:.2f} % of {metrics['questions']} questions, from the question")


@app.command("import-checkpoint")
def import_checkpoint(
    checkpoint: Annotated[Path, typer.Argument(help="A state_dict of the official code, saved by torch.save.")],
    dataset: Annotated[str, typer.Option(help="nextqa, msvd-qa or msrvtt-qa: which official variant it is.")],
    backbone: Annotated[str, typer.Option(help="hga, comem or mspan")],
    out: Annotated[Path, typer.Option(help="Folder for model.safetensors and model.json.")],
) -> None:
    """Import a checkpoint of the official code, so that `eigv evaluate` takes it."""
    from eigv.runs.official_checkpoints import import_checkpoint as run

    card = run(checkpoint, dataset, backbone, out)
    typer.echo(
        f"{out}/model.json: {backbone}, clip features {card.clip_widths.total}, token features {card.token_width}"
    )


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
    settings: Settings = "{}",
    count: Annotated[int, typer.Option(min=1, help="How many questions.")] = 6,
    choose: Annotated[str, typer.Option(help="spread, best, worst or random")] = "spread",
    qid: Annotated[
        list[str] | None, typer.Option(help="A question by its id, instead of a choice; repeat for more.")
    ] = None,
) -> None:
    """Draw the clips that answers rest on (Figure 6). Settings: of a rationale picture, over the other options."""
    from base.settings import parse
    from eigv.config.shown import Rationales
    from eigv.paper.figures.rationales import rationale_picture

    options = {"run": str(predictions.parent), "questions": count, "choose": choose, "qids": qid or []}
    how = parse(Rationales, options | command_line.read_settings(settings), "--settings")
    rationale_picture(predictions, questions, manifest, video, how, out)


@app.command()
def explorer(
    settings: Settings,
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")],
    questions: Questions,
    manifest: Manifest,
    video: Video,
    out: Annotated[Path, typer.Option(help="The page (HTML).")],
) -> None:
    """Write a page to browse the predictions of runs. Settings: `runs`, a list of paths below --runs."""
    from base.settings import parse
    from eigv.config.shown import Explorer
    from eigv.paper.pages.explorer import write_explorer

    how = parse(Explorer, command_line.read_settings(settings), "--settings")
    write_explorer(how, runs, questions, manifest, video, out)


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


@app.command()
def settings(
    config: Configs,
    run: Annotated[str, typer.Option(help="dataset/backbone/method/features/seedN")],
) -> None:
    """Print the settings of one run of a configuration, for `eigv train --settings`."""
    from eigv.config.experiment import load, section
    from eigv.config.run_path import Run

    typer.echo(json.dumps(section(load(config), Run.of(run)), indent=2))


@app.command()
def schema(
    readme: Annotated[Path | None, typer.Option(help="Bring this README's table of keys up to date.")] = None,
) -> None:
    """Print the JSON schema of the configuration."""
    from eigv.config.docs import write
    from eigv.config.experiment import Config

    if readme:
        write(readme)
    typer.echo(json.dumps(Config.model_json_schema(), indent=2))


if __name__ == "__main__":
    main()
