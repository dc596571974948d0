"""A data set in which every number says whose it is, in files whose rows stand in different orders.

Appearance of clip k of video n is 100 n + k + 0.25, 0.5, that of its frame f 1000 f more, its motion -(100 n + k) three
times; every token of candidate
j of question m is 10 m + j, and it has j + m % 3 + 1 of them.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from base.formats.questions import CANDIDATES, write_annotations, write_summary
from base.formats.token_features import write_token_features
from base.formats.video_features import Origin, Sizes, write_video_features
from base.formats.vocabulary import write_vocabulary

CLIPS, FPS, FRAMES = 4, 8.0, 4
ORDER = [7, 2, 9, 0, 5, 3, 8, 1, 6, 4]
"""The rows of `video.h5`: the number of the video of each."""
VIDEOS = {"train": [3, 0, 4, 1, 2], "val": [6, 5, 7], "test": [9, 8]}
ROUNDS = {"train": 4, "val": 4, "test": 3}
"""Questions of every video of a split; the questions of a video do not stand together."""
WORDS = ["blue", "red", "green", "black"]


def write(folder: Path, *, multiple_choice: bool = False, frames: bool = False, apart: bool = False) -> dict[str, Path]:
    """Writes the files, with `frames` or without; returns their paths by the names of the commands' options.

    `apart`: a question is a text by itself, of whose tokens each is 10 m + 9.
    """
    _write_videos(folder / "video.h5", frames)
    first = 0
    for split, videos in VIDEOS.items():
        first = _write_split(folder, split, videos * ROUNDS[split], first, multiple_choice, apart)
    write_vocabulary(folder / "annotations", [] if multiple_choice else WORDS)
    write_summary(folder / "annotations", {split: {"questions_left_out": 0} for split in VIDEOS})
    return {"video": folder / "video.h5", "questions": folder / "annotations", "text": folder / "text"}


def appearance(video: int) -> np.ndarray:
    """(K, 2)"""
    return (100 * video + np.arange(CLIPS))[:, None] + np.array([0.25, 0.5])


def of_frames(video: int) -> np.ndarray:
    """(K, F, 2)"""
    return appearance(video)[:, None] + 1000.0 * np.arange(FRAMES)[:, None]


def motion(video: int) -> np.ndarray:
    """(K, 3)"""
    return -np.repeat((100 * video + np.arange(CLIPS))[:, None], 3, axis=1).astype(float)


def answer_of(question: int, multiple_choice: bool) -> int:
    """The right candidate or class of a question."""
    return question % (5 if multiple_choice else len(WORDS))


def _write_videos(path, frames_too):
    table = pd.DataFrame({"video_id": [f"v{n}" for n in ORDER]})
    table = table.assign(status="ok", decoder="pyav", fingerprint="", fps=FPS, duration=CLIPS * 3 / FPS)
    with write_video_features(
        path, table, Sizes(CLIPS, 3, 1, (2, 3), FRAMES if frames_too else 0), "float32", Origin({}, {}, "", {}, {}, {})
    ) as out:
        for row, video in enumerate(ORDER):
            frames = video + np.arange(CLIPS * 3, dtype=np.int32).reshape(CLIPS, 3)
            out.frames(row, frames, frames[:, 1:2])
            out.times(row, frames / FPS, (frames[:, -1] + 1) / FPS)
            out.features("appearance", row, appearance(video), path)
            out.features("motion", row, motion(video), path)
            if frames_too:
                out.features("frames", row, of_frames(video), path)


def _write_split(folder, split, videos, first, multiple_choice, apart):
    numbers = range(first, first + len(videos))
    table = pd.DataFrame({"qid": [f"q{m}" for m in numbers], "video_id": [f"v{n}" for n in videos]})
    table["question"] = [f"which {m}" for m in numbers]
    table["type"] = ["what" if m % 4 else "who" for m in numbers]
    right = [answer_of(m, multiple_choice) for m in numbers]
    table["answer"] = right if multiple_choice else [WORDS[n] for n in right]
    if multiple_choice:
        for j, name in enumerate(CANDIDATES):
            table[name] = [f"{m} {j}" for m in numbers]
    write_annotations(folder / f"annotations/{split}.csv", table)
    backwards = table.iloc[::-1]
    each = [*([9] if apart else []), *range(len(CANDIDATES) if multiple_choice else 1)]
    texts = [(m, j) for m in reversed(numbers) for j in each]
    lengths = np.array([j + m % 3 + 1 for m, j in texts])
    values = np.repeat([10 * m + j for m, j in texts], lengths)[:, None] * np.ones(2)
    path = folder / f"text/text_{split}.h5"
    about = {"encoder": "numbers", "sequences": len(each)} | ({"layout": "apart"} if apart else {})
    write_token_features(path, backwards, lengths, 2, iter([values]), about)
    return first + len(videos)
