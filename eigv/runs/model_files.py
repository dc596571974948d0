"""Trained models on disk: weights as safetensors, and everything else that is needed to build them as JSON."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors import torch as safetensors
from torch import Tensor

from base import layers
from base.errors import UserError
from base.formats.run_folder import RunFolder
from base.formats.vocabulary import fingerprint
from base.reading import read_json
from base.settings import parse
from base.writing import write_bytes, write_json
from eigv.backbones import ClipWidths, build, streams_of
from eigv.backbones.contract import NO_SUBSETS
from eigv.config.methods import GUIDE, method
from eigv.config.run import RunSettings
from eigv.method.faithful import indicator_settings
from eigv.method.model import VideoQA

GONE = "backbone.unused."
"""Layers of MSPAN that nothing reads: models that were trained before have them."""

BEFORE: dict[str, Any] = {
    "backbones": {name: {"video_representation": "recurrent"} for name in ("comem", "hga")},
    "eigv": {
        "grounding": {"query": "answer"},
        "disruptor": {"random_question": "mixed"},
        "objective": {"projection_head": True},
    },
}
"""What models were that are older than these switches, whose `training` has `patience`."""


@dataclass(frozen=True)
class ModelCard:
    """What a model is built from, and how it was chosen."""

    settings: RunSettings
    clip_widths: ClipWidths
    token_width: int
    classes: int | None
    """Answers of the vocabulary; None for multiple choice."""
    vocabulary: str = ""
    """The fingerprint of these answers (`base.formats.vocabulary`); empty for multiple choice, and where it is not
    known: models of before this was recorded, and those of other code."""
    epoch: int = 0
    """The epoch that was kept, the first with the best validation accuracy."""
    val_accuracy: float = 0.0
    inputs: dict[str, Any] | None = None
    """What the features were made with."""
    made_by: dict[str, Any] | None = None
    """How features of a further video and question are made (`eigv.asking.sources`); None for models of before this
    was recorded."""
    commit: str = ""
    """The commit of the code that trained it."""
    device: str = ""
    """What trained it: a model of GPU, or `cpu`; empty for models of before this was recorded."""
    precision: str = ""
    """The numbers that it was trained in; empty for models of before there was a choice (float32)."""
    deterministic: bool = False
    """Whether only operations were used that give the same bits every time."""

    @property
    def streams(self) -> str:
        """The clip features that the model reads, as `Videos.read` takes them."""
        return streams_of(self.settings.backbone, self.settings.features, self.settings.plugin)

    def build(self) -> VideoQA:
        """The model, with fresh weights. The model of a method that has a guide holds the guide."""
        run, how = self.settings, method(self.settings.method)
        backbone = build(run.backbone, run.backbones, self.clip_widths, self.token_width, run.plugin)
        grounding = run.eigv.grounding if how.selects == "no" else indicator_settings(run.eigv.grounding)
        guide = self.of_guide().build() if how.scenes == "guide" else None
        projection, environment = run.eigv.objective.projection_head, run.inference.environment
        if how.branches:
            environment = "dropped"  # as it is trained; an evaluation may say otherwise
            if not backbone.drops_clips:
                raise UserError(f"the backbone {run.backbone} {NO_SUBSETS}")
        smooths = how.selects != "no" and run.eigv.faithful.smoothed
        return VideoQA(backbone, self.classes, grounding, projection, guide, environment, smooths)

    def refuse_another(self, settings: RunSettings, where: Path) -> None:
        """Raises `UserError` where a run of `settings` has another model than this one of the file `where`."""
        for name in ("backbone", "backbones", "plugin", "features"):
            own, other = getattr(self.settings, name), getattr(settings, name)
            if own != other:
                raise UserError(
                    f"{where} was trained with another `{name}` ({own}) than this run has ({other}): not the same model"
                )

    def refuse_other_answers(self, classes: list[str], of: Path) -> None:
        """Raises `UserError` where `classes`, those of the annotations in the folder `of`, are not what the model
        chooses from."""
        sizes = (self.classes, len(classes))
        wanted, there = (f"{size} answers to choose from" if size else "multiple choice" for size in sizes)
        if wanted != there:
            raise UserError(f"the model was trained for {wanted}, and {of} has {there}: not the same data set")
        if self.vocabulary and self.vocabulary != fingerprint(classes):
            raise UserError(
                f"the model was trained on {self.classes} answers, and {of} has as many others, or in another order: "
                "not the same data set, or its annotations were made anew; train the run again"
            )

    def of_guide(self) -> "ModelCard":
        """The model that guides one of these settings: what the method `faithful` makes of them.

        It contrasts nothing, and has no head for that, whatever this one has.
        """
        eigv = self.settings.eigv
        plain = eigv.objective.model_copy(update={"projection_head": False})
        of_guide = {"method": GUIDE, "eigv": eigv.model_copy(update={"objective": plain})}
        return replace(self, settings=self.settings.model_copy(update=of_guide))

    def described(self) -> dict[str, Any]:
        """As JSON values."""
        values = {name: value for name, value in vars(self).items() if name != "settings"}
        return {
            "settings": self.settings.model_dump(mode="json"),
            **values,
            "clip_widths": self.clip_widths.described(),
        }


def save(folder: Path, card: ModelCard, state: dict[str, Tensor]) -> None:
    """Writes `model.safetensors`, then `model.json`."""
    content = safetensors.save({name: value.contiguous() for name, value in state.items()})
    write_bytes(RunFolder(folder).weights, content)
    write_json(RunFolder(folder).model, card.described())


def load(path: Path) -> tuple[VideoQA, ModelCard]:
    """The model of a `model.json`, in evaluation mode; `UserError` where weights and description do not fit."""
    values = read_json(path, "the model")
    described = values.pop("settings", {})
    if "patience" in described.get("training", {}):
        training = {k: v for k, v in described["training"].items() if k != "patience"}
        training["decay_at"] = described["training"]["patience"] + 1
        described = layers.over(BEFORE, described | {"training": training})
    settings = parse(RunSettings, described, f"the model {path}")
    card = ModelCard(settings=settings, clip_widths=ClipWidths(**values.pop("clip_widths")), **values)
    model = card.build()
    weights = RunFolder(path.parent).weights
    if not weights.is_file():
        raise UserError(f"{weights} does not exist; it belongs to {path}")
    try:
        state = {name: value for name, value in safetensors.load_file(weights).items() if not name.startswith(GONE)}
    except SafetensorError as error:
        raise UserError(
            f"{weights} is damaged or cut off ({error}); copy the folder again, or train the run again"
        ) from None
    try:
        model.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise UserError(f"{weights} does not fit {path}: {str(error)[:500]}") from None
    return model.eval(), card


def guide_of(settings: RunSettings, file: Path | None) -> dict[str, Tensor]:
    """The weights of the model that guides a run; none where its method wants none.

    Raises `UserError` where what the method goes on from, `file`, is not there or does not fit.
    """
    scenes = method(settings.method).scenes
    if scenes == "indicator":
        return {}
    if file is None:
        wanted = {"guide": f"the model.json of a run of the method {GUIDE}", "gold": "the gold spans of its questions"}
        raise UserError(f"{settings.method} goes on from {wanted[scenes]}: name it with --before")
    if scenes == "gold":
        return {}
    model, card = load(file)
    card.refuse_another(settings, file)
    # A head for contrasts, where it was trained with one, guides nothing.
    return {name: value for name, value in model.state_dict().items() if not name.startswith("heads.projection.")}
