"""Examples of a bundle: some videos with a question each, in its folder `examples`.

examples.csv has the columns `video` (a file beside it), `question`, and for multiple choice `a0`, `a1`, ...
"""

import itertools
import shutil
from pathlib import Path
from typing import NamedTuple

from base.errors import UserError
from base.formats.questions import candidate_columns, read_annotations
from base.reading import read_csv
from base.writing import write_csv
from extract.config import VideoCollection
from extract.videos.places import Places

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

    `questions` is the folder of annotations that the run was trained on. `UserError` where none of them is there, and
    where several files of one folder could be a video.
    """
    table = read_annotations(questions / "test.csv").drop_duplicates("video_id")
    files = _find(table["video_id"].tolist(), videos)
    if not files:
        raise UserError(
            f"neither {videos} nor a folder in it has any of the videos of {questions / 'test.csv'}, by the names that "
            "they have there; give the folder that has them"
        )
    table = table[table["video_id"].isin(files)]
    out.mkdir(parents=True, exist_ok=True)
    for path in files.values():
        shutil.copyfile(path, out / path.name)
    names = [path.name for path in files.values()]
    columns = ["video", "question", *candidate_columns(table)]
    write_csv(out / "examples.csv", table.assign(video=names)[columns])


def _find(video_ids: list[str], folder: Path) -> dict[str, Path]:
    """The files of the first `SHOWN` videos that are found, in their order.

    They are found as the extraction finds them, whose `subfolders` a run does not know: each folder counts as one. Nor
    does it know the `mapping`, so that files of other names than their ids are not found.
    """
    if not folder.is_dir():
        return {}
    inner = sorted(path.relative_to(folder) for path in folder.rglob("*/"))
    shown = [str(path) for path in inner if not any(part.startswith(".") for part in path.parts)]
    places = Places(VideoCollection(folder=folder, subfolders=tuple(shown)))
    found = ((video_id, places.find(video_id)) for video_id in video_ids)
    return dict(itertools.islice(((name, path) for name, path in found if path and path.is_file()), SHOWN))
