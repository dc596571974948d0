"""Commands that make the demo: its videos, and what its networks carry."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


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
    from base import layers
    from base.settings import parse
    from extract.demo.dataset import generate
    from extract.demo.settings import DemoSettings

    sizes = {"train": train, "val": val, "test": test, "test_shifted": test_shifted, "seed": seed, "bias": bias}
    given = {name: value for name, value in sizes.items() if value is not None}
    generate(out, parse(DemoSettings, layers.read(settings, "--settings") | given, "--settings"))
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
