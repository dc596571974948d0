"""The page of the command lines, made from the commands themselves."""

import importlib

import click
import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

PROGRAMS = {"eigv-extract": "extract.cli", "eigv": "eigv.cli"}
CPUS = ("threads", "processes")
"""Options whose default is a number of CPUs, which is another on every machine."""
INTRODUCTION = """# Command lines

The workflow calls these commands, and so can you. `eigv-extract` goes from raw files to HDF5, `eigv` from HDF5 to
answers, tables and figures; `--help` after any of them prints what is here. An error that you can put right is one
message and exit status 2.
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the page."""
    programs = [_program(name, importlib.import_module(module).app) for name, module in PROGRAMS.items()]
    files.append(File.generated(config, "reference/commands.md", content="\n\n".join([INTRODUCTION, *programs])))
    return files


def _program(name: str, app: typer.Typer) -> str:
    group = typer.main.get_command(app)
    context = typer.Context(group, info_name=name)
    commands = [command for command in group.commands.values() if not command.hidden]  # type: ignore[attr-defined]
    return "\n\n".join([f"## {name}", group.help or "", *(_command(command, context) for command in commands)])


def _command(command: click.Command, parent: click.Context) -> str:
    context = typer.Context(command, info_name=command.name, parent=parent)
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    lines = [f"### {context.command_path}", command.help or "", f"```\n{usage}\n```"]
    rows = [row for parameter in command.get_params(context) if (row := _row(parameter, context))]
    return "\n\n".join([*lines, "\n".join(["| | |", "|---|---|", *rows])] if rows else lines)


def _row(parameter: click.Parameter, context: click.Context) -> str | None:
    """A row of a table; None for what is not shown, and for --help, which all commands have."""
    if parameter.name in CPUS:
        parameter.show_default = "all CPUs"  # type: ignore[attr-defined]
    record = parameter.get_help_record(context)  # type: ignore[attr-defined]
    if record is None or parameter.name == "help":
        return None
    name, meaning = (cell.replace("|", "\\|") for cell in record)
    return f"| `{name}` | {meaning} |"
