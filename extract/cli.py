"""The command line `eigv-extract`: raw files to HDF5."""

from base import command_line
from extract.commands import annotations, demo, features, text, videos

app = command_line.new("From raw videos and annotations to features in HDF5.")
for commands in (annotations, videos, features, text, demo):
    app.add_typer(commands.app)


def main() -> None:
    """Entry point of the console script."""
    command_line.run(app)


if __name__ == "__main__":
    main()
