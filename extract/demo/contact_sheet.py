"""A picture of the demo data set: frames, script, questions, answers and gold spans of a few videos."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from base.errors import UserError
from base.reading import read_json
from base.writing import atomic_path
from extract.demo.questions import TYPES

FRAMES = 16
WIDTH, MARGIN = 12.0, 0.2  # of the picture in inches; heights of its parts below
TITLE, BAR, QUESTION, GAP = 0.28, 0.24, 0.32, 0.2
DPI = 110
PALETTE = 256  # colours of the file; keeps it small
SEPARATOR = 2  # white pixels between frames

TINT = {
    "ocean": "#a9cfe4",
    "meadow": "#bfe0ad",
    "desert": "#f3d7a6",
    "city": "#cfcdd6",
    "snow": "#e6edf5",
    "night": "#a9a8cc",
}
GOLD, TRACK, INK, GREY = "#dd9c00", "#ececec", "#222222", "#6b6b6b"


def contact_sheet(folder: Path, out_png: Path, videos: int = 4, questions: int = 3, split: str = "test") -> None:
    """Draws the first `videos` videos of a split of the data set in `folder` to a PNG.

    Sixteen frames at even distances stand above a timeline with the script and, for some questions, the seconds that
    hold the answer. Raises `UserError` when the folder holds no finished data set.
    """
    folder = Path(folder)
    scripts = read_json(folder / "scenes.json", "demo data")
    gold = read_json(folder / "gold" / f"gsub_{split}.json", "demo data")
    table = pd.read_csv(folder / "multiple-choice" / f"{split}.csv", dtype={"video": str})
    chosen = [video for video, script in scripts.items() if script["split"] == split][:videos]
    if not chosen:
        raise UserError(f"{folder}/scenes.json has no video of the split {split}")
    strips = [_strip(folder / "videos" / f"{video}.mp4") for video in chosen]
    strip = WIDTH * strips[0].shape[0] / strips[0].shape[1]
    block = TITLE + strip + BAR + questions * QUESTION + GAP
    height = len(chosen) * block + MARGIN

    figure = Figure(figsize=(WIDTH + 2 * MARGIN, height), dpi=DPI, facecolor="white")
    for number, video in enumerate(chosen):
        top = MARGIN / 2 + number * block
        axes = figure.add_axes((MARGIN / (WIDTH + 2 * MARGIN), 0, WIDTH / (WIDTH + 2 * MARGIN), 1))
        axes.set_axis_off()
        _draw_video(axes, top, strip, video, scripts[video], strips[number])
        # aspect: the picture above would otherwise make seconds and inches the same length
        axes.set(xlim=(0, scripts[video]["duration"]), ylim=(height, 0), aspect="auto")
        rows = table[table["video"] == video].drop_duplicates("type")
        rank = [(TYPES.index(kind) - questions * number) % len(TYPES) for kind in rows["type"]]
        for line, position in enumerate(np.argsort(rank)[:questions]):
            row = rows.iloc[int(position)]
            spans = gold[video]["location"][str(row["qid"])]
            _draw_question(axes, top + TITLE + strip + BAR + line * QUESTION, scripts[video]["duration"], row, spans)
    _save(figure, Path(out_png))


def _strip(path: Path) -> np.ndarray:
    """Sixteen frames side by side, each the middle of its sixteenth of the video: uint8 (H, 16 W, 3).

    The last columns of each frame are white, to set it off from the next.
    """
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    chosen = [frames[int((i + 0.5) * len(frames) / FRAMES)].copy() for i in range(FRAMES)]
    for frame in chosen:
        frame[:, -SEPARATOR:] = 255
    return np.concatenate(chosen, axis=1)


def _draw_video(axes: Axes, top: float, strip: float, video: str, script: dict[str, Any], picture: np.ndarray) -> None:
    seconds = script["duration"]
    axes.text(0, top + TITLE - 0.07, video, fontsize=10, fontweight="bold", color=INK, va="bottom")
    axes.text(seconds, top + TITLE - 0.07, f"{seconds:.1f} s", fontsize=9, color=GREY, ha="right", va="bottom")
    below = top + TITLE + strip
    axes.imshow(picture, extent=(0, seconds, below, top + TITLE), interpolation="antialiased")
    for scene in script["scenes"]:
        start, length = scene["start"], scene["end"] - scene["start"]
        axes.add_patch(Rectangle((start, below), length, BAR, facecolor=TINT[scene["background"]], edgecolor="white"))
        who = f"{scene['actor']['colour']} {scene['actor']['shape']}" if scene["actor"] else "nobody"
        what = f"{who}: {scene['action']}" if scene["action"] else who
        middle = start + length / 2, below + BAR / 2
        axes.text(*middle, f"{what}  ({scene['background']})", fontsize=7.5, color=INK, ha="center", va="center")


def _draw_question(axes: Axes, top: float, seconds: float, row: pd.Series, spans: list[list[float]]) -> None:
    others = ", ".join(str(row[f"a{i}"]) for i in range(5) if i != row["answer"])
    baseline = top + 0.2
    label = axes.text(0, baseline, f"{row['type']}:  {row['question']}?", fontsize=8.5, color=INK, va="bottom")
    answer = axes.annotate(
        str(row[f"a{row['answer']}"]),
        xy=(1, 0),
        xycoords=label,
        xytext=(8, 0),
        textcoords="offset points",
        fontsize=8.5,
        fontweight="bold",
        color="#9c6c00",
        va="bottom",
    )
    axes.annotate(
        f"not {others}",
        xy=(1, 0),
        xycoords=answer,
        xytext=(8, 0),
        textcoords="offset points",
        fontsize=8,
        color=GREY,
        va="bottom",
    )
    axes.add_patch(Rectangle((0, baseline + 0.03), seconds, 0.05, facecolor=TRACK))
    for start, end in spans:
        axes.add_patch(Rectangle((start, baseline + 0.03), end - start, 0.05, facecolor=GOLD))


def _save(figure: Figure, path: Path) -> None:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    with atomic_path(path) as temporary:
        picture.quantize(PALETTE, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(temporary, optimize=True)
