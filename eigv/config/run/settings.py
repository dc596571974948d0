"""Everything that decides the numbers of one run."""

from typing import Any

from pydantic import Field, model_validator

from base import layers
from base.settings import Settings
from eigv.config.methods import METHODS
from eigv.config.names import BackboneName, FeatureChoice, MethodName
from eigv.config.run.backbones import BackbonesSettings, Plugin
from eigv.config.run.igv import DEFAULTS as IGV
from eigv.config.run.inference import InferenceSettings
from eigv.config.run.method import EigvSettings
from eigv.config.run.training import TrainingSettings

SECTIONS = ("backbones", "eigv", "training", "inference")
"""The groups of settings that a run is made of."""


class RunSettings(Settings):
    """Everything that decides the numbers of one run, and nothing else."""

    backbone: BackboneName
    method: MethodName
    features: FeatureChoice
    seed: int = Field(ge=0)
    backbones: BackbonesSettings = BackbonesSettings()
    plugin: Plugin | None = Field(None, description="Where the backbone comes from, if it is not one of ours.")
    eigv: EigvSettings = EigvSettings()
    training: TrainingSettings = TrainingSettings()
    inference: InferenceSettings = InferenceSettings()

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_the_method(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("method") == "igv":
            return layers.over(IGV, values)
        return values

    @model_validator(mode="after")
    def _learns_from_targets_that_its_loss_has(self) -> "RunSettings":
        how = METHODS[self.method]
        if how.mix != "none" and (loss := self.eigv.objective.answer) != "cross-entropy":
            plain = ", ".join(name for name, other in METHODS.items() if other.mix == "none")
            raise ValueError(
                f"`eigv.objective.answer: {loss}` needs one right answer, and the method {self.method} mixes samples, "
                "whose targets are distributions (Eq. 19): set it under `overrides` for methods that do not mix: "
                f"{plain}"
            )
        return self
