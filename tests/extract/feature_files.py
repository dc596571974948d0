"""Feature files in every layout, of small made-up features."""

from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from base.formats.video_features import KINDS, Origin, Sizes, write_video_features
from extract.config import ImportedFeatures

WIDTHS = (24, 16)
CLIPS = 4


def made_up(names: list[str], seed: int = 0) -> dict[str, dict[str, np.ndarray]]:
    """Features (K, D) by kind and id: what a video has throughout, and what its clips have on top."""
    features: dict[str, dict[str, np.ndarray]] = {}
    for kind, width in zip(("appearance", "motion"), WIDTHS, strict=True):
        rng = np.random.default_rng([seed, width])
        values = rng.gamma(2, 1, (len(names), 1, width)) + 0.3 * rng.random((len(names), CLIPS, width))
        features[kind] = {name: row.astype(np.float32) for name, row in zip(names, values, strict=True)}
    return features


def write_ours(path: Path, features: dict, names: list[str] | None = None, storage="float32") -> Path:
    names = names or list(features["appearance"])
    first = names[0]
    sizes = Sizes(CLIPS, 2, 1, tuple(features[kind][first].shape[1] for kind in KINDS))
    videos = pd.DataFrame({"video_id": names}).assign(
        status="ok", decoder="decord", fingerprint="", fps=25.0, duration=25.0
    )
    origin = Origin({"weights": "w"}, {"weights": "w"}, "paper", {}, {}, {})
    with write_video_features(path, videos, sizes, storage, origin) as writer:
        for row, name in enumerate(names):
            writer.frames(row, np.zeros((CLIPS, 2), np.int32), np.zeros((CLIPS, 1), np.int32))
            for kind in KINDS:
                writer.features(kind, row, features[kind][name], path)
    return path


def ids_as(names: list[str], type_: str) -> np.ndarray | list:
    if type_ == "int":
        return np.array([int(name) for name in names], np.int64)
    if type_ == "bytes":
        return np.array([name.encode() for name in names])
    return np.array(names, dtype=h5py.string_dtype())


def write_nextqa(folder: Path, features: dict, splits: dict[str, list[str]], type_: str = "int") -> ImportedFeatures:
    folder.mkdir(exist_ok=True)
    for split, names in splits.items():
        with h5py.File(folder / f"app_mot_{split}.h5", "w") as file:
            file["ids"] = ids_as(names, type_)
            file["feat"] = np.stack(
                [np.concatenate([features["appearance"][n], features["motion"][n]], axis=1) for n in names]
            )
    return ImportedFeatures(layout="nextqa", path=folder, splits=tuple(splits), widths=WIDTHS)


def write_hcrn(folder: Path, features: dict, names: list[str], type_: str = "int") -> ImportedFeatures:
    """Appearance has 3 frame vectors a clip, that of ours in the middle; motion is in another order."""
    folder.mkdir(exist_ok=True)
    with h5py.File(folder / "set_appearance_feat.h5", "w") as file:
        file["ids"] = ids_as(names, type_)
        vectors = np.stack([features["appearance"][n] for n in names])
        file["resnet_features"] = np.stack([vectors - 1, vectors, vectors + 4], axis=2)
    with h5py.File(folder / "set_motion_feat.h5", "w") as file:
        file["ids"] = ids_as(names[::-1], type_)
        file["resnext_features"] = np.stack([features["motion"][n] for n in names[::-1]])
    return ImportedFeatures(layout="hcrn", path=folder, widths=WIDTHS)


def write_npy(folder: Path, features: dict, names: list[str]) -> ImportedFeatures:
    for kind in features:
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for name in names:
            np.save(folder / kind / f"{name}.npy", features[kind][name])
    return ImportedFeatures(layout="npy", path=folder, widths=WIDTHS)
