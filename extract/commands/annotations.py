"""Commands on annotation files: reading them, checking a download, keeping the questions whose videos are used."""

from pathlib import Path
from typing import Annotated

import typer

from base import command_line
from extract.commands.options import DatasetConfigs, DatasetName, Out, SettingsText

app = typer.Typer()


@app.command()
def annotations(settings: SettingsText, out: Out) -> None:
    """Read a data set's annotation files; writes {split}.csv in our columns. Settings: one data set."""
    from extract.annotations.questions import write_all
    from extract.config import Dataset

    write_all(command_line.parsed(Dataset, settings), out)


@app.command()
def doctor(
    dataset: DatasetName,
    annotations: Annotated[Path | None, typer.Option(help="Folder of the annotation files (custom: the CSV).")] = None,
    videos: Annotated[Path | None, typer.Option(help="Folder of the videos; they are not checked without it.")] = None,
    mapping: Annotated[Path | None, typer.Option(help="JSON from video ids to paths (map_vid_vidorID.json).")] = None,
    subfolder: Annotated[
        list[str] | None,
        typer.Option(help="Folder below --videos; repeat for several. msrvtt-qa: TrainValVideo, TestVideo."),
    ] = None,
    config: DatasetConfigs = None,
    listing: Annotated[
        Path | None, typer.Option("--list", help="Write every missing and extra video to this CSV.")
    ] = None,
) -> None:
    """Check a downloaded data set: counts, ids, splits, answers, videos. Exit status 1 if there is a problem."""
    from base.writing import write_csv
    from extract.annotations.choice import choose, manifest_of
    from extract.annotations.doctor import Video, examine

    chosen = choose(dataset, config or (), annotations, videos, mapping, subfolder)
    diagnosis = examine(*chosen, manifest_of(dataset, config or ()))
    typer.echo(diagnosis.table())
    if listing:
        import pandas as pd

        write_csv(listing, pd.DataFrame(diagnosis.videos, columns=list(Video._fields)))
    elif diagnosis.videos:
        typer.echo("--list FILE writes every missing and extra video")
    typer.echo(f"{dataset}: " + ("healthy" if diagnosis.healthy else "there are problems"))
    raise typer.Exit(0 if diagnosis.healthy else 1)


@app.command()
def gold(
    spans: Annotated[
        list[Path], typer.Argument(help="JSON of the seconds that hold the answers, by question id; one file or more.")
    ],
    everything: Annotated[Path, typer.Option(help="Folder that `annotations` wrote.")],
    questions: Annotated[Path, typer.Option(help="Folder that `questions` wrote.")],
    out: Out,
) -> None:
    """Check gold spans against the questions, and keep those of the questions that are used."""
    from extract.annotations.questions import write_gold

    typer.echo(f"{out}: spans of {write_gold(spans, everything, questions, out)} questions")


@app.command()
def questions(
    dataset: Annotated[str, typer.Option(help="Settings of the data set.")],
    collection: Annotated[str, typer.Option(help="Settings of its video collection.")],
    everything: Annotated[Path, typer.Option(help="Folder that `annotations` wrote.")],
    manifest: Annotated[Path, typer.Option(help="The manifest of its videos.")],
    out: Out,
) -> None:
    """Keep the questions whose videos are used, count the others, build the answer vocabulary."""
    from base.formats.manifest import read_manifest
    from base.formats.vocabulary import read_vocabulary
    from extract import config
    from extract.annotations.questions import select

    summary = select(
        command_line.parsed(config.Dataset, dataset, "--dataset"),
        command_line.parsed(config.VideoCollection, collection, "--collection"),
        everything,
        read_manifest(manifest),
        out,
    )
    for split, counts in summary.items():
        typer.echo(f"{split}: " + ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in counts.items()))
    if classes := read_vocabulary(out):
        typer.echo(f"{out}/vocabulary.json: {len(classes)} classes")
