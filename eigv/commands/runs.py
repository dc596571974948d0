"""Commands on models: training, evaluating, scoring, importing official checkpoints."""

from pathlib import Path
from typing import Annotated

import typer

from base import command_line
from base.command_line import Announce, Deterministic, Device, Stage
from base.jobs.device import working_device
from eigv.commands.options import CPUS, JobsPerGpu, Questions, SettingsText, Text, Threads, Video
from extract.commands.options import DatasetConfigs, DatasetName

app = typer.Typer()


@app.command()
def train(
    settings: SettingsText,
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
    deterministic: Deterministic = False,
    stage: Stage = 0,
    logger: Annotated[
        list[str] | None, typer.Option(help="Where curves go beside history.csv: tensorboard, wandb; repeat for both.")
    ] = None,
    curves: Annotated[
        Path | None, typer.Option(help="Folder for their files; else `curves` in that of the run.")
    ] = None,
) -> None:
    """Train one run. Settings: those of a run (`eigv settings` prints them)."""
    from eigv.config.run import RunSettings
    from eigv.runs.training import train as run

    values = command_line.parsed(RunSettings, settings)
    with working_device(device, threads, jobs_per_gpu, deterministic) as claimed:
        run(values, video, questions, text, out, state, claimed, name, announce, stage, tuple(logger or ()), curves)


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
    from eigv.config.run import InferenceSettings
    from eigv.runs.evaluation import evaluate as run

    source = parse(InferenceSettings, {"answer_from": answer_from}, "--answer-from").answer_from
    with working_device(device, threads, jobs_per_gpu) as claimed:
        metrics = run(model, split, video, questions, text, source, out, claimed)
    typer.echo(f"{split}: accuracy {metrics['accuracy']:.2f} % of {metrics['questions']} questions")


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

    with working_device(device, threads) as claimed:
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
def score(
    predictions: Annotated[
        Path, typer.Argument(help="JSON, JSONL or CSV: a key (qid, video_qid) and a prediction each.")
    ],
    dataset: DatasetName,
    annotations: Annotated[Path | None, typer.Option(help="Folder of the annotation files (custom: the CSV).")] = None,
    split: Annotated[str, typer.Option(help="The split that was predicted.")] = "test",
    answers: Annotated[
        Path | None,
        typer.Option(
            help="JSON list of the answers that open-ended indices count, or vocabulary.json; else recovered."
        ),
    ] = None,
    first_index: Annotated[int, typer.Option(help="The index of the first of them.")] = 0,
    config: DatasetConfigs = None,
    out: Annotated[Path | None, typer.Option(help="Also write the accuracies as JSON.")] = None,
) -> None:
    """Score a prediction file of any system; a question without a prediction is wrong."""
    from base.writing import write_json
    from eigv.runs.scoring import score as run
    from extract.annotations.choice import choose

    found = run(predictions, choose(dataset, config or (), annotations)[0], split, answers, first_index)
    typer.echo(found.text())
    if out:
        write_json(out, found.metrics())
