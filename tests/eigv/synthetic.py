"""A small data set of features, in the real file contracts, that a model can learn: a clip names the answer."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from base.formats.questions import CANDIDATES, write_annotations, write_summary
from base.formats.token_features import write_token_features
from base.formats.video_features import Origin, Sizes, write_video_features
from base.formats.vocabulary import write_vocabulary

CLIPS, ANSWERS, TOKEN_WIDTH, FRAMES = 16, 5, 8, 4


def write(
    folder: Path, *, multiple_choice: bool, videos: int = 60, seed: int = 0, frames_too: bool = False
) -> dict[str, Path]:
    """Writes video.h5, annotations and token features; returns their paths by the names of the commands' options.

    `frames_too`: the appearance of each clip is that of each of its frames, too.
    """
    rng = np.random.default_rng(seed)
    ids = [f"v{n}" for n in range(videos)]
    answer = rng.integers(ANSWERS, size=videos)
    appearance = 0.1 * rng.standard_normal((videos, CLIPS, 8))
    for n in range(videos):
        appearance[n, rng.integers(CLIPS, size=4), answer[n]] += 2
    features = {"appearance": appearance, "motion": rng.standard_normal((videos, CLIPS, 4))}
    table = pd.DataFrame({"video_id": ids}).assign(status="ok", decoder="pyav", fingerprint="", fps=10.0, duration=6.4)
    frames = np.arange(CLIPS * 4, dtype=np.int32).reshape(CLIPS, 4)
    path, origin = folder / "video.h5", Origin({}, {}, "paper", {}, {}, {})
    with write_video_features(
        path, table, Sizes(CLIPS, 4, 1, (8, 4), FRAMES * frames_too), "float16", origin
    ) as writer:
        for row in range(videos):
            writer.frames(row, frames, frames[:, 2:3])
            writer.times(row, frames / 10, (frames[:, -1] + 1) / 10)
            for kind, values in features.items():
                writer.features(kind, row, values[row], path)
            if frames_too:
                writer.features("frames", row, np.repeat(appearance[row][:, None], FRAMES, axis=1), path)
    parts = {"train": slice(0, videos // 2), "val": slice(videos // 2, -videos // 4), "test": slice(-videos // 4, None)}
    for split, part in parts.items():
        _split(folder, split, ids[part], answer[part], multiple_choice, rng)
    write_vocabulary(folder / "annotations", [] if multiple_choice else [f"w{n}" for n in range(ANSWERS)])
    write_summary(folder / "annotations", {split: {"questions_left_out": 0} for split in parts})
    return {"video": folder / "video.h5", "questions": folder / "annotations", "text": folder / "text"}


def _split(
    folder: Path, split: str, ids: list[str], answer: NDArray[np.int64], multiple_choice: bool, rng: np.random.Generator
) -> None:
    a = ANSWERS if multiple_choice else 1
    table = pd.DataFrame({"qid": [f"{i}_0" for i in ids], "video_id": ids, "question": "which", "type": "x"})
    if multiple_choice:
        order = np.stack([rng.permutation(ANSWERS) for _ in ids])
        table["answer"] = [int(np.flatnonzero(row == right)[0]) for row, right in zip(order, answer, strict=True)]
        for n, name in enumerate(CANDIDATES):
            table[name] = [f"w{row[n]}" for row in order]
    else:
        table["answer"] = [f"w{right}" for right in answer]
    write_annotations(folder / f"annotations/{split}.csv", table)
    lengths = rng.integers(1, 5, size=len(ids) * a)
    starts = np.cumsum(lengths) - lengths
    tokens = 0.1 * rng.standard_normal((lengths.sum(), TOKEN_WIDTH))
    if multiple_choice:
        tokens[starts, order.ravel()] += 2
    write_token_features(
        folder / f"text/text_{split}.h5", table, lengths, TOKEN_WIDTH, iter([tokens]), {"encoder": "made up"}
    )
