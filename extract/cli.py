"""The command line `eigv-extract`: raw files to HDF5. Commands import what they need when they run."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from base import command_line
from base.command_line import Announce, Device

app = command_line.new("From raw videos and annotations to features in HDF5.")

Settings = Annotated[str, typer.Option(help="Settings as JSON text, or a YAML or JSON file.")]
Out = Annotated[Path, typer.Option(help="Where the result is written.")]
Processes = Annotated[int, typer.Option(min=1, help="Videos that are worked on side by side.")]
CPUS = len(os.sched_getaffinity(0))


def main() -> None:
    """Entry point of the console script."""
    command_line.run(app)


def _parse(model: Any, values: Any) -> Any:
    from base.settings import parse

    return parse(model, values, "--settings")


@app.command("demo-data")
def demo_data(
    out: Annotated[Path, typer.Option(help="Folder of the data set.")] = Path("data/demo"),
    settings: Annotated[str, typer.Option(help="Settings as JSON text, or a file; see docs/demo-data.md.")] = "{}",
    train: Annotated[int | None, typer.Option(help="Videos in train.")] = None,
    val: Annotated[int | None, typer.Option(help="Videos in val.")] = None,
    test: Annotated[int | None, typer.Option(help="Videos in test.")] = None,
    test_shifted: Annotated[int | None, typer.Option(help="Videos in test-shifted.")] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed is another data set.")] = None,
    bias: Annotated[
        float | None, typer.Option(help="How strongly the environment predicts the answer, 0 to 1.")
    ] = None,
    picture: Annotated[Path | None, typer.Option(help="Also draw a contact sheet (PNG).")] = None,
) -> None:
    """Render the demo data set: videos, questions, answers and gold spans."""
    from extract.demo.dataset import generate
    from extract.demo.settings import DemoSettings

    sizes = {"train": train, "val": val, "test": test, "test_shifted": test_shifted, "seed": seed, "bias": bias}
    given = {name: value for name, value in sizes.items() if value is not None}
    generate(out, _parse(DemoSettings, command_line.read_settings(settings) | given))
    if picture:
        from extract.demo.contact_sheet import contact_sheet

        contact_sheet(out, picture)


@app.command("train-motion")
def train_motion(
    out: Annotated[Path, typer.Option(help="The file of weights.")] = Path("motion-resnext3d-tiny.safetensors"),
    steps: Annotated[int | None, typer.Option(help="Training steps; the shipped file's number if empty.")] = None,
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
) -> None:
    """Train the demo's motion network on generated clips (the recipe of the shipped file)."""
    from extract.demo.motion import train_motion as run

    for name, value in run(out, seed=seed, **({"steps": steps} if steps else {})).items():
        typer.echo(f"{name}: {value}")


@app.command()
def calibrate(
    out: Annotated[Path, typer.Option(help="The file of means and deviations.")] = Path(
        "appearance-extrema.safetensors"
    ),
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
) -> None:
    """Make what the demo's appearance features are standardised by (the recipe of the shipped file)."""
    from extract.demo.appearance import calibrate as run

    for name, value in run(out, seed=seed).items():
        typer.echo(f"{name}: {value}")


@app.command()
def annotations(settings: Settings, out: Out) -> None:
    """Read a data set's annotation files; writes {split}.csv in our columns. Settings: one data set."""
    from extract.annotations.questions import write_all
    from extract.config import Dataset

    write_all(_parse(Dataset, command_line.read_settings(settings)), out)


@app.command()
def doctor(
    dataset: Annotated[str, typer.Option(help="nextqa, next-oe, msvd-qa, msrvtt-qa, custom; with --config a name.")],
    annotations: Annotated[Path | None, typer.Option(help="Folder of the annotation files (custom: the CSV).")] = None,
    videos: Annotated[Path | None, typer.Option(help="Folder of the videos; they are not checked without it.")] = None,
    mapping: Annotated[Path | None, typer.Option(help="JSON from video ids to paths (map_vid_vidorID.json).")] = None,
    subfolder: Annotated[
        list[str] | None,
        typer.Option(help="Folder below --videos; repeat for several. msrvtt-qa: TrainValVideo, TestVideo."),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Take the data set from this configuration.")] = None,
    listing: Annotated[
        Path | None, typer.Option("--list", help="Write every missing and extra video to this CSV.")
    ] = None,
) -> None:
    """Check a downloaded data set: counts, ids, splits, answers, videos. Exit status 1 if there is a problem."""
    from base.writing import write_csv
    from extract.annotations.choice import choose
    from extract.annotations.doctor import Video, examine

    diagnosis = examine(*choose(dataset, config, annotations, videos, mapping, subfolder))
    typer.echo(diagnosis.table())
    if listing:
        import pandas as pd

        write_csv(listing, pd.DataFrame(diagnosis.videos, columns=list(Video._fields)))
    elif diagnosis.videos:
        typer.echo("--list FILE writes every missing and extra video")
    typer.echo(f"{dataset}: " + ("healthy" if diagnosis.healthy else "there are problems"))
    raise typer.Exit(0 if diagnosis.healthy else 1)


@app.command()
def probe(
    settings: Settings,
    out: Out,
    questions: Annotated[
        list[Path] | None, typer.Option(help="Folder of read annotations; repeat it for several. Without: all videos.")
    ] = None,
    processes: Processes = CPUS,
) -> None:
    """Look at every video that the annotations ask for; writes the manifest. Settings: `collection`, `sampling`."""
    from base.formats.manifest import write_manifest
    from extract import config
    from extract.annotations.questions import video_ids
    from extract.videos.probe import all_ids
    from extract.videos.probe import probe as probe_videos

    values = command_line.read_settings(settings)
    collection = _parse(config.VideoCollection, values["collection"])
    sampling = _parse(config.Sampling, values["sampling"])
    notes = out.with_name(f".{out.name}.notes")
    ids = video_ids(questions) if questions else all_ids(collection)
    manifest = probe_videos(ids, collection, sampling, processes, notes)
    write_manifest(out, manifest)
    typer.echo(
        f"{out}: " + ", ".join(f"{count} {status}" for status, count in manifest["status"].value_counts().items())
    )


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
        _parse(config.Dataset, command_line.read_settings(dataset)),
        _parse(config.VideoCollection, command_line.read_settings(collection)),
        everything,
        read_manifest(manifest),
        out,
    )
    for split, counts in summary.items():
        typer.echo(f"{split}: " + ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in counts.items()))
    if classes := read_vocabulary(out):
        typer.echo(f"{out}/vocabulary.json: {len(classes)} classes")


@app.command()
def shards(settings: Settings, manifest: Annotated[Path, typer.Option(help="The manifest.")], out: list[Path]) -> None:
    """Deal the videos of a manifest out to shards (one CSV each). Settings: one video collection."""
    from base.formats.manifest import read_manifest
    from extract.config import VideoCollection
    from extract.videos.decode import write_shards

    write_shards(read_manifest(manifest), _parse(VideoCollection, command_line.read_settings(settings)), out)


@app.command()
def decode(
    settings: Settings,
    shard: Annotated[Path, typer.Option(help="The shard's CSV.")],
    out: Out,
    processes: Processes = CPUS,
) -> None:
    """Decode the sampled frames of a shard. Settings: `collection`, `features`."""
    from base.formats.manifest import read_manifest
    from extract import config
    from extract.videos.decode import decode_shard

    values = command_line.read_settings(settings)
    collection = _parse(config.VideoCollection, values["collection"])
    decode_shard(read_manifest(shard), collection, _parse(config.Features, values["features"]), out, processes)


@app.command()
def features(
    kind: Annotated[str, typer.Argument(help="appearance or motion")],
    settings: Settings,
    frames: Annotated[Path, typer.Option(help="A decoded shard.")],
    out: Out,
    device: Device = "auto",
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = CPUS,
) -> None:
    """Run the appearance or the motion network over a decoded shard. Settings: `features`."""
    from extract.config import Features
    from extract.features.shards import extract_shard

    wanted = _parse(Features, command_line.read_settings(settings))
    with command_line.device(device, threads) as claimed:
        extract_shard(kind, frames, wanted, out, claimed)


@app.command()
def merge(
    settings: Settings,
    collection: Annotated[str, typer.Option(help="Settings of the video collection.")],
    manifest: Annotated[Path, typer.Option(help="The manifest.")],
    frames: Annotated[list[Path], typer.Option(help="Decoded shard; repeat for each, likewise the next two.")],
    appearance: Annotated[list[Path], typer.Option(help="Its appearance features.")],
    motion: Annotated[list[Path], typer.Option(help="Its motion features.")],
    out: Out,
) -> None:
    """Merge the shards of a collection into video.h5. Settings: `features`."""
    from base.formats.manifest import read_manifest
    from extract import config
    from extract.features.merge import merge as merge_shards
    from extract.videos.probe import leave_out

    table = read_manifest(manifest)
    used = table[~leave_out(table, _parse(config.VideoCollection, command_line.read_settings(collection)))]
    shard_files = list(zip(frames, appearance, motion, strict=True))
    merge_shards(shard_files, _parse(config.Features, command_line.read_settings(settings)), used, out)


@app.command("import")
def import_command(
    settings: Settings,
    questions: Annotated[list[Path], typer.Option(help="Folder of read annotations; repeat it for several.")],
    out: Annotated[Path, typer.Option(help="The feature file, video.h5.")],
    manifest: Annotated[Path, typer.Option(help="The manifest that is written with it.")],
    processes: Processes = CPUS,
) -> None:
    """Check features that someone else extracted and write them as video.h5. Settings: `collection`, `features`."""
    from extract import config
    from extract.features.imported import import_features

    values = command_line.read_settings(settings)
    collection = _parse(config.VideoCollection, values["collection"])
    wanted = _parse(config.Features, values["features"])
    import_features(questions, collection, wanted, out, manifest, processes)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Features, in any layout that can be imported.")],
    layout: Annotated[str, typer.Option(help="nextqa, hcrn or npy.")],
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


@app.command()
def finetune(
    settings: Settings,
    questions: Annotated[Path, typer.Option(help="Folder of annotations with train.csv and val.csv.")],
    out: Out,
    state: Annotated[Path, typer.Option(help="Folder for what is needed to go on after a kill.")],
    device: Device = "auto",
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = CPUS,
    name: Annotated[str, typer.Option(help="What this is called in its progress.")] = "fine-tuning",
    announce: Announce = None,
) -> None:
    """Fine-tune the text encoder on the train questions. Settings: `text`."""
    from extract.config import Text
    from extract.text.finetune import finetune as run

    wanted = _parse(Text, command_line.read_settings(settings))
    with command_line.device(device, threads) as claimed:
        run(questions, wanted, out, state, claimed, name, announce)


@app.command()
def tokens(
    settings: Settings,
    questions: Annotated[Path, typer.Option(help="Folder of annotations.")],
    encoder: Annotated[Path, typer.Option(help="The fine-tuned encoder.")],
    split: Annotated[list[str], typer.Option(help="Split; repeat for several.")],
    out: Annotated[Path, typer.Option(help="Folder for text_<split>.h5.")],
    state: Annotated[Path, typer.Option(help="Folder for what is needed to go on after a kill.")],
    device: Device = "auto",
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = CPUS,
) -> None:
    """Write the packed token features of some splits. Settings: `text`."""
    from extract.config import Text
    from extract.text.tokens import write_tokens

    text = _parse(Text, command_line.read_settings(settings))
    with command_line.device(device, threads) as claimed:
        for name in split:
            write_tokens(questions, name, encoder, text, out / f"text_{name}.h5", state / name, claimed)


@app.command("import-tokens")
def import_tokens(
    dense: Annotated[Path, typer.Argument(help="The official file: bert_ft_{split}.h5.")],
    annotations: Annotated[
        Path,
        typer.Option(help="The split's CSV that `annotations` wrote; its rows have the order of the official file."),
    ],
    out: Annotated[Path, typer.Option(help="The packed file, text_<split>.h5.")],
    tokenizer: Annotated[
        str, typer.Option(help="Encoder that made the file, whose tokenizer counts tokens; `words` compares by words.")
    ] = "bert-base-uncased",
) -> None:
    """Import dense token features of others; checks that their rows belong to the questions."""
    from extract.text.dense import import_dense

    about = import_dense(dense, annotations, out, tokenizer)
    typer.echo(f"{out}: lengths of texts and features compared {about['alignment']}")


if __name__ == "__main__":
    main()
