"""Commands on rationales: scoring the seconds that answers rest on."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from base.command_line import Device
from base.jobs.device import working_device
from eigv.commands.options import CPUS, JobsPerGpu, OtherClips, Questions, Text, Threads, Video

app = typer.Typer()


@app.command("compare-explanations")
def compare_explanations(
    model: Annotated[Path, typer.Argument(help="The model.json of a run with an indicator.")],
    video: Video,
    questions: Questions,
    text: Text,
    gold: Annotated[Path, typer.Option(help="The gold spans, seconds by question id.")],
    out: Annotated[Path, typer.Option(help="The CSV to write: a row for each question, explainer and selection.")],
    split: Annotated[str, typer.Option(help="The split.")] = "test",
    environment: OtherClips = None,
    device: Device = "auto",
    threads: Threads = CPUS,
    jobs_per_gpu: JobsPerGpu = 1,
) -> None:
    """Hold what a model's indicator selects against what post-hoc explainers of the same model would select."""
    from eigv.explanations.comparison import compare, summary

    with working_device(device, threads, jobs_per_gpu) as claimed:
        found = compare(model, video, questions, text, gold, out, claimed, split, environment)
    typer.echo(summary(found).round(1).reset_index().to_markdown(index=False))


@app.command("score-grounding")
def score_grounding(
    predictions: Annotated[
        Path,
        typer.Argument(
            help="The seconds that answers rest on, as NExT-GQA's systems write them: JSON with a start and an end by "
            "video_qid; also several spans, or nested by video. Or the predictions.csv of a run."
        ),
    ],
    gold: Annotated[
        Path, typer.Argument(help="The gold spans: NExT-GQA's gsub_<split>.json, or JSON of spans by question id.")
    ],
    answers: Annotated[
        Path | None,
        typer.Option(
            help='Answers for Acc@GQA: JSON {"video_qid": {"prediction": ..., "answer": ...}, ...}; else those that '
            "stand beside the spans."
        ),
    ] = None,
    as_one: Annotated[
        Literal["all", "hull", "longest"],
        typer.Option(help="What counts of several spans: all together, their hull, or the longest alone."),
    ] = "all",
    relative: Annotated[
        bool, typer.Option("--relative", help="Spans are shares of the video, from 0 to 1, and not seconds.")
    ] = False,
    published: Annotated[bool, typer.Option("--published", help="Show the published rows of NExT-GQA beside.")] = False,
    out: Annotated[Path | None, typer.Option(help="Also write the scores as JSON.")] = None,
) -> None:
    """Score the grounding of any system by NExT-GQA's metrics; a missing prediction is wrong, and counted."""
    from base.writing import write_json
    from eigv.rationales.scoring import score_grounding as run

    found = run(predictions, gold, answers, as_one, relative)
    typer.echo(found.text(predictions.name, published))
    if out:
        write_json(out, found.as_json())
