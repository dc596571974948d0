"""Whether the files of a collection are still those that its manifest tells of. Quick for 10,000 videos: one look at
each, and what looks changed is read once."""

import csv
import datetime
import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from base.errors import UserError
from base.reading import sha256
from base.writing import write_json
from extract.config import VideoCollection
from extract.videos.names import Folder
from extract.videos.places import Places

MARK = ".listing.json"
"""Beside a manifest: the key that was given last, and files that were touched but hold what they did."""
GO_ON = "the next run of Snakemake makes their features anew"


class Changes(NamedTuple):
    """What is not as the manifest says, by the videos' ids."""

    new: list[str]
    """There now, and not when the manifest was made."""
    replaced: list[str]
    """Of another content."""
    gone: list[str]

    def __bool__(self) -> bool:
        return any(self)

    def text(self) -> str:
        """In words; empty for no change."""
        names = ((self.new, "new"), (self.replaced, "replaced"), (self.gone, "gone"))
        return ", ".join(f"{len(ids)} {what} (first {ids[0]})" for ids, what in names if ids)


def modified(path: Path) -> str:
    """The time at which a file was last changed, as manifests have it."""
    return datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.UTC).isoformat()


def folder_key(collection: VideoCollection, manifest: Path, *, everything: bool) -> str:
    """A short text that changes with the videos that a manifest is of, and stays while they hold what they did.

    It stays as well when a file that nobody asks for comes or goes, but for a collection of which `everything` is
    wanted. Empty until something changes, and where there is no folder of videos.
    """
    if collection.folder is None or not collection.folder.is_dir():
        return ""
    unnamed = Places(collection).unnamed() if everything else []
    key, before = _read_mark(manifest.with_name(MARK))
    if manifest.is_file():
        touched = dict(before)
        changes = compare(manifest, collection, everything=everything, touched=touched)
        now = _short([*changes, _looks(collection, changes)]) if changes else key
        if (now, touched) != (key, before):
            key = now
            with suppress(OSError):  # a folder that may only be read: nothing is made in it either
                write_json(manifest.with_name(MARK), {"key": key, "touched": touched})
    return key + (f" {_short(unnamed)}" if unnamed else "")


def compare(
    manifest: Path, collection: VideoCollection, *, everything: bool = False, touched: dict[str, str] | None = None
) -> Changes:
    """What has changed in a collection since its manifest was made.

    Args:
        manifest: its file.
        collection: where the videos are looked for.
        everything: whether videos that the manifest does not have are new ones.
        touched: when files were changed that hold what they did; read, and added to.
    """
    places = Places(collection)
    rows = _rows(manifest)
    changes = Changes([], [], [])
    for row in rows:
        try:
            now = places.find(row["video_id"])
        except UserError:  # several files now; the run that follows says so
            changes.replaced.append(row["video_id"])
            continue
        _judge(row, now, changes, {} if touched is None else touched)
    if everything and not collection.mapping:
        known = {row["video_id"] for row in rows}
        changes.new.extend(name for name in places.known_ids() if name not in known)
    return changes


def compare_files(manifest: Path) -> Changes:
    """The same where the collection is not known: videos are looked for where the manifest has found others."""
    rows = _rows(manifest)
    folders = [Folder(path) for path in dict.fromkeys(Path(row["path"]).parent for row in rows if row["path"])]
    changes = Changes([], [], [])
    for row in rows:
        if row["path"]:
            path = Path(row["path"])
            _judge(row, path if path.exists() else None, changes, {})
        elif any(folder.find(row["video_id"]) for folder in folders):
            changes.new.append(row["video_id"])
    return changes


def _judge(row: dict[str, str], now: Path | None, changes: Changes, touched: dict[str, str]) -> None:
    name = row["video_id"]
    if now is None:
        if row["path"]:
            changes.gone.append(name)
    elif not row["path"]:
        changes.new.append(name)
    elif not _same(row, now, touched):
        changes.replaced.append(name)


def _same(row: dict[str, str], path: Path, touched: dict[str, str]) -> bool:
    """Whether a file holds what it did; read where only the time of its last change is another."""
    if not path.is_file():
        return row["bytes"] == "0"  # it was none before
    if str(path.stat().st_size) != row["bytes"]:
        return False
    time = modified(path)
    if time in (row["modified"], touched.get(str(path))):
        return True
    with suppress(OSError):
        if row["sha256"] and sha256(path) == row["sha256"]:
            touched[str(path)] = time
            return True
    return False


def _looks(collection: VideoCollection, changes: Changes) -> list[str]:
    """Sizes and times of what has come, so that a second change of the same videos is another one."""
    places = Places(collection)
    looks = []
    for name in (*changes.new, *changes.replaced):
        with suppress(UserError, OSError):
            path = places.find(name)
            looks.append(f"{path.stat().st_size} {modified(path)}" if path else "")
    return looks


def _rows(manifest: Path) -> list[dict[str, str]]:
    with manifest.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _read_mark(path: Path) -> tuple[str, dict[str, str]]:
    """The key that was given last, and the files that were touched."""
    with suppress(OSError, ValueError):
        found = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(found, dict) and isinstance(found.get("key"), str) and isinstance(found.get("touched"), dict):
            return found["key"], found["touched"]
    return "", {}


def _short(what: object) -> str:
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]
