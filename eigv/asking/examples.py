"""Examples of a bundle: some videos with a question each, in its folder `examples`.

examples.csv has the columns `video` (a file beside it), `question`, and for multiple choice `a0`, `a1`, ...
"""

import shutil
from pathlib import Path
from typing import NamedTuple

from base.errors import UserError
from base.formats.questions import candidate_columns, read_annotations
from base.reading import read_csv
from base.writing import write_csv

SHOWN = 4
"""Videos that become examples."""


class Example(NamedTuple):
    """A video and a question about it."""

    video: Path
    question: str
    candidates: tuple[str, ...] = ()


def read_examples(folder: Path) -> list[Example]:
    """The examples of a bundle; none where it has none."""
    file = folder / "examples/examples.csv"
    if not file.is_file():
        return []
    table = read_csv(file, ["video", "question"])
    candidates = table[candidate_columns(table)].to_numpy().tolist()
    if absent := [name for name in table["video"] if Path(name).name != name or not (file.parent / name).is_file()]:
        raise UserError(f"{file} names videos that do not lie beside it: {', '.join(absent)}")
    rows = zip(table["video"], table["question"], candidates, strict=True)
    return [Example(file.parent.resolve() / name, question, tuple(texts)) for name, question, texts in rows]


def write_examples(questions: Path, videos: Path, out: Path) -> None:
    """Copies test videos out of the folder `videos`, at most `SHOWN`, with the first question about each.

    `questions` is the folder of annotations that the run was trained on. `UserError` where none of them is there.
    """
    table = read_annotations(questions / "test.csv").drop_duplicates("video_id")
    files = {path.stem: path for path in sorted(videos.iterdir()) if path.is_file()} if videos.is_dir() else {}
    table = table[table["video_id"].isin(files)].iloc[:SHOWN]
    if table.empty:
        raise UserError(f"{videos} has none of the videos of {questions / 'test.csv'}; give the folder that has them")
    out.mkdir(parents=True, exist_ok=True)
    for video_id in table["video_id"]:
        shutil.copyfile(files[video_id], out / files[video_id].name)
    names = [files[video_id].name for video_id in table["video_id"]]
    columns = ["video", "question", *candidate_columns(table)]
    write_csv(out / "examples.csv", table.assign(video=names)[columns])
