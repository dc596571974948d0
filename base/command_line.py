"""What both console scripts share: a quiet start, one way to report an error, one way to read settings."""

import contextlib
import errno
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from base.errors import UserError
from base.writing import disk_full

Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, ...; auto takes a GPU where there is one.")]
Announce = Annotated[
    Path | None, typer.Option(help="File to which a line is appended at the start, after each epoch and at the end.")
]

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


@contextlib.contextmanager
def device(name: str, threads: int, jobs_per_gpu: int = 1) -> Iterator[str]:
    """The device that `name` means (`auto` takes a GPU where there is one), claimed; sets the number of CPU threads."""
    import torch

    from base.gpu import one_gpu

    torch.set_num_threads(threads)
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    with one_gpu(name, jobs_per_gpu) as claimed:
        if claimed.startswith("cuda"):
            torch.cuda.set_device(claimed)
        yield claimed


def read_settings(text: str) -> dict[str, Any]:
    """Reads a `--settings` value: JSON text, or the path of a YAML or JSON file."""
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise UserError(f"--settings is not JSON: {error.msg} at character {error.pos}") from None
    path = Path(text)
    if not path.is_file():
        raise UserError(f"--settings: {path} is not a file (give JSON text, or the path of a YAML or JSON file)")
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"--settings: {path} is not YAML: {error}") from None
    if not isinstance(loaded, dict):
        raise UserError(f"--settings: {path} does not hold keys and values")
    return loaded


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
