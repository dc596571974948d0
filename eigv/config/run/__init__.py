"""The settings of one run, by subject: the one place of every default.

`settings.py` is the whole: sizes of the backbones (`backbones.py`), the modules of EIGV (`method.py`) with what makes
rationales true (`faithful.py`) and IGV (`igv.py`), optimisation (`training.py`), how answers are read (`inference.py`).
"""

from eigv.config.run.backbones import (
    AmuSettings,
    BackbonesSettings,
    BlockFusionSettings,
    Cell,
    ComemSettings,
    HcrnSettings,
    HgaSettings,
    HmeSettings,
    MspanSettings,
    Plugin,
    VideoRepresentation,
)
from eigv.config.run.faithful import FaithfulSettings, PartsSettings
from eigv.config.run.igv import IgvSettings
from eigv.config.run.inference import InferenceSettings
from eigv.config.run.method import (
    DisruptorSettings,
    EigvSettings,
    GroundingSettings,
    IntervenerSettings,
    ObjectiveSettings,
)
from eigv.config.run.settings import SECTIONS, RunSettings
from eigv.config.run.training import TrainingSettings

__all__ = [
    "SECTIONS",
    "AmuSettings",
    "BackbonesSettings",
    "BlockFusionSettings",
    "Cell",
    "ComemSettings",
    "DisruptorSettings",
    "EigvSettings",
    "FaithfulSettings",
    "GroundingSettings",
    "HcrnSettings",
    "HgaSettings",
    "HmeSettings",
    "IgvSettings",
    "InferenceSettings",
    "IntervenerSettings",
    "MspanSettings",
    "ObjectiveSettings",
    "PartsSettings",
    "Plugin",
    "RunSettings",
    "TrainingSettings",
    "VideoRepresentation",
]
