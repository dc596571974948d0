"""The command line `eigv`: HDF5 to answers, rationales, tables and figures. Commands import what they need."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from extract import command_line

app = typer.Typer(
    help="Train and evaluate interpretable VideoQA models; make tables and figures.",
    no_args_is_help=True,
    add_completion=False,
)

CPUS = len(os.sched_getaffinity(0))
Settings = Annotated[str, typer.Option(help="Settings as JSON text, or a YAML or JSON file.")]
Video = Annotated[Path, typer.Option(help="The video features, video.h5.")]
Questions = Annotated[Path, typer.Option(help="Folder of annotations.")]
Text = Annotated[Path, typer.Option(help="Folder of token features, text_<split>.h5.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, ...; auto takes a GPU where there is one.")]
Threads = Annotated[int, typer.Option(min=1, help="CPU threads.")]


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
) -> None:
    """Train one run. Settings: those of a run (`eigv settings` prints them)."""
    from eigv.config import RunSettings
    from eigv.training import train as run
    from extract.settings import parse

    values = parse(RunSettings, command_line.read_settings(settings), "--settings")
    run(values, video, questions, text, out, state, command_line.device(device, threads))


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
) -> None:
    """Evaluate a trained model: accuracy, predictions and rationales."""
    from eigv.config import Inference
    from eigv.evaluation import evaluate as run
    from extract.settings import parse

    source = parse(Inference, {"answer_from": answer_from}, "--answer-from").answer_from
    metrics = run(model, split, video, questions, text, source, out, command_line.device(device, threads))
    typer.echo(f"{split}: accuracy {metrics['accuracy']:.2f} % of {metrics['questions']} questions")


@app.command("import-checkpoint")
def import_checkpoint(
    checkpoint: Annotated[Path, typer.Argument(help="A state_dict of the official code, saved by torch.save.")],
    dataset: Annotated[str, typer.Option(help="nextqa, msvd-qa or msrvtt-qa: which official variant it is.")],
    backbone: Annotated[str, typer.Option(help="hga, comem or mspan")],
    out: Annotated[Path, typer.Option(help="Folder for model.safetensors and model.json.")],
) -> None:
    """Import a checkpoint of the official code, so that `eigv evaluate` takes it."""
    from eigv.official import import_checkpoint as run

    card = run(checkpoint, dataset, backbone, out)
    typer.echo(
        f"{out}/model.json: {backbone}, clip features {card.clip_widths.total}, token features {card.token_width}"
    )


@app.command()
def table(
    name: Annotated[str, typer.Argument(help="Name of the table.")],
    settings: Settings,
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")],
    out: Annotated[Path, typer.Option(help="Folder for {name}.csv and {name}.md.")],
    shifted: Annotated[str, typer.Option(help="JSON: the second test split of each data set that has one.")] = "{}",
) -> None:
    """Aggregate runs into a table. Settings: one table."""
    from eigv.config import Table
    from eigv.tables import write_table
    from extract.settings import parse

    values = parse(Table, command_line.read_settings(settings), "--settings")
    write_table(name, values, json.loads(shifted), runs, out)
    typer.echo((out / f"{name}.md").read_text())


@app.command()
def rationale(
    predictions: Annotated[Path, typer.Option(help="The predictions.csv of a run.")],
    questions: Questions,
    manifest: Annotated[Path, typer.Option(help="The manifest of the videos.")],
    video: Video,
    out: Annotated[Path, typer.Option(help="The picture (PNG or PDF).")],
    count: Annotated[int, typer.Option(min=1, help="How many questions.")] = 6,
) -> None:
    """Draw the clips that answers rest on (as in Figure 6)."""
    from eigv.figures import rationale_picture

    rationale_picture(predictions, questions, manifest, video, count, out)


@app.command()
def settings(
    config: Annotated[list[Path], typer.Option(help="Configuration file; later ones go over earlier ones.")],
    run: Annotated[str, typer.Option(help="dataset/backbone/method/features/seedN")],
) -> None:
    """Print the settings of one run of a configuration, for `eigv train --settings`."""
    from eigv.config import Run, load, section

    typer.echo(json.dumps(section(load(config), Run.of(run)), indent=2))


@app.command()
def schema() -> None:
    """Print the JSON schema of the configuration."""
    from eigv.config import Config

    typer.echo(json.dumps(Config.model_json_schema(), indent=2))


if __name__ == "__main__":
    main()
