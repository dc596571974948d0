"""A data set that is read once and serves many runs of a process."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from base.formats.vocabulary import fingerprint, read_vocabulary
from eigv.config.choices import DataOn
from eigv.runs.data import Split, Videos
from eigv.runs.device.placement import place


class SharedData:
    """Videos and splits of one data set, each read when it is asked for first; no run may change them.

    Runs with other kinds of features see the same file otherwise: the last kinds that were asked for stay in memory.
    """

    def __init__(self, video: Path, questions: Path, text: Path) -> None:
        """The data set of `video.h5`, a folder of annotations and a folder of token features."""
        self.places = (video, questions, text)
        self._kinds = ""
        self._videos: Videos | None = None
        self._splits: dict[str, Split] = {}
        self._digest = ""
        self._placed: tuple[tuple[str, ...], dict[str, Split]] | None = None

    def videos(self, features: str) -> Videos:
        """Those kinds of features, as `Videos.read` takes them; `UserError` where the file lacks some."""
        if self._videos is None or features != self._kinds:
            self._videos, self._kinds, self._digest = Videos.read(self.places[0], features), features, ""
            self._placed = None
            self._splits = {name: replace(split, videos=self._videos) for name, split in self._splits.items()}
        return self._videos

    def split(self, name: str, features: str, *, training: bool) -> Split:
        """A split with those kinds of features; `UserError` for gaps in the files."""
        videos = self.videos(features)
        if name not in self._splits:
            self._splits[name] = Split.read(name, *self.places[1:], videos, training=training)
        return self._splits[name]

    def on(self, device: str, wanted: DataOn, features: str, *names: str) -> list[Split]:
        """Those splits, which were read before, with what the device has room for on it (`eigv.runs.device.placement`).

        It stays there for other runs. `UserError` where `wanted` is `device` and there is not room for all.
        """
        self.videos(features)
        asked = (device, wanted, *names)
        if self._placed is None or self._placed[0] != asked:
            self._placed = None  # makes room
            self._placed = asked, place({name: self._splits[name] for name in names}, device, wanted)
        return list(self._placed[1].values())

    def digest(self, features: str, *splits: Split) -> str:
        """A hash of everything in the files that a training with those splits reads."""
        videos = self.videos(features)
        if not self._digest:
            digest = hashlib.sha256(np.ascontiguousarray(videos.features.numpy()).data)
            digest.update(fingerprint(read_vocabulary(self.places[1])).encode())
            for split in splits:
                digest.update(split.table.to_csv(index=False).encode())
                digest.update(np.ascontiguousarray(split.tokens.tokens).data)
            self._digest = digest.hexdigest()
        return self._digest
