"""A small data set of features, in the real file contracts, that a model can learn: a clip names the answer."""

from pathlib import Path

import numpy as np
import pandas as pd

from base.files import write_json
from base.formats.stores import create, write_strings
from extract.annotations import CANDIDATES

CLIPS, ANSWERS, TOKEN_WIDTH = 16, 5, 8


def write(folder: Path, *, multiple_choice: bool, videos: int = 60, seed: int = 0) -> dict[str, Path]:
    """Writes video.h5, annotations and token features; returns their paths by the names of the commands' options."""
    rng = np.random.default_rng(seed)
    ids = [f"v{n}" for n in range(videos)]
    answer = rng.integers(ANSWERS, size=videos)
    appearance = 0.1 * rng.standard_normal((videos, CLIPS, 8))
    for n in range(videos):
        appearance[n, rng.integers(CLIPS, size=4), answer[n]] += 2
    about = {"appearance_network": {}, "motion_network": {}, "sampling": {}}
    with create(folder / "video.h5", "video features", about) as file:
        write_strings(file, "ids", ids)
        write_strings(file, "status", ["ok"] * videos)
        file["appearance"] = appearance.astype(np.float16)
        file["motion"] = rng.standard_normal((videos, CLIPS, 4)).astype(np.float16)
        file["frame_index"] = np.arange(CLIPS * 4).reshape(1, CLIPS, 4).repeat(videos, 0).astype(np.int32)
        file["fps"] = np.full(videos, 10.0)
        file["duration"] = np.full(videos, 6.4)
    parts = {"train": slice(0, videos // 2), "val": slice(videos // 2, -videos // 4), "test": slice(-videos // 4, None)}
    for split, part in parts.items():
        _split(folder, split, ids[part], answer[part], multiple_choice, rng)
    write_json(folder / "annotations/answers.json", [] if multiple_choice else [f"w{n}" for n in range(ANSWERS)])
    write_json(folder / "annotations/summary.json", {split: {"questions_left_out": 0} for split in parts})
    return {"video": folder / "video.h5", "questions": folder / "annotations", "text": folder / "text"}


def _split(folder, split, ids, answer, multiple_choice, rng):
    a = ANSWERS if multiple_choice else 1
    table = pd.DataFrame({"qid": [f"{i}_0" for i in ids], "video_id": ids, "question": "which", "type": "x"})
    if multiple_choice:
        order = np.stack([rng.permutation(ANSWERS) for _ in ids])
        table["answer"] = [int(np.flatnonzero(row == right)[0]) for row, right in zip(order, answer, strict=True)]
        for n, name in enumerate(CANDIDATES):
            table[name] = [f"w{row[n]}" for row in order]
    else:
        table["answer"] = [f"w{right}" for right in answer]
    (folder / "annotations").mkdir(exist_ok=True)
    table.to_csv(folder / f"annotations/{split}.csv", index=False)
    lengths = rng.integers(1, 5, size=len(ids) * a)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    tokens = 0.1 * rng.standard_normal((offsets[-1], TOKEN_WIDTH))
    if multiple_choice:
        tokens[offsets[:-1], order.ravel()] += 2
    with create(folder / f"text/text_{split}.h5", "token features", {"sequences": a, "encoder": "made up"}) as file:
        file.attrs["sequences"] = a
        write_strings(file, "qid", table["qid"].tolist())
        write_strings(file, "video_id", ids)
        file["offsets"] = offsets
        file["tokens"] = tokens.astype(np.float16)
