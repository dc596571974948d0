"""From HDF5 to answers and rationales: backbones, EIGV, training, evaluation, tables and figures."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eigv.asking.model import Model

__all__ = ["load"]


def load(place: str | Path, device: str = "auto", cache: Path | None = None, time_limit: float = 600) -> "Model":
    """A trained run that answers questions about videos: of its folder, of a bundle, or of a bundle on the hub.

    `cache` is where features of videos are kept, else in that folder; `time_limit` the seconds that each pass over a
    video may take. `UserError` where there is no model.
    """
    from eigv.asking.model import load as run  # torch is imported when it is needed

    return run(place, device, cache, time_limit)
