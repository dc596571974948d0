"""Where the files of a job lie that another one has made ahead of it, until its own command fetches them."""

import json
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from base.locks import held_file
from base.writing import atomic_path, write_json


def stamps(files: Iterable[Path]) -> list[list[Any]]:
    """Name, size and time of files, by which one that was changed is told without reading it; absent ones say so."""
    found = []
    for file in sorted(files):
        about = file.stat() if file.is_file() else None
        found.append([str(file), about and about.st_size, about and about.st_mtime_ns])
    return found


class Shelf:
    """The shelf of one job, beside the folder of its state; whoever uses it holds `lock`.

    Attributes:
        folder: where the files are put, before they are labelled.
        lock: held (`base.locks`) by whoever is at the job, in its own command or ahead of it.
        log: what was said while the files were made.
    """

    def __init__(self, state: Path, identity: Any) -> None:
        """`state` is the folder of the job's state; `identity`, of JSON values, all that decides what it makes."""
        self.folder = state.with_name(f"{state.name}.ahead")
        self.lock, self.log = self.folder / "lock", self.folder / "log"
        self._locks = (self.lock, held_file(self.lock))
        self._label, self.identity = self.folder / "label.json", json.dumps(identity, sort_keys=True)

    def is_full(self) -> bool:
        """Whether everything lies there, made from the same as now."""
        try:
            label = json.loads(self._label.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        there = all((self.folder / name).is_file() for name in label["files"])
        return bool(label["identity"] == self.identity and there)

    def empty(self) -> None:
        """Removes what lies there, but for the lock."""
        self._label.unlink(missing_ok=True)
        for path in self.folder.iterdir():
            if path not in self._locks and path.is_file():
                path.unlink()

    def fill(self) -> None:
        """Says that everything lies there."""
        ours = (*self._locks, self.log, self._label)
        names = sorted(path.name for path in self.folder.iterdir() if path not in ours)
        write_json(self._label, {"identity": self.identity, "files": [n for n in names if not n.startswith(".")]})

    def fetch(self, out: Path) -> None:
        """Puts the files into a folder, each in one step, says what was said, and removes the shelf."""
        for name in json.loads(self._label.read_text(encoding="utf-8"))["files"]:
            with atomic_path(out / name) as temporary:
                shutil.copyfile(self.folder / name, temporary)
        if self.log.is_file():
            sys.stderr.write(self.log.read_text(encoding="utf-8", errors="replace"))
        self.remove()

    def remove(self) -> None:
        """Removes the shelf with its lock."""
        shutil.rmtree(self.folder, ignore_errors=True)
