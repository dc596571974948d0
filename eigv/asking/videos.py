"""The features of single videos, made by the functions that the workflow's rules call, and kept in a cache.

A file of the cache is a `video.h5` of one video, with its manifest beside it. Its name is a hash of the video's content
and of everything that decides its features.
"""

import contextlib
import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from base.errors import UserError
from base.formats.manifest import manifest_of, read_manifest, write_manifest
from base.formats.statuses import OK
from base.reading import is_unicode, sha256
from base.writing import ABANDONED
from eigv.asking.sources import Sources
from extract.config import VideoCollection
from extract.videos.workers import Limits

log = logging.getLogger(__name__)

MAKING = ".making-"
"""How folders begin in which features are being made."""


@dataclass(frozen=True)
class SeenVideo:
    """A video whose features are there."""

    path: Path
    """The file itself."""
    features: Path
    """Its `video.h5`, with the one row `video_id`."""
    manifest: Path
    video_id: str
    """The SHA-256 of the file."""


@dataclass(frozen=True)
class VideoCache:
    """Features of videos in a folder, made for one run where they are not there yet."""

    folder: Path
    sources: Sources
    device: str
    limits: Limits
    """What each pass over a video may take."""

    @classmethod
    def beside(cls, run: Path, sources: Sources, device: str, limits: Limits) -> "VideoCache":
        """In the folder of a run; in the user's own cache where that cannot be written to."""
        folder = run / "asked"
        if not os.access(folder if folder.is_dir() else run, os.W_OK):
            folder = Path.home() / ".cache/eigv/asked"
            log.info("%s cannot be written to: features of videos are kept in %s", run, folder)
        return cls(folder, sources, device, limits)

    def features(self, paths: Sequence[Path]) -> list[SeenVideo]:
        """The videos with their features; those that are not in the cache are made together.

        `UserError` where a file is not there or cannot be read, and where weights are missing or are others than those
        that the run was trained with.
        """
        if folders := [str(path) for path in paths if path.is_dir()]:
            raise UserError(f"{folders[0]} is a folder; give a video file")
        if absent := [str(path) for path in paths if not path.is_file()]:
            raise UserError(f"there is no video {', '.join(absent[:5])}")
        if broken := [str(path) for path in paths if not is_unicode(str(path.resolve()))]:
            raise UserError(f"the path {broken[0]!r} holds bytes that are not UTF-8; rename the file or its folder")
        seen = [self._place(path) for path in paths]
        todo = {video.features: video for video in seen if not (video.features.is_file() and video.manifest.is_file())}
        if todo:
            self._make(list(todo.values()))
        for video in {video.manifest: video for video in seen}.values():
            self._look_at(video)
        return seen

    def _place(self, path: Path) -> SeenVideo:
        video_id = sha256(path)
        sources = self.sources
        decides = sources.features.model_dump(
            mode="json",
            exclude={"weights_folder": True, "shards": True, "appearance": {"weights"}, "motion": {"weights"}},
        )
        key = [video_id, decides, {kind: made.get("sha256") for kind, made in sources.networks.items()}]
        name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
        return SeenVideo(path, self.folder / f"{name}.h5", self.folder / f"{name}.csv", video_id)

    def _make(self, videos: list[SeenVideo]) -> None:
        """Probes, decodes and extracts as rules `probe`, `decode`, `features` and `merge` do."""
        from extract.features.merge import merge
        from extract.features.shards import extract_shard
        from extract.videos.decode import decode_shard
        from extract.videos.probe import probe_file

        settings = self.sources.features
        for kind in self.sources.kinds:
            self.sources.refuse_other_weights(kind)
        rows = [probe_file(seen.video_id, seen.path.resolve(), settings.sampling, self.limits) for seen in videos]
        manifest = manifest_of(rows)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._sweep_leftovers()
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=MAKING) as work:
            frames = Path(work) / "frames.h5"
            decode_shard(manifest, self._collection(Path(work)), settings, frames, 1)
            made = {}
            for kind in self.sources.kinds:
                made[kind] = Path(work) / f"{kind}.h5"
                extract_shard(kind, frames, settings, made[kind], self.device)
            for number, video in enumerate(videos):
                row = manifest.iloc[[number]]
                write_manifest(video.manifest, row)
                merge([(frames, made)], settings, row, video.features)

    def _sweep_leftovers(self) -> None:
        """Removes the decoded frames of processes that were killed long ago."""
        for work in self.folder.glob(f"{MAKING}*"):
            with contextlib.suppress(FileNotFoundError):  # its process has ended meanwhile
                if time.time() - work.stat().st_mtime > ABANDONED:
                    shutil.rmtree(work, ignore_errors=True)

    def _collection(self, folder: Path) -> VideoCollection:
        return VideoCollection(folder=folder, time_limit=self.limits.seconds, memory_limit=self.limits.gigabytes)

    def _look_at(self, video: SeenVideo) -> None:
        """Says what is wrong with the video, and notes where it lies now: the same content may have been asked about at
        another place."""
        manifest = read_manifest(video.manifest)
        if manifest["status"].tolist() != [OK]:
            log.warning("%s is used as far as it goes: %s", video.path, manifest["reason"].iloc[0])
        path = str(video.path.resolve())
        if manifest["path"].tolist() != [path]:
            write_manifest(video.manifest, manifest.assign(path=path))
