"""Options that several commands have."""

import os
from pathlib import Path
from typing import Annotated

import typer

from eigv.config.choices import DataOn, Environment

CPUS = len(os.sched_getaffinity(0))
SettingsText = Annotated[str, typer.Option(help="Settings as JSON text, or a YAML or JSON file.")]
Video = Annotated[Path, typer.Option(help="The video features, video.h5.")]
Questions = Annotated[Path, typer.Option(help="Folder of annotations.")]
Text = Annotated[Path, typer.Option(help="Folder of token features, text_<split>.h5.")]
Configs = Annotated[
    list[str], typer.Option("--config", help="Configuration file, or JSON text; later ones go over earlier ones.")
]
Manifest = Annotated[Path, typer.Option(help="The manifest of the videos.")]
Gold = Annotated[Path | None, typer.Option(help="The gold spans to mark, seconds by question id.")]
Pictures = Annotated[list[Path], typer.Option(help="The picture (PNG or PDF); repeat for more.")]
OtherClips = Annotated[
    Environment | None,
    typer.Option(help="What becomes of the other clips where selected ones are answered; else as the model trains."),
]
Threads = Annotated[int, typer.Option(min=1, help="CPU threads.")]
RunName = Annotated[str, typer.Option(help="What the run is called in its progress; else backbone and method.")]
JobsPerGpu = Annotated[int, typer.Option(min=1, help="How many jobs that say so may share a GPU.")]
Labels = Annotated[Path | None, typer.Option(help="Gold spans: labels of the indicator (eigv.faithful.labelled).")]
DataPlace = Annotated[
    DataOn, typer.Option(help="Where data lie while a GPU trains: device, host, or auto: on it as far as they fit.")
]
