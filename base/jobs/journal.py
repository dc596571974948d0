"""The finished parts of a long job, noted one by one, so that a killed job goes on where it stopped."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from base.locks import exclusive
from base.writing import write_text

log = logging.getLogger(__name__)


class Journal:
    """What a job has noted before it was killed, and a place to note more."""

    def __init__(self, entries: list[dict[str, Any]], file: IO[str]) -> None:
        self.entries = entries
        self._file = file

    def note(self, entry: dict[str, Any]) -> None:
        """Appends an entry; it survives a kill of this process."""
        self._file.write(json.dumps(entry) + "\n")
        self._file.flush()


@contextmanager
def journal(path: Path, key: Any) -> Iterator[Journal]:
    """Opens the journal of a job; it is removed when the block ends without an error.

    `key` says everything that the entries depend on: a journal with another one is begun anew. Waits while another
    process is at the same job. A part that is too large for an entry is a file of its own beside the journal, written
    before it is noted; the block may remove them all with their folder.
    """
    first = json.dumps(key, sort_keys=True)
    lock = path.with_suffix(".lock")
    with exclusive(lock):
        entries = _entries(path, first)
        write_text(path, "".join(f"{line}\n" for line in (first, *map(json.dumps, entries))))
        with path.open("a", encoding="utf-8") as file:
            yield Journal(entries, file)
        path.unlink(missing_ok=True)
        lock.unlink(missing_ok=True)


def _entries(path: Path, first: str) -> list[dict[str, Any]]:
    """What the journal holds up to the first damage, if it has the first line that is wanted."""
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n") if path.is_file() else [""]
    if lines[0] != first:
        if lines[0]:
            log.warning("%s is of other settings, other data or another version: what it notes is made again", path)
        return []
    entries: list[dict[str, Any]] = []
    for line in lines[1:-1]:  # what follows the last line break was cut off by a kill
        try:
            entries.append(json.loads(line))
        except json.JSONDecodeError:
            log.warning("%s is damaged after %d entries; what follows is made again", path, len(entries))
            break
    return entries
