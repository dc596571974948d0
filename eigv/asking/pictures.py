"""Pictures of answers: the frame strip with the causal clips marked, and a video of the rationale.

Sizes: K clips.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle

from base.errors import UserError
from base.formats.video_features import VideoFeatures
from eigv.asking.clips import pixel_shape, shown_frames, write_film
from eigv.asking.model import Answer
from eigv.asking.videos import SeenVideo
from eigv.paper.figures.plotting import save
from eigv.paper.figures.rationales import COLOURS, THUMBNAIL_WIDTH, WIDTH
from eigv.paper.figures.strips import read_strips


def write_strip(seen: SeenVideo, answers: Sequence[Answer], out: Path) -> None:
    """Draws the middle frame of each clip once for each answer, its causal clips framed."""
    ((_, strip),) = read_strips([seen.video_id], seen.features, seen.manifest, THUMBNAIL_WIDTH)
    if strip is None:
        raise UserError(f"the frames of {seen.path} cannot be read")
    height = strip.frames[0].shape[0] / strip.frames[0].shape[1]  # of a frame that is 1 wide
    row = WIDTH / len(strip.frames) * height + 0.7
    figure, axes = plt.subplots(
        len(answers), 1, figsize=(WIDTH, row * len(answers)), layout="constrained", squeeze=False
    )
    for number, (answer, axis) in enumerate(zip(answers, axes[:, 0], strict=True)):
        colour = COLOURS[number % len(COLOURS)]
        for k, frame in enumerate(strip.frames):
            axis.imshow(frame, extent=(k, k + 0.97, 0, height), aspect="auto")
            chance = f"  p {answer.probability[k]:.2f}" if answer.probability else ""
            axis.text(k + 0.485, -0.04, f"{strip.times[k]:.1f} s{chance}", ha="center", va="top", fontsize=8)
            if k in (answer.clips or ()):
                axis.add_patch(Rectangle((k, 0), 0.97, height, fill=False, linewidth=4, edgecolor=colour))
        axis.set_xlim(-0.03, len(strip.frames))
        axis.set_ylim(-0.16, height + 0.03)
        axis.set_title(
            f"{answer.question}  {answer.answer} ({answer.score:.2f})", loc="left", color=colour, fontsize=11
        )
        axis.axis("off")
    save(figure, [out], dpi=110)


def write_clip(seen: SeenVideo, answer: Answer, out: Path) -> None:
    """Writes the causal clips of an answer, one after the other, as H.264 in MP4 at the video's rate.

    `UserError` where the answer rests on no clip.
    """
    if not answer.clips:
        raise UserError(f"the answer to {answer.question!r} rests on no clip, so that there is none to show")
    numbers = np.unique(answer.frames[list(answer.clips)])
    frames = shown_frames(seen.path, pixel_shape(seen.manifest), numbers.tolist())
    first = next(frames)
    fps = max(1, round(float(VideoFeatures.read(seen.features, ()).fps[0])))
    write_film(itertools.chain([first], frames), fps, first.shape[1], first.shape[0], out)
