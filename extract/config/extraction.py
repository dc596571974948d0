"""The part of a configuration that the extraction reads, and what its commands are given of it."""

from pathlib import Path

from pydantic import Field, model_validator

from base.settings import Settings
from extract.config.datasets import Dataset
from extract.config.features import FeaturesSettings, SamplingSettings
from extract.config.names import EntryName, OutputFolder
from extract.config.text import TextSettings
from extract.config.videos import VideoCollection


class Extraction(Settings):
    """What is extracted, from where to where. A configuration of `eigv` says more (eigv/config/experiment.py)."""

    name: str = Field("", description="Name of this configuration.")
    results: OutputFolder = Field(Path("results"), description="The folder that everything is written to.")
    videos: dict[EntryName, VideoCollection] = Field(description="Collections of raw videos, by name.")
    datasets: dict[EntryName, Dataset] = Field(
        {}, description="Data sets, by name; none where only features are wanted (`snakemake videos`)."
    )
    features: FeaturesSettings = FeaturesSettings()
    text: TextSettings = TextSettings()

    @model_validator(mode="after")
    def _collections_exist(self) -> "Extraction":
        for name, dataset in self.datasets.items():
            if dataset.videos not in self.videos:
                there = ", ".join(self.videos) or "none"
                raise ValueError(
                    f"`datasets.{name}.videos` names the collection {dataset.videos!r}, which is not in `videos`; "
                    f"there are {there}"
                )
        return self


class ProbeJob(Settings):
    """What `eigv-extract probe` is told."""

    collection: VideoCollection
    sampling: SamplingSettings
    datasets: dict[str, Dataset] = Field({})
    """The data sets whose videos are asked for."""


class DecodeJob(Settings):
    """What `eigv-extract decode` is told."""

    collection: VideoCollection
    features: FeaturesSettings


class ImportJob(DecodeJob):
    """What `eigv-extract import` is told."""

    datasets: dict[str, Dataset] = Field({})
    """The data sets whose videos are asked for."""
