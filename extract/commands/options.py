"""Options that several commands have."""

import os
from pathlib import Path
from typing import Annotated

import typer

CPUS = len(os.sched_getaffinity(0))

DatasetName = Annotated[
    str,
    typer.Option(help="nextqa, next-oe, msvd-qa, msrvtt-qa, custom or path/of/a/file.py:READER; with --config a name."),
]
DatasetConfigs = Annotated[
    list[str] | None,
    typer.Option("--config", help="Take the data set from this configuration; repeat it, later ones go over earlier."),
]
SettingsText = Annotated[str, typer.Option(help="Settings as JSON text, or a YAML or JSON file.")]
Out = Annotated[Path, typer.Option(help="Where the result is written.")]
Processes = Annotated[int, typer.Option(min=1, help="Videos that are worked on side by side.")]
Threads = Annotated[int, typer.Option(min=1, help="CPU threads.")]
