"""Videos by name: which file of a folder an id means, and which ids its files have.

An id is the name of a file, with its suffix or without. Names are compared in their composed Unicode form: a Mac writes
the accents of file names as characters of their own.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import cached_property
from pathlib import Path, PurePath

from base.ids import composed
from extract.videos.kinds import has_suffix, suffix, why_none, why_not, without_suffix


class Folder:
    """The files of one folder, listed once; nothing where there is no such folder."""

    def __init__(self, path: Path) -> None:
        """Of `path`, whose names are compared in composed form where there is none of just this one."""
        self.path = path
        self.folders: list[str] = []
        """Folders in it, but for those that are named like a video."""
        self._broken: list[str] = []
        self._others: list[str] = []
        self._files: list[str] = []
        self._videos: list[str] = []
        for entry in sorted(_scan(path), key=lambda entry: entry.name):
            if has_suffix(entry.name):
                fine = entry.is_file() or not (entry.is_dir() or entry.is_symlink())
                (self._videos if fine else self._others if entry.is_dir() else self._broken).append(entry.name)
            elif entry.is_dir():
                self.folders.append(entry.name)
            else:
                self._files.append(entry.name)

    def find(self, name: str) -> list[Path]:
        """The files that a name can mean: several where it is not said which.

        A name with a video's suffix means that file (in whichever case the suffix is), any other one the video of
        that name. A folder in the place of a file is found if there is nothing else.
        """
        name = composed(name)
        found = (
            self._named[name]
            or (self._named_in_any_case[_lower(name)] if has_suffix(name) else [])
            or self._by_stem[name]
            or self._opened([file for file in self._files if name in (composed(file), composed(PurePath(file).stem))])
            or [other for other in self._others if name in (composed(other), composed(without_suffix(other)))]
        )
        return [self.path / one for one in found]

    def broken(self, name: str) -> Path | None:
        """A link that leads nowhere and has the name of a video that is looked for."""
        names = (link for link in self._broken if composed(name) in (composed(link), composed(without_suffix(link))))
        return next((self.path / link for link in names), None)

    def like(self, name: str) -> list[Path]:
        """The files whose names are almost that: with another suffix, or other capitals."""
        stem = composed(without_suffix(name)).lower()
        return [self.path / video for video in self._videos if composed(without_suffix(video)).lower() == stem]

    def ids(self, *, opened: bool = True) -> dict[str, list[Path]]:
        """Every video by its id: the name without the suffix, or with it where two have the same name without it.

        Folders and links to nothing that are named like a video are among them. Several files have one id where only
        the form of their accents differs. Unless files may be `opened`, only those with a video's suffix are there.
        """
        names = [*self._videos, *self._others, *self._broken, *(self._opened(self._files) if opened else ())]
        stem = {name: composed(PurePath(name).stem) for name in names if not _unusable(name)}
        often = Counter(stem.values())
        ids: defaultdict[str, list[Path]] = defaultdict(list)
        for name in sorted(stem):
            ids[composed(name) if often[stem[name]] > 1 else stem[name]].append(self.path / name)
        return dict(ids)

    def left_out(self) -> dict[str, str]:
        """The files that are not among them, each with the reason."""
        everything = sorted((*self._videos, *self._others, *self._broken, *self._files))
        reasons = {name: _unusable(name) or self._refused.get(name, "") for name in everything}
        return {name: reason for name, reason in reasons.items() if reason}

    def unnamed(self) -> list[str]:
        """The files whose names do not say whether they are videos."""
        return [name for name in self._files if not _unusable(name)]

    @cached_property
    def _named(self) -> defaultdict[str, list[str]]:
        return _sorted_by(composed, self._videos)

    @cached_property
    def _named_in_any_case(self) -> defaultdict[str, list[str]]:
        return _sorted_by(lambda name: _lower(composed(name)), self._videos)

    @cached_property
    def _by_stem(self) -> defaultdict[str, list[str]]:
        return _sorted_by(lambda name: composed(without_suffix(name)), self._videos)

    @cached_property
    def _refused(self) -> dict[str, str]:
        """The files with another suffix than those of videos, or with none, each with why PyAV opens no video in it."""
        asked = self.unnamed()
        return dict(zip(asked, why_none([self.path / name for name in asked]), strict=True))

    def _opened(self, files: list[str]) -> list[str]:
        """Those of some files that are videos though their names do not say so; without any none is opened."""
        return [name for name in files if not _unusable(name) and not self._refused[name]]


def below(folder: Path, relative: str | Path) -> Path:
    """A path below a folder, as its parts are written on the disk, whose accents may be in the other form."""
    path = folder
    for part in PurePath(relative).parts:
        there = path / part
        if not os.path.lexists(there) and not part.isascii():
            same = [entry.name for entry in _scan(path) if composed(entry.name) == composed(part)]
            there = path / same[0] if same else there
        path = there
    return path


def _scan(path: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _sorted_by(key: Callable[[str], str], names: list[str]) -> defaultdict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        found[key(name)].append(name)
    return found


def _lower(name: str) -> str:
    """A name with its suffix in small letters."""
    ending = suffix(name)
    return name.removesuffix(ending) + ending.lower()


def _unusable(name: str) -> str:
    """Why a file is not looked at, by its name; empty where it is."""
    if any("\udc80" <= character <= "\udcff" for character in name):
        return "its name is not UTF-8: rename it"
    return why_not(name)
