"""The rationale picture (Figure 6): the 16 clips of a video, and for two questions the clips the answer rests on.

Sizes: K clips.
"""

import textwrap
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from base.errors import UserError
from base.formats.predictions import Rationale
from eigv.config.targets import Rationales
from eigv.paper.answered_questions import AnsweredQuestion, choose, read_answered
from eigv.paper.figures.plotting import save
from eigv.paper.figures.strips import Strip, read_strips

COLOURS = ("#1a9850", "#d6409f", "#2166ac", "#b35806")
"""Green and pink for the two questions of a video, as in the paper; more where more are asked for by name."""
GOLD = "#d4a017"
"""Of the bar that marks gold seconds."""
THUMBNAIL_WIDTH = 160
WIDTH = 16.0
"""Of the picture, in inches."""


def rationale_picture(
    predictions: Path,
    questions: Path,
    manifest: Path,
    video: Path,
    how: Rationales,
    out: list[Path],
    gold: Path | None = None,
) -> None:
    """Draws the chosen questions of a run into every file of `out` (PNG, PDF), with the spans of a file of `gold`."""
    answered = read_answered(predictions, questions, gold)
    if any(question.rationale is None for question in answered):
        raise UserError(f"{predictions} has no rationales; its method has no grounding indicator")
    chosen = choose(answered, how)
    names = [part[0].video_id for part in chosen]
    strips = dict(read_strips(names, video, manifest, THUMBNAIL_WIDTH))
    shown = [(strip, part) for name, part in zip(names, chosen, strict=True) if (strip := strips[name])]
    if not shown:
        raise UserError(f"none of the videos can be read: {', '.join(names)}")
    save(draw(shown), out, dpi=110)


def draw(shown: list[tuple[Strip, list[AnsweredQuestion]]]) -> Figure:
    """Videos with their answered questions, which all have a rationale, one below the other."""
    heights = []
    for strip, answers in shown:
        height, frame_width = strip.frames[0].shape[:2]
        heights += [WIDTH / len(strip.frames) * height / frame_width + 0.4]
        heights += [0.55 + 0.15 * bool(answer.gold) + 0.2 * len(_lines(answer, 1)) for answer in answers]
    figure = plt.figure(figsize=(WIDTH, sum(heights) + 0.3), layout="constrained")
    grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    row = 0
    for strip, answers in shown:
        _draw_frames(figure.add_subplot(grid[row]), strip, answers)
        for number, answer in enumerate(answers):
            _draw_answer(figure.add_subplot(grid[row + 1 + number]), answer, strip, number)
        row += 1 + len(answers)
    return figure


def _draw_frames(axes: Axes, strip: Strip, answers: list[AnsweredQuestion]) -> None:
    """The frames side by side, each framed in the colour of every question that rests on it."""
    height = strip.frames[0].shape[0] / strip.frames[0].shape[1]
    for k, frame in enumerate(strip.frames):
        axes.imshow(frame, extent=(k, k + 0.97, 0, height), aspect="auto")
        axes.text(k + 0.485, -0.04, f"{strip.times[k]:.1f} s", ha="center", va="top", fontsize=8, color="#555555")
    for number, answer in enumerate(answers):
        inset = 0.03 + 0.055 * number
        for k in _rationale(answer).clips:
            corner, size = (k + inset, inset), (0.97 - 2 * inset, height - 2 * inset)
            colour = COLOURS[number % len(COLOURS)]
            axes.add_patch(Rectangle(corner, *size, fill=False, linewidth=3, edgecolor=colour))
    axes.set_xlim(0, len(strip.frames))
    axes.set_ylim(-0.16, height + 0.01)
    axes.set_aspect("equal")
    axes.set_title(f"video {strip.video_id}", loc="left", fontsize=10, fontweight="bold")
    axes.axis("off")


def _draw_answer(axes: Axes, answer: AnsweredQuestion, strip: Strip, number: int) -> None:
    """The question, its answers and, under each clip, the probability of being causal; below, which frames are gold."""
    clips = len(strip.frames)
    colour = COLOURS[number % len(COLOURS)]
    chances = np.array(_rationale(answer).probability)
    causal = np.isin(np.arange(clips), _rationale(answer).clips)
    # Close probabilities are common; the bars show how far each is from 0.5.
    reach = max(0.02, float(np.abs(chances - 0.5).max()))
    lines = _lines(answer, number + 1)
    top = 1.4 + 0.85 * len(lines)
    axes.bar(np.arange(clips) + 0.485, (chances - 0.5) / reach, width=0.9, color=np.where(causal, colour, "#cccccc"))
    axes.axhline(0, color="#888888", linewidth=0.6)
    axes.set_xlim(0, clips)
    ticks = {-1.0: f"{0.5 - reach:.2f}", 0.0: "0.50", 1.0: f"{0.5 + reach:.2f}"}
    if answer.gold:
        _draw_gold(axes, strip, answer)
        ticks |= {-1.75: "gold"}
    axes.set_ylim(-2.1 if answer.gold else -1.1, top)
    axes.set_yticks(list(ticks), list(ticks.values()), fontsize=7)
    axes.set_xticks([])
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    axes.spines["left"].set_bounds(-1, 1)
    verdict = f"{'right' if answer.is_right else 'wrong'} ({answer.confidence:.2f})"
    axes.text(0.05, top, "\n".join(lines), ha="left", va="top", fontsize=10, color=colour, linespacing=1.3)
    axes.text(clips, top, verdict, ha="right", va="top", fontsize=10, color=colour, fontweight="bold")


def _draw_gold(axes: Axes, strip: Strip, answer: AnsweredQuestion) -> None:
    """A bar below each clip, as far as its frames lie in gold spans; pale where they do not."""
    for clip in range(len(strip.frames)):
        axes.add_patch(Rectangle((clip + 0.035, -1.95), 0.9, 0.4, facecolor="#eeeeee"))
    for part in strip.within(answer.gold):
        corner, width = (part.clip + 0.035 + 0.9 * part.start, -1.95), 0.9 * (part.end - part.start)
        axes.add_patch(Rectangle(corner, width, 0.4, facecolor=GOLD, label="gold"))


def _lines(answer: AnsweredQuestion, number: int) -> list[str]:
    question = textwrap.wrap(f"Q{number}. {answer.question}", 150)
    if not answer.candidates:
        return [*question, f"predicted: {answer.prediction}    gold: {answer.answer}"]
    texts = []
    for i, candidate in enumerate(answer.candidates):
        said = ", ".join(
            mark for mark, index in (("predicted", answer.prediction), ("gold", answer.answer)) if index == i
        )
        # Spaces that do not break keep a candidate on one line.
        texts.append(f"{i + 1}. {candidate}{f' [{said}]' if said else ''}".replace(" ", "\u00a0"))
    return [*question, *textwrap.wrap("   ".join(texts), 170, break_on_hyphens=False)]


def _rationale(answer: AnsweredQuestion) -> Rationale:
    """Of an answer that has one."""
    assert answer.rationale is not None
    return answer.rationale
