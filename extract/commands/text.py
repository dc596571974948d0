"""Commands on token features: fine-tuning the encoder, making and importing them."""

from pathlib import Path
from typing import Annotated

import typer

from base import command_line
from base.command_line import Announce, Deterministic, Device, Stage
from base.jobs.device import working_device
from extract.commands.options import CPUS, Out, SettingsText, Threads

app = typer.Typer()


@app.command()
def finetune(
    settings: SettingsText,
    questions: Annotated[Path, typer.Option(help="Folder of annotations with train.csv and val.csv.")],
    out: Out,
    state: Annotated[Path, typer.Option(help="Folder for what is needed to go on after a kill.")],
    device: Device = "auto",
    threads: Threads = CPUS,
    name: Annotated[str, typer.Option(help="What this is called in its progress.")] = "fine-tuning",
    announce: Announce = None,
    deterministic: Deterministic = False,
    stage: Stage = 0,
) -> None:
    """Fine-tune the text encoder on the train questions. Settings: `text`."""
    from extract.config import TextSettings
    from extract.text.finetune import finetune as run

    wanted = command_line.parsed(TextSettings, settings)
    with working_device(device, threads, deterministic=deterministic) as claimed:
        run(questions, wanted, out, state, claimed, name, announce, stage)


@app.command()
def tokens(
    settings: SettingsText,
    questions: Annotated[Path, typer.Option(help="Folder of annotations.")],
    encoder: Annotated[Path, typer.Option(help="The fine-tuned encoder.")],
    split: Annotated[list[str], typer.Option(help="Split; repeat for several.")],
    out: Annotated[Path, typer.Option(help="Folder for text_<split>.h5.")],
    state: Annotated[Path, typer.Option(help="Folder for what is needed to go on after a kill.")],
    device: Device = "auto",
    threads: Threads = CPUS,
    stage: Stage = 0,
) -> None:
    """Write the packed token features of some splits. Settings: `text`."""
    from extract.config import TextSettings
    from extract.text.tokens import write_tokens

    text = command_line.parsed(TextSettings, settings)
    with working_device(device, threads) as claimed:
        files = {name: out / f"text_{name}.h5" for name in split}
        write_tokens(questions, files, encoder, text, state, claimed, stage)


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
