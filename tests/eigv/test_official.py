"""Importing a checkpoint of the official code with the command that users get."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from eigv import checkpoints
from eigv.official import import_checkpoint
from extract.errors import UserError

SEED = 3


@pytest.mark.parametrize(
    ("backbone", "data"),
    [("hga", "nextqa"), ("hga", "msvd"), ("comem", "nextqa"), ("mspan", "nextqa"), ("mspan", "msvd")],
)
def test_an_imported_model_is_loaded_as_a_trained_one_and_answers_as_recorded(shared, tmp_path, backbone, data):
    kind = "train" if (backbone, data) == ("mspan", "msvd") else "eval"
    with np.load(shared / f"golden/eigv_{backbone}_{data}_{kind}.npz") as golden:
        state = {k.removeprefix("param/"): torch.from_numpy(golden[k]) for k in golden.files if k.startswith("param/")}
        inputs = {k: torch.from_numpy(golden[f"in_a/{k}"]) for k in ("v", "q", "q_len")} if kind == "eval" else None
        expected = golden["out_a/logits"] if inputs else None
    torch.save(state, tmp_path / "official.pt")
    dataset = {"nextqa": "nextqa", "msvd": "msvd-qa"}[data]
    import_checkpoint(tmp_path / "official.pt", dataset, backbone, tmp_path / "run")

    model, card = checkpoints.load(tmp_path / "run/model.json")
    assert card.settings.backbone == backbone and card.clip_widths.total == 96
    assert (card.classes is None) == (data == "nextqa")
    about = json.loads((tmp_path / "run/model.json").read_text())["inputs"]["imported"]
    assert about["file"] == "official.pt" and len(about["sha256"]) == 64
    if inputs is None:
        return
    clips = model.backbone.encode_clips(inputs["v"])
    texts = model.backbone.encode_tokens(inputs["q"].flatten(0, -3), inputs["q_len"].flatten())
    text = torch.arange(len(texts.pooled))
    with torch.no_grad():
        logits = model.heads.scores(model.backbone.fuse(clips, texts, text // (len(text) // len(clips.local)), text))
    np.testing.assert_allclose(logits.view(expected.shape), expected, atol=1e-5)


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


@pytest.mark.parametrize("content", [[1, 2], {"decoder.weight": torch.zeros(1, 4)}])
def test_what_is_no_official_checkpoint_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(UserError):
        import_checkpoint(tmp_path / "other.pt", "nextqa", "hga", tmp_path / "run")
    with pytest.raises(UserError, match="no official model"):
        import_checkpoint(tmp_path / "other.pt", "nextoe", "hga", tmp_path / "run")
