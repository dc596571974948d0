"""A bundle: one folder with everything that asking a run needs, to copy to another machine.

model.json, model.safetensors   the model; `made_by` names the places below
vocabulary.json                 the answers of an open-ended run
encoder/                        the fine-tuned text encoder
weights/<kind>/                 the weights of the feature networks
examples/                       some test videos with a question each, where they are wanted (eigv/asking/examples.py)
bundle.json                     the SHA-256 of each file, licences, the code of packages that it needs, provenance
"""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from base import plug
from base.errors import UserError
from base.formats.run_folder import RunFolder
from base.formats.vocabulary import write_vocabulary
from base.provenance import commit, versions
from base.reading import read_json, sha256
from base.writing import write_json
from eigv.asking.examples import write_examples
from eigv.asking.sources import Sources, found
from eigv.runs.model_files import ModelCard

ABOUT = "bundle.json"
"""Says what a bundle holds."""
ENCODER = ("config.json", "finetuning.json", "*.safetensors", "*token*", "vocab*", "merges.txt", "*.model")
"""What of an encoder's folder is copied; the head, which only `question-only` reads, is not."""


def write_bundle(card: ModelCard, sources: Sources, folder: Path, out: Path, videos: Path | None = None) -> None:
    """Writes the bundle of the run in `folder` into the new folder `out`, with examples from a folder of `videos`.

    Where it fails, nothing is left in there. Code of packages that the run needs is named in `bundle.json`; it has to
    be installed where the bundle is asked. `UserError` where weights are missing or are others than those that the run
    was trained with, where `out` holds something already, and for a run that needs files of the user's own code.
    """
    code = _code(card, sources)
    _refuse_used(out)
    for kind in sources.kinds:
        sources.refuse_other_weights(kind)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".making-") as work:
        _write(card, sources, folder, Path(work), videos, code)
        model = RunFolder(out).model.name
        for path in sorted(Path(work).iterdir(), key=lambda path: path.name == model):  # with it, the bundle is there
            path.replace(out / path.name)


def check_whole(folder: Path) -> None:
    """`UserError` where a file of a bundle is missing or is another than `bundle.json` says; a run has no such file.

    The weights of feature networks are compared when features are made, examples are not.
    """
    about = folder / ABOUT
    if not about.is_file():
        return
    said = read_json(about, "the bundle")
    later = {network.get("sha256") for network in said["networks"].values()}
    files = {folder / name: digest for name, digest in said["files"].items() if not name.startswith("examples/")}
    bad = {path: "is missing" for path in files if not path.is_file()}
    there = {path: digest for path, digest in files.items() if path not in bad and digest not in later}
    bad |= {path: "has changed" for path, digest in there.items() if sha256(path) != digest}
    if bad:
        names = ", ".join(f"{path.relative_to(folder)} {what}" for path, what in bad.items())
        raise UserError(f"the bundle {folder} is not what was packed: {names}; copy it again, or pack the run anew")


def _refuse_used(out: Path) -> None:
    """`UserError` where `out` is no place for a new folder."""
    if RunFolder(out).model.exists():
        raise UserError(f"{out} holds a model already; give a new folder, or remove that one")
    if out.is_dir() and not all(path.name.startswith(".") for path in out.iterdir()):
        raise UserError(f"{out} holds something else already; give a new folder")
    if file := next((path for path in (out, *out.parents) if path.exists() and not path.is_dir()), None):
        raise UserError(f"{out} cannot be made: {file} is a file; give a new folder")


def _write(card: ModelCard, sources: Sources, folder: Path, out: Path, videos: Path | None, code: list[str]) -> None:
    shutil.copyfile(RunFolder(folder).weights, RunFolder(out).weights)
    _copy_encoder(sources.encoder, out / "encoder")
    if sources.classes:
        write_vocabulary(out, sources.classes)
    features = _copy_weights(sources, out)
    assert card.made_by is not None
    if videos:
        write_examples(found(card.made_by["questions"], folder), videos, out / "examples")
    made_by = card.made_by | {"features": features, "questions": ".", "encoder": "encoder"}
    write_json(RunFolder(out).model, replace(card, made_by=made_by).described())
    files = sorted(path for path in out.rglob("*") if path.is_file())
    about = {
        "files": {str(path.relative_to(out)): sha256(path) for path in files},
        "networks": sources.networks,
        "licences": {kind: made.get("licence", "none") for kind, made in sources.networks.items()},
        "encoder": sources.text.encoder,
        "code": code,
        "trained_by_commit": card.commit,
        "commit": commit(),
        "versions": versions(),
    }
    write_json(out / ABOUT, about)


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


def _code(card: ModelCard, sources: Sources) -> list[str]:
    """The code beside EIGV's that the run needs, by name: builders of its networks, and its own backbone.

    `UserError` where that is in files of the user's own.
    """
    of_network = sources.features.networks
    used = [getattr(sources.features, kind).network for kind in sources.kinds]
    code = [of_network[name].builder for name in used if name in of_network]
    if card.settings.plugin:
        code.append(card.settings.plugin.code)
    if files := [place for place in code if plug.own_files(place)]:
        raise UserError(
            f"the run needs code in files of your own ({', '.join(files)}), and a bundle carries data alone, no code. "
            "Copy the folder of the results with those files, and ask the run there; or put the code into a package "
            "that is installed on both machines, name it `module:attribute`, and train again"
        )
    return code
