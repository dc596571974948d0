"""Commands on clip features: making, merging, importing, exporting, inspecting, comparing."""

from pathlib import Path
from typing import Annotated

import typer

from base import command_line
from base.command_line import Device, Stage
from base.errors import UserError
from base.jobs.device import working_device
from extract.commands.options import CPUS, Out, Processes, SettingsText, Threads

app = typer.Typer()


@app.command()
def features(
    kind: Annotated[str, typer.Argument(help="appearance or motion")],
    settings: SettingsText,
    frames: Annotated[Path, typer.Option(help="A decoded shard.")],
    out: Out,
    device: Device = "auto",
    threads: Threads = CPUS,
    stage: Stage = 0,
) -> None:
    """Run the appearance or the motion network over a decoded shard. Settings: `features`."""
    from extract.config import FeaturesSettings
    from extract.features.shards import extract_shard

    wanted = command_line.parsed(FeaturesSettings, settings)
    with working_device(device, threads) as claimed:
        extract_shard(kind, frames, wanted, out, claimed, stage)


@app.command()
def merge(
    settings: SettingsText,
    collection: Annotated[str, typer.Option(help="Settings of the video collection.")],
    manifest: Annotated[Path, typer.Option(help="The manifest.")],
    frames: Annotated[list[Path], typer.Option(help="Decoded shard; repeat for each, likewise the next two.")],
    out: Out,
    appearance: Annotated[list[Path] | None, typer.Option(help="Its appearance features.")] = None,
    motion: Annotated[list[Path] | None, typer.Option(help="Its motion features.")] = None,
) -> None:
    """Merge the shards of a collection into video.h5; without one kind of features, into a file of the other alone.

    Settings: `features`.
    """
    from base.formats.manifest import read_manifest
    from extract import config
    from extract.features.merge import merge as merge_shards
    from extract.videos.judgement import leave_out

    table = read_manifest(manifest)
    used = table[~leave_out(table, command_line.parsed(config.VideoCollection, collection, "--collection"))]
    kinds = {"appearance": appearance, "motion": motion}
    given = {kind: files for kind, files in kinds.items() if files}
    if any(len(files) != len(frames) for files in given.values()) or not given:
        raise UserError("give --frames, and --appearance or --motion or both, each as often as there are shards")
    shards = [(path, {kind: files[n] for kind, files in given.items()}) for n, path in enumerate(frames)]
    merge_shards(shards, command_line.parsed(config.FeaturesSettings, settings), used, out)


@app.command("import")
def import_command(
    settings: SettingsText,
    out: Annotated[Path, typer.Option(help="The feature file, video.h5.")],
    manifest: Annotated[Path, typer.Option(help="The manifest that is written with it.")],
    questions: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of read annotations, in place of `datasets`; repeatable."),
    ] = None,
    processes: Processes = CPUS,
) -> None:
    """Check others' features and write them as video.h5. Settings: `collection`, `features`, `datasets`."""
    from extract.annotations import wanted_videos
    from extract.annotations.questions import video_ids
    from extract.config import ImportJob
    from extract.features.imported import import_features

    job = command_line.parsed(ImportJob, settings)
    wanted = wanted_videos(job.datasets.values()) if job.datasets else video_ids(questions or [])
    import_features(wanted, job.collection, job.features, out, manifest, processes)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Features, in any layout that can be imported.")],
    layout: Annotated[str, typer.Option(help="nextqa, hcrn, npy or FILE.py:LAYOUT.")],
    out: Annotated[Path, typer.Option(help="The folder that is written to.")],
    questions: Annotated[
        Path | None, typer.Option(help="Folder of annotations; `nextqa` writes a file for each of its splits.")
    ] = None,
) -> None:
    """Write features in the layout of another code."""
    from extract.features.exported import export_features
    from extract.layouts import open_layout, recognise

    with open_layout(recognise(file)) as source:
        export_features(layout, source, out, questions)


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(help="An HDF5 file, or a folder of features.")],
) -> None:
    """Say what is in a file: counts, shapes, status of the videos, statistics, where it comes from.

    Exit status 1 where it is not clean.
    """
    from extract.features.inspection import inspect as look

    found = look(file)
    typer.echo(found.text)
    typer.echo("\n" + "\n".join(f"not clean: {problem}" for problem in found.problems) if found.problems else "\nclean")
    raise typer.Exit(1 if found.problems else 0)


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(help="Features, in any layout that can be imported.")],
    second: Annotated[Path, typer.Argument(help="Features to compare them with.")],
    csv: Annotated[Path | None, typer.Option(help="Also write the figures of each video.")] = None,
) -> None:
    """Say in words whether two files hold the same features. Exit status 1 where they do not."""
    from base.writing import write_csv
    from extract.features.comparison import ORDER, ROUNDING, SAME
    from extract.features.comparison import compare as run
    from extract.layouts import open_layout, recognise

    with open_layout(recognise(first)) as a, open_layout(recognise(second)) as b:
        found = run(a, b)
    typer.echo(found.text)
    if csv is not None:
        write_csv(csv, found.videos)
    raise typer.Exit(0 if found.verdict in (SAME, ROUNDING, ORDER) else 1)
