"""What both console scripts share: a quiet start, one way to report an error, one way to read settings."""

import contextlib
import errno
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from base.errors import UserError
from base.writing import disk_full

Device = Annotated[
    str,
    typer.Option(envvar="EIGV_DEVICE", help="cpu, cuda, cuda:1, ...; auto takes a GPU where CUDA starts, and says so."),
]
Deterministic = Annotated[
    bool,
    typer.Option(
        envvar="EIGV_DETERMINISTIC", help="Only operations that PyTorch calls deterministic; slower on a GPU."
    ),
]
Announce = Annotated[
    Path | None, typer.Option(help="File to which a line is appended at the start, after each epoch and at the end.")
]

Stage = Annotated[
    int, typer.Option(help="Version of what this does (workflow/stages.yaml); what another one left is begun anew.")
]

if TYPE_CHECKING:
    from base.settings import Settings

S = TypeVar("S", bound="Settings")

ENVIRONMENT_ERRORS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "no permission",
    errno.EPERM: "no permission",
    errno.EROFS: "the file system is read-only",
}


def new(purpose: str) -> typer.Typer:
    """A command line without commands yet; `purpose` heads its help."""
    app = typer.Typer(help=purpose, no_args_is_help=True, add_completion=False)

    @app.callback()
    def options(
        version: Annotated[
            bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print version and commit.")
        ] = False,
    ) -> None:
        pass

    return app


def run(app: typer.Typer) -> None:
    """Runs a command line; errors that the user can put right are one message and exit status 2."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        app()
    except UserError as error:
        _stop(str(error))
    except Exception as error:
        reason = _environment_error(error)
        if reason is None:
            raise
        _stop(f"{reason}: {getattr(error, 'filename', None) or error}")


def parsed(model: type[S], text: str, option: str = "--settings") -> S:
    """The settings that an option gives, as JSON text or as the path of a YAML or JSON file.

    `UserError` that names the option for anything that does not fit.
    """
    from base import layers
    from base.settings import parse

    return parse(model, layers.read(text, option), option)


def _show_version(wanted: bool) -> None:
    if wanted:
        from base.provenance import commit, version

        typer.echo(f"eigv {version()}, commit {commit()}")
        raise typer.Exit


def _environment_error(error: Exception) -> str | None:
    number = disk_full(error)
    if number is None and isinstance(error, OSError):
        number = error.errno
    return None if number is None else ENVIRONMENT_ERRORS.get(number)


def _stop(message: str) -> None:
    with contextlib.suppress(OSError):
        print(f"error: {message}", file=sys.stderr)
    for name in ("stdout", "stderr"):
        try:
            getattr(sys, name).flush()
        except OSError:
            # The log lies on the full disk. Python would try again at its end, and change the exit status.
            setattr(sys, name, None)
    sys.exit(2)
