"""The rationale picture (Figure 6): the 16 clips of a video, and for two questions the clips the answer rests on.

Sizes: K clips.
"""

import textwrap
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from extract.annotations import CANDIDATES, COLUMNS
from extract.annotations.contract import read_csv
from extract.errors import UserError
from extract.files import atomic_path
from extract.stores import VideoFeatures
from extract.videos.probe import read_manifest
from extract.videos.reader import Frames, read_pyav
from extract.videos.sampling import middle_frames

COLOURS = ("#1a9850", "#d6409f")
"""Green and pink, for the two questions of a video, as in the paper."""
THUMBNAIL_WIDTH = 160


@dataclass(frozen=True)
class Strip:
    """One video with one or two answered questions."""

    video_id: str
    frames: list[Frames]
    """K pictures (H, W, 3)."""
    times: list[float]
    """K middles of the clips in seconds."""
    answers: list[pd.Series]
    """Rows of the predictions joined with their questions."""


def rationale_picture(predictions: Path, questions: Path, manifest: Path, video: Path, count: int, out: Path) -> None:
    """Draws `count` questions, two a video where it has two, spread evenly over the videos of the predictions."""
    table = read_csv(predictions, ["qid", "video_id", "prediction", "correct"])
    if "causal_clips" not in table.columns:
        raise UserError(f"{predictions} has no rationales; its method has no grounding indicator")
    asked = read_csv(questions / "test.csv", COLUMNS).drop(columns=["video_id", "type", "answer"])
    table = table.merge(asked, on="qid")
    store = VideoFeatures.read(video)
    places = read_manifest(manifest).set_index("video_id")["path"]
    strips = [_strip(video_id, table, store, Path(places[video_id])) for video_id in _choose(table, max(1, count // 2))]
    figure = _draw(strips)
    with atomic_path(out) as temporary:
        figure.savefig(temporary, dpi=110)
    plt.close(figure)


def _choose(table: pd.DataFrame, count: int) -> list[str]:
    """Videos spread evenly over those with two or more questions (over all, where there are too few)."""
    counts = table.groupby("video_id", sort=False).size()
    videos = list(counts[counts >= 2].index)
    if len(videos) < count:
        videos = list(counts.index)
    picks = np.linspace(0, len(videos) - 1, min(count, len(videos))).round().astype(int)
    return [videos[i] for i in dict.fromkeys(picks.tolist())]


def _strip(video_id: str, table: pd.DataFrame, store: VideoFeatures, path: Path) -> Strip:
    row = store.ids.index(video_id)
    middles = middle_frames(store.frame_index[row])
    numbers, position = np.unique(middles, return_inverse=True)
    frames = read_pyav(path, numbers.tolist(), None)
    height = max(1, round(THUMBNAIL_WIDTH * frames.shape[1] / frames.shape[2]))
    small = [np.asarray(Image.fromarray(frame).resize((THUMBNAIL_WIDTH, height))) for frame in frames]
    answered = table[table["video_id"] == video_id]
    # Two questions of different types say more than two of one.
    chosen = answered.drop_duplicates("type") if answered["type"].nunique() > 1 else answered
    return Strip(
        video_id,
        [small[i] for i in position],
        [float(number / store.fps[row]) for number in middles],
        [question for _, question in chosen.head(2).iterrows()],
    )


def _draw(strips: list[Strip]) -> Figure:
    width = 16.0
    heights = []
    for strip in strips:
        height, frame_width = strip.frames[0].shape[:2]
        heights += [width / len(strip.frames) * height / frame_width + 0.4] + [1.15] * len(strip.answers)
    figure = plt.figure(figsize=(width, sum(heights) + 0.3), layout="constrained")
    grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    row = 0
    for strip in strips:
        _draw_frames(figure.add_subplot(grid[row]), strip)
        for number, answer in enumerate(strip.answers):
            _draw_answer(figure.add_subplot(grid[row + 1 + number]), answer, len(strip.frames), number)
        row += 1 + len(strip.answers)
    return figure


def _draw_frames(axes: Axes, strip: Strip) -> None:
    """The frames side by side, each framed in the colour of every question that rests on it."""
    height = strip.frames[0].shape[0] / strip.frames[0].shape[1]
    for k, frame in enumerate(strip.frames):
        axes.imshow(frame, extent=(k, k + 0.97, 0, height), aspect="auto")
        axes.text(k + 0.485, -0.04, f"{strip.times[k]:.1f} s", ha="center", va="top", fontsize=8, color="#555555")
    for number, answer in enumerate(strip.answers):
        inset = 0.03 + 0.055 * number
        for k in _causal(answer):
            corner, size = (k + inset, inset), (0.97 - 2 * inset, height - 2 * inset)
            axes.add_patch(Rectangle(corner, *size, fill=False, linewidth=3, edgecolor=COLOURS[number]))
    axes.set_xlim(0, len(strip.frames))
    axes.set_ylim(-0.16, height + 0.01)
    axes.set_aspect("equal")
    axes.set_title(f"video {strip.video_id}", loc="left", fontsize=10, fontweight="bold")
    axes.axis("off")


def _draw_answer(axes: Axes, answer: pd.Series, clips: int, number: int) -> None:
    """The question, its answers and, under each clip, the probability of being causal."""
    colour = COLOURS[number]
    chances = np.array([float(chance) for chance in str(answer["clip_probability"]).split()])
    causal = np.isin(np.arange(clips), _causal(answer))
    # Close probabilities are common; the bars show how far each is from 0.5.
    reach = max(0.02, float(np.abs(chances - 0.5).max()))
    axes.bar(np.arange(clips) + 0.485, (chances - 0.5) / reach, width=0.9, color=np.where(causal, colour, "#cccccc"))
    axes.axhline(0, color="#888888", linewidth=0.6)
    axes.set_xlim(0, clips)
    axes.set_ylim(-1.1, 3.4)
    axes.set_yticks([-1, 0, 1], [f"{0.5 - reach:.2f}", "0.50", f"{0.5 + reach:.2f}"], fontsize=7)
    axes.set_xticks([])
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    verdict = "right" if answer["correct"] == "1" else "wrong"
    lines = [f"Q{number + 1}. {textwrap.shorten(answer['question'], 150)}", *_answer_lines(answer)]
    axes.text(0.05, 3.3, "\n".join(lines), ha="left", va="top", fontsize=10, color=colour, linespacing=1.3)
    axes.text(clips, 3.3, verdict, ha="right", va="top", fontsize=10, color=colour, fontweight="bold")


def _answer_lines(answer: pd.Series) -> list[str]:
    if CANDIDATES[0] not in answer.index:
        return [f"predicted: {answer['prediction']}    gold: {answer['answer']}"]
    texts = []
    for i, name in enumerate(CANDIDATES):
        marks = [
            mark for mark, index in (("predicted", answer["prediction"]), ("gold", answer["answer"])) if index == str(i)
        ]
        texts.append(f"{i + 1}. {textwrap.shorten(answer[name], 34)}" + (f" [{', '.join(marks)}]" if marks else ""))
    return ["   ".join(texts)]


def _causal(answer: pd.Series) -> list[int]:
    return [int(clip) for clip in str(answer["causal_clips"]).split()]
