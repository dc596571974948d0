"""The questions of make study, derived from ../shared/data/real: `python -m benchmarks.study.sets FOLDER [--small]`.

Every set has the questions of the original and, as split `test-shuffled`, those of test once more, each about another
video of test: what a model still answers there it does not read off the video. Of some sets only a part of the train
questions is kept. The folder `blind` in it has the features of each collection with zeros in their place.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py
import pandas as pd

from base.formats.video_features import KINDS
from base.writing import atomic_path

REAL = Path("../shared/data/real")
SHUFFLED = "test-shuffled"
CAUSAL = ("CW", "CH")
"""The types of NExT-QA that ask why and how; half of its train questions."""


@dataclass(frozen=True)
class Part:
    """What of a data set's questions is kept."""

    source: str
    """Its file, below `REAL`."""
    share: float = 1.0
    """Of the train questions, drawn by a hash of their ids: a smaller share lies within a larger one."""
    types: tuple[str, ...] = ()
    """Only questions of these types in train and val; of all types in test."""


_NEXTQA, _MSVD, _MSRVTT = "nextqa/questions_official.csv", "msvd/questions.csv", "msrvtt/questions.csv"
SETS: Mapping[str, Part] = {
    "nextqa": Part(_NEXTQA),
    "nextqa-third": Part(_NEXTQA, share=1 / 3),
    "nextqa-tenth": Part(_NEXTQA, share=1 / 10),
    "nextqa-causal": Part(_NEXTQA, types=CAUSAL),
    "nextqa-half": Part(_NEXTQA, share=1 / 2),
    "msvd": Part(_MSVD),
    "msvd-third": Part(_MSVD, share=1 / 3),
    "msvd-tenth": Part(_MSVD, share=1 / 10),
    "msrvtt": Part(_MSRVTT),
}
"""By the name of the file that is written."""
SMALL = 60
"""Questions of each split in the small form, a look whether everything runs: on many videos, as EIGV needs."""


COLLECTIONS = ("nextqa", "msvd", "msrvtt")


def write(folder: Path, real: Path = REAL, small: bool = False) -> None:
    """Writes <set>.csv of every set, nextqa-gold.json and blind/<collection>.h5; what is the same already stays."""
    (folder / "blind").mkdir(parents=True, exist_ok=True)
    for name in COLLECTIONS:
        if not (file := folder / "blind" / f"{name}.h5").is_file():
            write_blind(real / name / "video.h5", file)
    for name, part in SETS.items():
        table = questions(pd.read_csv(real / part.source, dtype=str, keep_default_na=False), part, small)
        file, text = folder / f"{name}.csv", table.to_csv(index=False)
        _write(file, text)
    known = set(pd.read_csv(folder / "nextqa.csv", dtype=str)["qid"])
    gold = json.loads((real / "nextqa/gold.json").read_text(encoding="utf-8"))
    _write(folder / "nextqa-gold.json", json.dumps({qid: spans for qid, spans in gold.items() if qid in known}))


def _write(file: Path, text: str) -> None:
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")


def write_blind(source: Path, out: Path) -> None:
    """A copy of a feature file in which a model sees nothing: features are zeros, videos and times as they were."""
    with atomic_path(out) as temporary, h5py.File(source) as found, h5py.File(temporary, "w") as file:
        file.attrs.update(found.attrs)
        for name in found:
            if name in KINDS:
                file.create_dataset(name, found[name].shape, found[name].dtype, compression="gzip")
            else:
                found.copy(name, file)


def questions(table: pd.DataFrame, part: Part, small: bool = False) -> pd.DataFrame:
    """The questions of a set, from all those of the original (columns of the format `custom`)."""
    train = table["split"] == "train"
    kept = ~train | (table["qid"].map(_drawn) < part.share)
    if part.types:
        kept &= (table["split"] == "test") | table["type"].isin(part.types)
    table = table[kept]
    if small:
        table = table[table["qid"].map(_drawn).groupby(table["split"]).rank() <= SMALL]
    return pd.concat([table, shuffled(table[table["split"] == "test"])])


def shuffled(test: pd.DataFrame) -> pd.DataFrame:
    """The same questions, each about the next video in an order by hash, so that no video keeps its own."""
    videos = sorted(test["video"].unique(), key=_drawn)
    other = dict(zip(videos, [*videos[1:], videos[0]], strict=True))
    return test.assign(qid="shuffled-" + test["qid"], video=test["video"].map(other), split=SHUFFLED)


def _drawn(name: str) -> float:
    """A number in [0, 1) that belongs to a name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) / 2**64


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--small", action="store_true")
    asked = parser.parse_args()
    if not REAL.is_dir():
        sys.exit(
            f"the study needs {REAL}, features and questions of real videos, which is not there: put it beside this "
            "checkout (docs/results.md says what it is)"
        )
    write(asked.folder, small=asked.small)


if __name__ == "__main__":
    main()
