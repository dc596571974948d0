"""What is in a file, in words: counts, shapes, where it comes from, the state of its videos, a few statistics."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from base.errors import UserError
from base.formats.statuses import FAILED, ZEROS
from base.formats.store import attributes, open_store, read_strings
from base.formats.video_features import KIND, KINDS, open_video_features
from extract.layouts import FeatureSource, open_layout, recognise
from extract.layouts.contract import open_hdf5
from extract.videos.listing import GO_ON, compare_files

LONG = 100
"""Attributes longer than this are shown line by line."""


@dataclass
class Statistics:
    """Running figures of one kind of features; memory does not grow with the number of videos."""

    videos: int = 0
    shape: tuple[int, ...] = ()
    total: float = 0.0
    squares: float = 0.0
    count: int = 0
    least: float = np.inf
    most: float = -np.inf
    zeros: int = 0
    not_finite: list[str] = field(default_factory=list)
    constant: list[str] = field(default_factory=list)
    other_shape: list[str] = field(default_factory=list)

    def add(self, name: str, values: NDArray[np.floating]) -> None:
        """Takes in the features (K, D) of one video."""
        self.videos += 1
        self.shape = self.shape or values.shape
        if values.shape != self.shape:
            self.other_shape.append(name)
        wide = values.astype(np.float64)
        if not np.isfinite(wide).all():
            self.not_finite.append(name)
            return
        if wide.size and wide.min() == wide.max():
            self.constant.append(name)
        self.total += wide.sum()
        self.squares += np.square(wide).sum()
        self.count += wide.size
        self.zeros += int((wide == 0).sum())
        self.least, self.most = min(self.least, float(wide.min())), max(self.most, float(wide.max()))

    def row(self) -> dict[str, Any]:
        """The figures, for a table."""
        mean = self.total / max(self.count, 1)
        return {
            "videos": self.videos,
            "clips": self.shape[0] if self.shape else 0,
            "width": self.shape[-1] if self.shape else 0,
            "mean": round(mean, 4),
            "std": round(float(np.sqrt(max(self.squares / max(self.count, 1) - mean**2, 0))), 4),
            "min": round(self.least, 4),
            "max": round(self.most, 4),
            "zeros": f"{self.zeros / max(self.count, 1):.1%}",
        }

    def problems(self, kind: str) -> Iterator[str]:
        """What is wrong with these features, in words."""
        for names, what in (
            (self.not_finite, "is not finite"),
            (self.constant, "is one and the same number throughout"),
            (self.other_shape, f"has another shape than {self.shape}"),
        ):
            if names:
                yield f"the {kind} feature {what} for {len(names)} videos: {', '.join(names[:5])}"


@dataclass(frozen=True)
class Inspection:
    """The description of a file."""

    text: str
    problems: list[str]
    """What is wrong with it; empty for a clean file."""


def inspect(path: Path) -> Inspection:
    """Describes an HDF5 file of ours, or features in one of the layouts that can be imported."""
    if path.is_file() and h5py.is_hdf5(path):
        with open_hdf5(path) as file:
            kind = file.attrs.get("kind")
        if kind == KIND:
            return _video_features(path)
        if kind:
            return _other(path, kind)
    elif path.is_file():
        raise UserError(f"{path} is not a whole HDF5 file")
    with open_layout(recognise(path)) as source:
        figures, problems = _figures(source, source.ids)
        lines = [f"{path}: features of {len(source.ids)} videos in the layout {recognise(path).layout}", "", figures]
    return Inspection("\n".join(lines), problems)


def _video_features(path: Path) -> Inspection:
    manifest = path.with_name("manifest.csv")
    with open_video_features(path) as file:
        ids, status = read_strings(file, "ids"), read_strings(file, "status")
        decoder = read_strings(file, "decoder") if "decoder" in file else ["?"] * len(ids)
        frames = file["frame_index"].shape
        kinds = {name: file[name].dtype for name in KINDS}
    table = pd.crosstab(pd.Series(status, name="status"), pd.Series(decoder, name="decoder"))
    empty = [name for name, state in zip(ids, status, strict=True) if state in (FAILED, ZEROS)]
    with open_layout(recognise(path)) as source:
        about = source.about
        figures, problems = _figures(source, [name for name in source.ids if name not in set(empty)])
    if manifest.is_file() and (changes := compare_files(manifest)):
        problems.append(f"videos have changed since: {changes.text()}; {GO_ON}")
    if empty:
        problems.append(f"{len(empty)} videos have no features (zeros or failed): {', '.join(empty[:5])}")
    random = [kind for kind in kinds if str(about.get(f"{kind}_network", {}).get("weights")).startswith("random")]
    stored = ", ".join(f"{kind} {dtype}" for kind, dtype in kinds.items())
    lines = [
        f"{path}: features of {len(ids)} videos, {frames[1]} clips of {frames[2]} frames; {stored}",
        *(f"THE {kind.upper()} WEIGHTS ARE RANDOM: these are no features to compare with anyone's" for kind in random),
        *("", "Status of the videos, by decoder", table.to_string()),
        *("", "Features of the usable videos", figures),
        *("", "Where they come from", _describe(about)),
    ]
    return Inspection("\n".join(lines), problems)


def _figures(source: FeatureSource, names: list[str]) -> tuple[str, list[str]]:
    figures = {kind: Statistics() for kind in source.read}
    for name in names:
        for kind, read in source.read.items():
            figures[kind].add(name, read(name))
    problems = [problem for kind, found in figures.items() for problem in found.problems(kind)]
    return pd.DataFrame({kind: found.row() for kind, found in figures.items()}).T.to_string(), problems


def _other(path: Path, kind: str) -> Inspection:
    with open_store(path, kind) as file:
        rows = [{"dataset": name, "shape": str(data.shape), "type": str(data.dtype)} for name, data in file.items()]
        about = _describe(attributes(file))
        half = int((file["done"][:] == 0).sum()) if "done" in file else 0
        status = ""
        if "status" in file:
            status = "\n\n" + pd.Series(read_strings(file, "status")).value_counts().rename_axis("status").to_string()
    text = f"{path}: {kind}\n\n{pd.DataFrame(rows).to_string(index=False)}{status}\n\n{about}"
    return Inspection(text, [f"{half} rows are not made yet"] if half else [])


def _describe(about: dict[str, Any]) -> str:
    lines = []
    for key, value in about.items():
        shown = value if isinstance(value, str) else _json(value)
        if isinstance(value, dict) and len(shown) > LONG:
            lines.append(f"  {key}:")
            lines += [f"    {name}: {_json(part)}" for name, part in value.items()]
        else:
            lines.append(f"  {key}: {shown}")
    return "\n".join(lines)


def _json(value: Any) -> str:
    return json.dumps(value.item() if isinstance(value, np.generic) else value, ensure_ascii=False)
