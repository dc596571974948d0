"""A bundle: one folder with everything that asking a run needs, to copy to another machine.

model.json, model.safetensors   the model; `made_by` names the places below
vocabulary.json                 the answers of an open-ended run
encoder/                        the fine-tuned text encoder
weights/<kind>/                 the weights of the feature networks
bundle.json                     the SHA-256 of each file, licences, and where it all comes from
"""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from base.errors import UserError
from base.formats.run_folder import RunFolder
from base.formats.vocabulary import write_vocabulary
from base.provenance import commit, versions
from base.reading import sha256
from base.writing import write_json
from eigv.asking.sources import Sources
from eigv.runs.model_files import ModelCard

ENCODER = ("config.json", "finetuning.json", "*.safetensors", "*token*", "vocab*", "merges.txt", "*.model")
"""What of an encoder's folder is copied; the head, which only `question-only` reads, is not."""


def write_bundle(card: ModelCard, sources: Sources, folder: Path, out: Path) -> None:
    """Writes the bundle of the run in `folder` into `out`.

    `UserError` where weights are missing, where `out` holds a model already, and for a run that needs code of the
    user's own, which a bundle cannot carry.
    """
    _refuse_own_code(card, sources)
    if RunFolder(out).model.exists():
        raise UserError(f"{out} holds a model already; give a new folder, or remove that one")
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(RunFolder(folder).weights, RunFolder(out).weights)
    _copy_encoder(sources.encoder, out / "encoder")
    if sources.classes:
        write_vocabulary(out, sources.classes)
    features = _copy_weights(sources, out)
    assert card.made_by is not None
    made_by = card.made_by | {"features": features, "questions": ".", "encoder": "encoder"}
    write_json(RunFolder(out).model, replace(card, made_by=made_by).described())
    files = sorted(path for path in out.rglob("*") if path.is_file() and path.name != "bundle.json")
    about = {
        "files": {str(path.relative_to(out)): sha256(path) for path in files},
        "networks": sources.networks,
        "licences": {kind: made.get("licence", "none") for kind, made in sources.networks.items()},
        "encoder": sources.text.encoder,
        "trained_by_commit": card.commit,
        "commit": commit(),
        "versions": versions(),
    }
    write_json(out / "bundle.json", about)


def _copy_encoder(encoder: Path, out: Path) -> None:
    out.mkdir(exist_ok=True)
    for path in sorted({path for pattern in ENCODER for path in encoder.glob(pattern)}):
        if path.name != "head.safetensors":
            shutil.copyfile(path, out / path.name)


def _copy_weights(sources: Sources, out: Path) -> dict[str, Any]:
    """Copies the weights of the networks; the settings of the features, which name the copies."""
    from extract.networks.registry import beside_weights, weights_path

    features = sources.features.model_dump(mode="json") | {"weights_folder": "weights"}
    for kind in sources.kinds:
        if path := weights_path(kind, sources.features):
            copy = Path("weights") / kind / path.name
            (out / copy).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, out / copy)
            for beside in beside_weights(kind, sources.features):
                shutil.copyfile(beside, out / copy.with_name(beside.name))
            features[kind]["weights"] = str(copy)
    return features


def _refuse_own_code(card: ModelCard, sources: Sources) -> None:
    own = [sources.features.networks[name].builder for name in sources.features.networks]
    if card.settings.plugin:
        own.append(card.settings.plugin.code)
    if own:
        raise UserError(
            f"the run needs code of your own ({', '.join(own)}), which a bundle does not carry; copy the run"
        )
