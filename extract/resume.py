"""What a training needs to go on after a kill: one file, whole after every epoch."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

History = list[dict[str, Any]]


def save(path: Path, key: str, parts: dict[str, Any], history: History, best: dict[str, Tensor]) -> None:
    """Saves the state of each part, the epochs so far and the best weights; `key` says of which settings."""
    temporary = path.with_suffix(".partial")
    states = {name: part.state_dict() for name, part in parts.items()}
    torch.save({"key": key, **states, "history": history, "best": best}, temporary)
    temporary.replace(path)


def restore(path: Path, key: str, parts: dict[str, Any], device: str = "cpu") -> tuple[History, dict[str, Tensor]]:
    """Restores each part from a state of these settings; returns its epochs and best weights, or nothing of either."""
    saved = torch.load(path, map_location=device, weights_only=True) if path.is_file() else {}
    if saved.get("key") != key:
        return [], {}
    for name, part in parts.items():
        part.load_state_dict(saved[name])
    return saved["history"], saved["best"]
