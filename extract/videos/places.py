"""Where the videos of a collection lie."""

import logging
import os
from pathlib import Path, PurePosixPath

from base.errors import UserError
from base.ids import composed
from base.reading import read_texts
from extract.config import VideoCollection
from extract.videos.names import Folder, below

SHOWN = 50
"""At most this many videos are listed in a message."""
_MAPPING = '{"video id": "path below the folder, with or without suffix", ...}'

log = logging.getLogger(__name__)


class Places:
    """The files of a collection. `UserError` where its folder is not there, or its mapping leads out of it."""

    def __init__(self, collection: VideoCollection) -> None:
        """Of a collection that has a folder of videos; each folder is listed when it is first asked for."""
        assert collection.folder is not None
        self.folder = collection.folder
        self.subfolders = collection.subfolders
        if not self.folder.is_dir():
            raise UserError(f"the video folder {self.folder} does not exist; put the videos there, or set its path")
        mapping = read_texts(collection.mapping, "the video mapping", _MAPPING) if collection.mapping else {}
        self.mapping = {composed(name): path for name, path in mapping.items()}
        outside = [f"{name}: {to}" for name, to in self.mapping.items() if not _stays_inside(to)]
        if outside:
            raise UserError(f"{collection.mapping}: these videos would lie outside {self.folder}:\n  " + some(outside))
        self._folders: dict[str, Folder] = {}

    def find(self, video_id: str) -> Path | None:
        """The file of a video, or what is there in its place; None for nothing.

        Looked for where the mapping says, then by its id in the folder, then by its id in each subfolder. `UserError`
        where several files could be meant.
        """
        found = [paths for place in self._places(video_id) if (paths := self._in(place).find(_name(place)))]
        for paths in sorted(found, key=lambda paths: not paths[0].is_file()) if len(found) > 1 else found:
            if len(paths) > 1:
                raise UserError(
                    f"the video {video_id} can be {' or '.join(map(str, paths))}: take all but one away, or name the "
                    "file with its suffix (in the questions, or in the `mapping` of the videos)"
                )
            return paths[0]
        return None

    def find_all(self, video_ids: list[str]) -> dict[str, Path | None]:
        """The files of some videos. One `UserError` that lists every video which several files could be."""
        found: dict[str, Path | None] = {}
        ambiguous = []
        for video_id in video_ids:
            try:
                found[video_id] = self.find(video_id)
            except UserError as error:
                ambiguous.append(str(error))
        if ambiguous:
            raise UserError(some(ambiguous))
        return found

    def tried(self, video_id: str) -> str:
        """Where a video is looked for, for messages; and what lies there that is almost it."""
        places = self._places(video_id)
        said = " or ".join(f"{self.folder / place}.*" for place in places)
        near = [path for place in places for path in self._in(place).like(_name(place))]
        return said + (f"; there is {near[0]}" if near else "")

    def why_missing(self, video_id: str) -> str:
        """What is to be said of a video that is not found."""
        for place in self._places(video_id):
            if link := self._in(place).broken(_name(place)):
                return f"{link} is a link to {os.readlink(link)}, which is not there"  # noqa: PTH115  (as it is written)
        return "no such file"

    def all_ids(self) -> list[str]:
        """The ids of all videos, in their order: those of the mapping, or those of the files. What is no video is said.

        `UserError` for a folder without videos, and for files that cannot be told apart.
        """
        if self.mapping:
            return sorted(self.mapping)
        videos: dict[str, list[Path]] = {}
        left_out: list[str] = []
        for name in ("", *self.subfolders):
            folder = self._in(f"{name}/video" if name else "video")
            for video_id, paths in folder.ids().items():
                videos.setdefault(video_id, []).extend(paths)
            left_out += [f"{_shown(Path(name) / file)} ({why})" for file, why in folder.left_out().items()]
            left_out += [
                f"{_shown(Path(name) / inner)}/ (a folder that `subfolders` does not name)"
                for inner in folder.folders
                if not any(PurePosixPath(sub).is_relative_to(PurePosixPath(name) / inner) for sub in self.subfolders)
            ]
        if left_out:
            log.warning("left out of %s: %s", self.folder, some(left_out))
        if not videos:
            raise UserError(f"{self.folder} holds no video")
        self._refuse_alike(videos)
        return sorted(videos)

    def known_ids(self) -> list[str]:
        """The ids of the videos that are known by their suffix; no file is opened."""
        return [video_id for folder in self._all_folders() for video_id in folder.ids(opened=False)]

    def unnamed(self) -> list[str]:
        """The names of files that would have to be opened to know whether they are videos."""
        return [name for folder in self._all_folders() for name in folder.unnamed()]

    def _all_folders(self) -> list[Folder]:
        return [self._in(f"{name}/video" if name else "video") for name in ("", *self.subfolders)]

    def _refuse_alike(self, videos: dict[str, list[Path]]) -> None:
        alike = [" and ".join(map(_shown, paths)) for paths in videos.values() if len(paths) > 1]
        if alike:
            raise UserError(
                f"these videos of {self.folder} have the same id (their names differ in suffix, folder or the form of "
                f"their accents at most); rename all but one:\n  {some(alike)}"
            )
        for video_id, (path,) in videos.items():
            if (found := self.find(video_id)) not in (path, None):
                raise UserError(f"{path} and {found} cannot be told apart by the id {video_id}; rename one of them")

    def _places(self, video_id: str) -> list[str]:
        """Where a video can lie below the folder: where the mapping says, by its id, by its id in a subfolder."""
        name = composed(video_id)
        return list(dict.fromkeys([self.mapping.get(name, name), name, *(f"{sub}/{name}" for sub in self.subfolders)]))

    def _in(self, place: str) -> Folder:
        """The folder that a place is in."""
        parent = place.rpartition("/")[0]
        if parent not in self._folders:
            self._folders[parent] = Folder(below(self.folder, parent))
        return self._folders[parent]


def some(lines: list[str]) -> str:
    """A list for a message, one a line, cut where it is long."""
    rest = [f"... and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return "\n  ".join(lines[:SHOWN] + rest)


def _name(place: str) -> str:
    return place.rpartition("/")[2]


def _shown(path: Path) -> str:
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _stays_inside(path: str) -> bool:
    return not path.startswith("/") and ".." not in PurePosixPath(path).parts
