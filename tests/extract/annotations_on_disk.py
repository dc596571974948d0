"""Small annotation files in the published layouts, for tests."""

import json
from pathlib import Path

import pandas as pd

from base.formats.questions import CANDIDATES


def nextqa(folder: Path, split: str, videos: list[str], answer: object = 0, question: str = "what") -> Path:
    """`{split}.csv` with a question a video."""
    rows = [
        {"video": v, "frame_count": 9, "width": 1, "height": 1, "question": question, "answer": answer}
        | {"qid": 1, "type": "CW"}
        | {name: name for name in CANDIDATES}
        for v in videos
    ]
    path = folder / f"{split}.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def msvd(folder: Path, answers: dict[str, list[tuple[str, int]]]) -> None:
    """`{split}_qa.json` with (answer, video number) for each question, and the mapping: video 7 is `clip7`."""
    number = 0
    for split, questions in answers.items():
        entries = []
        for answer, video in questions:
            entries.append({"id": number, "question": "what is it", "answer": answer, "video_id": video})
            number += 1
        (folder / f"{split}_qa.json").write_text(json.dumps(entries))
    most = max(video for questions in answers.values() for _, video in questions)
    (folder / "youtube_mapping.txt").write_text("".join(f"clip{n} vid{n}\n" for n in range(1, most + 1)))
