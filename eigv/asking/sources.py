"""What a run knows of how its features were made: settings, weights, text encoder and vocabulary.

Its `model.json` holds it as `made_by`. Places in it are as the training was given them, from the folder that it ran in;
they are looked for beside the run, then in each folder above it, then in the present one, so that a results folder can
be moved together with what lies around it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from base.errors import UserError
from base.formats.vocabulary import read_vocabulary
from base.reading import read_json, sha256
from base.settings import parse
from eigv.config.names import PARTS
from eigv.runs.model_files import ModelCard
from extract.config import FeaturesSettings, TextSettings, is_of_hub
from extract.networks.hub import WEIGHTS


@dataclass(frozen=True)
class Sources:
    """How features of a further video, and tokens of a further question, are made for one run."""

    features: FeaturesSettings
    kinds: tuple[str, ...]
    """The kinds of features that the run reads."""
    networks: dict[str, dict[str, Any]]
    """Of each kind, what made the run's own features."""
    text: TextSettings
    encoder: Path
    """The folder of the text encoder."""
    classes: list[str]
    """The answer vocabulary; empty for multiple choice."""

    @classmethod
    def of(cls, card: ModelCard, folder: Path) -> "Sources":
        """Those of the model in `folder`; `UserError` where it does not know them, or what they name has changed."""
        said = card.made_by or {}
        _refuse_unknown(card, folder)
        features = parse(FeaturesSettings, _placed(said["features"], folder), f"the features of {folder}")
        read = ("encoder", "length", "truncate", "layer", "layout")
        text = {name: value for name, value in said["text"].items() if name in read}
        encoder = found(said["encoder"], folder)
        if not encoder.is_dir():
            raise UserError(
                f"the text encoder of {folder} is not there: {said['encoder']}; copy the folder of the results whole, "
                "or make a bundle where everything is (`eigv bundle`)"
            )
        about = encoder / "finetuning.json"
        if read_json(about, "the fine-tuned encoder") != said["text"]["finetuning"]:
            raise UserError(f"{encoder} was made anew since {folder} was trained; train the run again")
        kinds = PARTS[card.settings.features]
        networks = {kind: (card.inputs or {})[kind] for kind in kinds}
        questions = found(said["questions"], folder)
        classes = read_vocabulary(questions) if card.classes else []
        card.refuse_other_answers(classes, questions)
        return cls(features, kinds, networks, parse(TextSettings, text, f"the text of {folder}"), encoder, classes)

    def refuse_other_weights(self, kind: str) -> None:
        """`UserError` where the weights of a network are not there, or are others than made the run's own features."""
        from extract.networks.registry import weights_path

        path, trained = weights_path(kind, self.features), self.networks[kind]
        if path and (digest := sha256(path)) != trained["sha256"]:
            raise UserError(
                f"{path} has other weights (sha256 {digest}) than the {kind} features that the run was trained on "
                f"({trained['sha256']}); put those there"
            )


def found(place: str, folder: Path) -> Path:
    """Where a place is that was recorded when a run was trained; as it stands where it is nowhere."""
    here = folder.resolve()
    for start in (here, *here.parents, Path.cwd()):
        if (start / place).exists():
            return start / place
    return Path(place)


def _placed(features: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The settings of features, with the places of weights as they are from here."""
    placed = features | {"weights_folder": str(found(features["weights_folder"], folder))}
    for kind in ("appearance", "motion"):
        weights = features[kind]["weights"]
        network = features[kind]["network"]
        local = found(network.partition(":")[2], folder) if is_of_hub(network) else Path()
        if weights not in ("published", "random"):
            placed[kind] = features[kind] | {"weights": str(found(weights, folder))}
        elif weights == "published" and is_of_hub(network) and local.is_dir():
            placed[kind] = features[kind] | {"weights": str(local / WEIGHTS)}
    return placed


def _refuse_unknown(card: ModelCard, folder: Path) -> None:
    said = card.made_by
    if said is None:
        raise UserError(
            f"{folder} does not say how its features were made: it is an imported checkpoint, or was trained before "
            "this was recorded. Train it again with features that the workflow extracts; `eigv evaluate` answers the "
            "questions of a data set"
        )
    if said["features"] is None:
        raise UserError(
            f"{folder} was trained on features that someone else has extracted, and it is not known how: no features "
            "of a further video can be made. Train a run on the videos themselves (`videos.<name>.folder` without "
            "`features`), or answer with `eigv evaluate`"
        )
    if said["text"]["length"] is None or said["text"]["finetuning"] is None:
        raise UserError(
            f"{folder} was trained on token features that were imported ({said['text']['encoder']}): those of another "
            "question cannot be made. Train a run on tokens of the workflow (`text.encoder`)"
        )
