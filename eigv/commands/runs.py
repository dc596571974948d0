"""Commands on models: training, evaluating, scoring, importing official checkpoints."""

from pathlib import Path
from typing import Annotated

import typer

from base import command_line
from base.command_line import Announce, Deterministic, Device, Stage
from base.errors import UserError
from base.jobs.device import working_device
from eigv.commands.options import (
    CPUS,
    DataPlace,
    JobsPerGpu,
    Labels,
    OtherClips,
    Questions,
    RunName,
    Text,
    Threads,
    Video,
)
from extract.commands.options import DatasetConfigs, DatasetName

app = typer.Typer()


@app.command()
def train(
    video: Video,
    questions: Questions,
    text: Text,
    settings: Annotated[
        str, typer.Option(help="As JSON text, or a YAML or JSON file; with --runs those of all.")
    ] = "{}",
    out: Annotated[Path | None, typer.Option(help="Folder of the run.")] = None,
    state: Annotated[Path | None, typer.Option(help="Folder for what is needed to go on after a kill.")] = None,
    runs: Annotated[
        str,
        typer.Option(
            help="Several runs in one process instead of one; a YAML or JSON list: settings, out, state of each."
        ),
    ] = "",
    ahead: Annotated[
        str, typer.Option(help="Runs to train after it, if nobody does, for their own commands to take: such a list.")
    ] = "[]",
    device: Device = "auto",
    threads: Threads = CPUS,
    jobs_per_gpu: JobsPerGpu = 1,
    name: RunName = "",
    announce: Announce = None,
    deterministic: Deterministic = False,
    stage: Stage = 0,
    logger: Annotated[
        list[str] | None, typer.Option(help="Where curves go beside history.csv: tensorboard, wandb; repeat for both.")
    ] = None,
    curves: Annotated[
        Path | None, typer.Option(help="Folder for their files; else `curves` in that of the run.")
    ] = None,
    before: Annotated[
        Path | None,
        typer.Option(
            help="What the run goes on from: for faithful the model.json that it puts an indicator on, for "
            "eigv-faithful that of its guide, for eigv-gold the gold spans."
        ),
    ] = None,
    data_on: DataPlace = "auto",
    labels: Labels = None,
) -> None:
    """Train one run, or several of one data set. Settings: those of a run (`eigv settings` prints them)."""
    from base import layers
    from eigv.runs import several

    common = layers.read(settings, "--settings")
    how = several.How(
        *(video, questions, text, device, threads, jobs_per_gpu, deterministic),
        announce=announce,
        stage=stage,
        loggers=tuple(logger or ()),
        curves=curves,
        data_on=data_on,
    )
    if runs:
        if out or state or name or before or labels or ahead != "[]":
            raise UserError(
                "--out, --state, --name, --before, --labels and --ahead are of one run: with --runs they stand in its "
                "list"
            )
        several.train_all(several.orders(layers.read_list(runs, "--runs"), common, "--runs"), how)
    elif out and state:
        own = several.Order(settings=common, out=out, state=state, name=name, before=before, labels=labels)
        others = layers.read_list(ahead, "--ahead")
        several.train_one_and_ahead(own, several.orders(others, common, "--ahead") if others else [], how)
    else:
        raise UserError("give --out and --state, the folders of the run; or --runs, a list of several")


@app.command()
def explain(
    model: Annotated[Path, typer.Argument(help="The trained model: model.json of a run.")],
    video: Video,
    questions: Questions,
    text: Text,
    out: Annotated[Path, typer.Option(help="Folder of the run with rationales.")],
    state: Annotated[Path, typer.Option(help="Folder for what is needed to go on after a kill.")],
    settings: Annotated[
        str | None, typer.Option(help="Settings of the new run, of the method faithful; else those of the model's run.")
    ] = None,
    device: Device = "auto",
    threads: Threads = CPUS,
    jobs_per_gpu: JobsPerGpu = 1,
    name: RunName = "",
    announce: Announce = None,
    deterministic: Deterministic = False,
    stage: Stage = 0,
    data_on: DataPlace = "auto",
    labels: Labels = None,
) -> None:
    """Put an indicator on a trained model: which clips does it need for its answers?"""
    from eigv.config.run import RunSettings
    from eigv.runs.explaining import explain as run

    values = None if settings is None else command_line.parsed(RunSettings, settings)
    with working_device(device, threads, jobs_per_gpu, deterministic) as claimed:
        run(
            model,
            video,
            questions,
            text,
            out,
            state,
            claimed,
            values,
            name,
            announce,
            stage,
            data_on=data_on,
            labels=labels,
        )


@app.command()
def evaluate(
    model: Annotated[Path, typer.Option(help="The model.json of a run.")],
    video: Video,
    questions: Questions,
    text: Text,
    out: Annotated[Path, typer.Option(help="Folder for metrics.json and predictions.csv.")],
    split: Annotated[str, typer.Option(help="The split.")] = "test",
    answer_from: Annotated[str | None, typer.Option(help="video or causal-scene; else as the method trains.")] = None,
    environment: OtherClips = None,
    gold: Annotated[Path | None, typer.Option(help="Gold spans, to measure the rationales against.")] = None,
    faithfulness: Annotated[
        int, typer.Option(min=0, help="Questions on which it is measured whether answers rest on the rationales.")
    ] = 500,
    noise_draws: Annotated[
        int, typer.Option(min=0, help="How often causal scenes are drawn with noise as well, for mean and deviation.")
    ] = 0,
    state: Annotated[
        Path | None, typer.Option(help="Folder beside which files lie that another process has made ahead.")
    ] = None,
    ahead: Annotated[
        str, typer.Option(help="Evaluations to make after it, for their own commands to take; a YAML or JSON list.")
    ] = "[]",
    device: Device = "auto",
    threads: Threads = CPUS,
    jobs_per_gpu: JobsPerGpu = 1,
    stage: Stage = 0,
) -> None:
    """Evaluate a trained model: accuracy, predictions and rationales."""
    from base import layers
    from eigv.runs.ahead import evaluations
    from eigv.runs.several import How

    asked = {"answer_from": answer_from, "environment": environment}
    numbers = {"faithfulness": faithfulness, "noise_draws": noise_draws}
    inference = {name: value for name, value in asked.items() if value} | numbers
    own = {"model": model, "out": out, "split": split, "gold": gold, "state": state, "inference": inference}
    others = layers.read_list(ahead, "--ahead")
    how = How(video, questions, text, device, threads, jobs_per_gpu, stage=stage)
    if others and state is None:
        raise UserError("--ahead needs --state, beside which the command's own files lie until the others are made")
    metrics = evaluations.evaluate_one_and_ahead(
        evaluations.evaluations([own], "the command line")[0], evaluations.evaluations(others, "--ahead"), how
    )
    typer.echo(f"{split}: accuracy {metrics['accuracy']:.2f} % of {metrics['questions']} questions")
    if clips := metrics.get("rationale", {}).get("gold", {}).get("clips"):
        of_rows = (
            f"{row} {clips[row]['iop']:.1f} and {clips[row]['iou']:.1f} %" for row in ("selected", "random", "all")
        )
        typer.echo(f"IoP and IoU with the gold clips: {', '.join(of_rows)}")


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
    from eigv.runs.external.official_checkpoints import import_checkpoint as run

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
    from eigv.runs.external.scoring import score as run
    from extract.annotations.choice import choose

    found = run(predictions, choose(dataset, config or (), annotations)[0], split, answers, first_index)
    typer.echo(found.text())
    if out:
        write_json(out, found.metrics())
