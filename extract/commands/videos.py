"""Commands on raw videos: looking at them, dealing them out, decoding."""

from pathlib import Path
from typing import Annotated

import typer

from base import command_line
from base.command_line import Stage
from extract.commands.options import CPUS, Out, Processes, SettingsText

app = typer.Typer()


@app.command()
def probe(
    settings: SettingsText,
    out: Out,
    questions: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of read annotations, in place of `datasets`; without both: all."),
    ] = None,
    processes: Processes = CPUS,
    stage: Stage = 0,
) -> None:
    """Look at every video that is asked for; writes the manifest. Settings: `collection`, `sampling`, `datasets`."""
    from base.formats.manifest import write_manifest
    from extract.annotations import wanted_videos
    from extract.annotations.questions import video_ids
    from extract.config import ProbeJob
    from extract.videos.places import Places
    from extract.videos.probe import probe as probe_videos

    job = command_line.parsed(ProbeJob, settings)
    notes = out.with_name(f".{out.name}.notes")
    asked = wanted_videos(job.datasets.values()) if job.datasets else video_ids(questions or [])
    ids = asked or Places(job.collection).all_ids()
    manifest = probe_videos(ids, job.collection, job.sampling, processes, notes, stage)
    write_manifest(out, manifest)
    typer.echo(
        f"{out}: " + ", ".join(f"{count} {status}" for status, count in manifest["status"].value_counts().items())
    )


@app.command()
def shards(
    settings: SettingsText, manifest: Annotated[Path, typer.Option(help="The manifest.")], out: list[Path]
) -> None:
    """Deal the videos of a manifest out to shards (one CSV each). Settings: one video collection."""
    from base.formats.manifest import read_manifest
    from extract.config import VideoCollection
    from extract.videos.decode import write_shards

    write_shards(read_manifest(manifest), command_line.parsed(VideoCollection, settings), out)


@app.command()
def decode(
    settings: SettingsText,
    shard: Annotated[Path, typer.Option(help="The shard's CSV.")],
    out: Out,
    processes: Processes = CPUS,
    stage: Stage = 0,
) -> None:
    """Decode the sampled frames of a shard. Settings: `collection`, `features`."""
    from base.formats.manifest import read_manifest
    from extract.config import DecodeJob
    from extract.videos.decode import decode_shard

    job = command_line.parsed(DecodeJob, settings)
    decode_shard(read_manifest(shard), job.collection, job.features, out, processes, stage)
