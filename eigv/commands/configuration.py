"""Commands on configurations: what a run is set to, and the schema."""

import json
from pathlib import Path
from typing import Annotated

import typer

from eigv.commands.options import Configs

app = typer.Typer()


@app.command()
def settings(
    config: Configs,
    run: Annotated[str, typer.Option(help="dataset/backbone/method/features/seedN")],
) -> None:
    """Print the settings of one run of a configuration, for `eigv train --settings`."""
    from eigv.config.experiment import load, settings_of_run
    from eigv.config.run_path import Run

    typer.echo(json.dumps(settings_of_run(load(config), Run.of(run)), indent=2))


@app.command()
def schema(
    readme: Annotated[Path | None, typer.Option(help="Bring this README's table of keys up to date.")] = None,
) -> None:
    """Print the JSON schema of the configuration."""
    from eigv.config.docs import write
    from eigv.config.experiment import Config

    if readme:
        write(readme)
    typer.echo(json.dumps(Config.model_json_schema(), indent=2))
