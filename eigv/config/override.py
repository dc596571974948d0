"""What a configuration says of some of its runs alone."""

from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field

from base.settings import Settings
from eigv.config.names import BackboneName, FeatureChoice, MethodName
from eigv.config.run import BackbonesSettings, EigvSettings, InferenceSettings, TrainingSettings
from eigv.config.run_path import Run

Item = TypeVar("Item")


def _listed(value: Any) -> Any:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


def _one_or_a_list(schema: dict[str, Any]) -> None:
    """JSON schema: what may stand in the list may also stand by itself."""
    many = {"type": schema.pop("type"), "items": schema["items"]}
    schema["anyOf"] = [schema.pop("items"), many]


OneOrMore = Annotated[tuple[Item, ...], BeforeValidator(_listed), Field(json_schema_extra=_one_or_a_list)]
"""Names of which one need not be a list."""


class When(Settings):
    """Which runs an override is for; what is empty fits every run."""

    dataset: OneOrMore[str] = Field((), description="Names of data sets, one or a list.")
    backbone: OneOrMore[BackboneName] = Field((), description="Backbones, one or a list.")
    method: OneOrMore[MethodName] = Field((), description="Methods, one or a list.")
    features: OneOrMore[FeatureChoice] = Field((), description="Choices of features, one or a list.")

    def fits(self, run: Run) -> bool:
        """Whether the run is one of them."""
        return all(not wanted or getattr(run, name) in wanted for name, wanted in self)


class Override(Settings):
    """Settings of some of the runs, over those of all; later overrides win."""

    when: When = Field(When(), description="The runs that it is for.")
    backbones: BackbonesSettings = BackbonesSettings()
    eigv: EigvSettings = EigvSettings()
    training: TrainingSettings = TrainingSettings()
    inference: InferenceSettings = InferenceSettings()
