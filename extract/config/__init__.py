"""Settings of the extraction, by subject. They name code, and import none: neither readers nor networks.

`extraction.py` is the whole: collections of videos (`videos.py`), data sets (`datasets.py`), clip features
(`features.py`, and `recipes.py` for what is published of other people's), token features (`text.py`).
"""

from extract.config.datasets import FORMATS, Dataset, VocabularyRule
from extract.config.extraction import DecodeJob, Extraction, ImportJob, ProbeJob
from extract.config.features import (
    HUB_LIBRARIES,
    RGB,
    AppearanceSettings,
    FeaturesSettings,
    LocalNetwork,
    NetworkSettings,
    OwnRecipe,
    SamplingSettings,
    is_of_hub,
)
from extract.config.text import FineTuningSettings, Text, TextSettings
from extract.config.videos import LAYOUTS, CaptionSettings, ImportedFeatures, VideoCollection

__all__ = [
    "FORMATS",
    "HUB_LIBRARIES",
    "LAYOUTS",
    "RGB",
    "AppearanceSettings",
    "CaptionSettings",
    "Dataset",
    "DecodeJob",
    "Extraction",
    "FeaturesSettings",
    "FineTuningSettings",
    "ImportJob",
    "ImportedFeatures",
    "LocalNetwork",
    "NetworkSettings",
    "OwnRecipe",
    "ProbeJob",
    "SamplingSettings",
    "Text",
    "TextSettings",
    "VideoCollection",
    "VocabularyRule",
    "is_of_hub",
]
