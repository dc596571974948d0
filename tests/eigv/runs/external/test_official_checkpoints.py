"""Importing checkpoints of the official code with the command that users get."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from base.errors import UserError
from eigv.config.official import VARIANTS
from eigv.config.run import RunSettings
from eigv.method.model import VideoQA
from eigv.runs import model_files
from eigv.runs.external.official_checkpoints import from_official, import_checkpoint, load_official, official_card

OFFICIAL_NAMES = {"hga": "HGA", "comem": "Co-Mem", "mspan": "MSPAN"}


def recorded(shared: Path, name: str, group: str = "param") -> dict[str, torch.Tensor]:
    """One group of the numbers of a golden file."""
    with np.load(shared / f"golden/{name}.npz") as golden:
        names = [key for key in golden.files if key.startswith(f"{group}/")]
        return {key.removeprefix(f"{group}/"): torch.from_numpy(golden[key]) for key in names}


def small_model(backbone: str, state: dict[str, torch.Tensor], **switches: bool) -> VideoQA:
    """The multiple-choice variant in the sizes of `state`."""
    card = official_card("nextqa", backbone, state)
    values = card.settings.model_dump()
    values["backbones"][backbone] |= switches
    return replace(card, settings=RunSettings.model_validate(values)).build()


@pytest.mark.parametrize(
    ("backbone", "data"),
    [("hga", "nextqa"), ("hga", "msvd"), ("comem", "nextqa"), ("mspan", "nextqa"), ("mspan", "msvd")],
)
def test_an_imported_model_is_loaded_as_a_trained_one_and_answers_as_recorded(shared, tmp_path, backbone, data):
    kind = "train" if (backbone, data) == ("mspan", "msvd") else "eval"
    name = f"eigv_{backbone}_{data}_{kind}"
    torch.save(recorded(shared, name), tmp_path / "official.pt")
    dataset = {"nextqa": "nextqa", "msvd": "msvd-qa"}[data]
    import_checkpoint(tmp_path / "official.pt", dataset, backbone, tmp_path / "run")

    model, card = model_files.load(tmp_path / "run/model.json")
    assert card.settings.backbone == backbone and card.clip_widths.total == 96
    assert (card.classes is None) == (data == "nextqa")
    about = json.loads((tmp_path / "run/model.json").read_text())["inputs"]["imported"]
    assert about["file"] == "official.pt" and len(about["sha256"]) == 64
    if kind == "train":
        return
    inputs, expected = recorded(shared, name, "in_a"), recorded(shared, name, "out_a")["logits"]
    clips = model.backbone.encode_clips(inputs["v"])
    texts = model.backbone.encode_tokens(inputs["q"].flatten(0, -3), inputs["q_len"].flatten())
    text = torch.arange(len(texts.pooled))
    with torch.no_grad():
        logits = model.heads.scores(model.backbone.fuse(clips, texts, text // (len(text) // len(clips.local)), text))
    torch.testing.assert_close(logits.view(expected.shape), expected, atol=1e-5, rtol=1e-5)


class Trap:
    """A pickle that would run code."""

    def __reduce__(self):
        return (Path.touch, (Path("trapped"),))


def test_a_pickle_that_could_run_code_is_not_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": Trap()}, "trap.pt")
    with pytest.raises(UserError, match="not opened"):
        import_checkpoint(Path("trap.pt"), "nextqa", "hga", tmp_path / "run")
    assert not Path("trapped").exists() and not (tmp_path / "run").exists()


@pytest.mark.parametrize("content", [b"", b"hello", b"\x80\x02}q\x00.", bytes(range(256)), b"PK\x03\x04 cut short"])
def test_a_file_of_something_else_is_refused(tmp_path, content):
    (tmp_path / "other.pt").write_bytes(content)
    with pytest.raises(UserError, match=r"other\.pt|no official checkpoint"):
        import_checkpoint(tmp_path / "other.pt", "nextqa", "hga", tmp_path / "run")


FLAT = dict.fromkeys(("vid_encoder.vid2hid.0.weight", "qns_encoder.embedding.0.weight"), torch.zeros(4))


@pytest.mark.parametrize("content", [[1, 2], {"decoder.weight": torch.zeros(1, 4)}, {3: torch.zeros(2)}, FLAT])
def test_what_is_no_official_checkpoint_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(UserError):
        import_checkpoint(tmp_path / "other.pt", "nextqa", "hga", tmp_path / "run")
    with pytest.raises(UserError, match="no official model"):
        import_checkpoint(tmp_path / "other.pt", "nextoe", "hga", tmp_path / "run")


@pytest.mark.parametrize(("data", "backbone"), list(VARIANTS))
def test_every_official_model_is_imported_whole(shared: Path, data: str, backbone: str) -> None:
    name = f"keys_eigv_{data.removesuffix('-qa')}_{OFFICIAL_NAMES[backbone]}.json"
    shapes = json.loads((shared / "golden" / name).read_text())
    with torch.device("meta"):
        state = {key: torch.empty(shape) for key, shape in shapes}
        model = official_card(data, backbone, state).build()
    imported = from_official(model, state)
    assert {key: value.shape for key, value in imported.items()} == {k: v.shape for k, v in model.state_dict().items()}
    unread = {key for key in state if re.search(r"linguistic\.encoder\..*_l[12]", key)}
    assert bool(unread) == (backbone == "mspan")
    numbers = sum(value.numel() for key, value in state.items() if key not in unread)
    assert sum(value.numel() for value in model.state_dict().values()) == numbers


def test_what_does_not_fit_is_named(shared: Path) -> None:
    state = recorded(shared, "eigv_comem_nextqa_eval")
    model = small_model("comem", state)
    short = {key: value for key, value in state.items() if key != "vq2word.bias"} | {"vq3word.bias": torch.zeros(1)}
    with pytest.raises(UserError, match=r"has no vq2word.bias\n.*vq3word.bias is of no use"):
        load_official(model, short)
    with pytest.raises(UserError, match=r"decoder.weight \(64, 1\) does not make heads.answer.weight \(1, 64\)"):
        load_official(model, state | {"decoder.weight": state["decoder.weight"].T})
    with pytest.raises(UserError, match=r"epm_app.z1.weight .* does not make backbone.memory.score.weight"):
        load_official(model, state | {"epm_mot.z1.weight": torch.zeros(5, 5)})


def test_a_model_trained_with_layers_that_nothing_reads_still_loads(shared: Path, tmp_path: Path) -> None:
    torch.save(recorded(shared, "eigv_mspan_nextqa_eval"), tmp_path / "official.pt")
    import_checkpoint(tmp_path / "official.pt", "nextqa", "mspan", tmp_path)
    card = json.loads((tmp_path / "model.json").read_text())
    card["settings"]["backbones"]["mspan"]["official_text_layers"] = True
    (tmp_path / "model.json").write_text(json.dumps(card))
    state = load_file(tmp_path / "model.safetensors")
    save_file(state | {"backbone.unused.weight_ih_l0": torch.zeros(3)}, tmp_path / "model.safetensors")
    model, loaded = model_files.load(tmp_path / "model.json")
    assert model.state_dict().keys() == state.keys()
    assert loaded.settings.backbones.mspan.official_soft_mask
