"""The command line `eigv`: HDF5 to answers, rationales, tables and figures."""

from base import command_line
from eigv.commands import asking, configuration, paper, rationales, runs

app = command_line.new("Train and evaluate interpretable VideoQA models; make tables and figures.")
for commands in (runs, asking, rationales, paper, configuration):
    app.add_typer(commands.app)


def main() -> None:
    """Entry point of the console script."""
    command_line.run(app)


if __name__ == "__main__":
    main()
