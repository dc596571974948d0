"""A run of HCRN: the vectors of frames are read, and its draws come with it."""

import pandas as pd
import pytest

from base.errors import UserError
from eigv.config.run import RunSettings
from eigv.runs.evaluation import evaluate
from eigv.runs.model_files import load
from eigv.runs.training import train
from tests.eigv import synthetic

SMALL = {
    "backbone": "hcrn",
    "method": "eigv",
    "features": "app+mot",
    "seed": 0,
    "backbones": {"hcrn": {"hidden": 8, "words": 8, "dropout": 0.0, "text_dropout": 0.0}},
    "eigv": {"disruptor": {"negatives": 1}},
    "training": {"epochs": 2, "batch": 16, "learning_rate": 0.01},
}


@pytest.mark.parametrize("multiple_choice", [True, False], ids=["multiple-choice", "open-ended"])
def test_it_trains_and_answers(tmp_path, multiple_choice):
    data = synthetic.write(tmp_path, multiple_choice=multiple_choice, frames_too=True)
    train(RunSettings.model_validate(SMALL), **data, out=tmp_path, state=tmp_path / "state", device="cpu")
    metrics = evaluate(
        tmp_path / "model.json", "val", **data, out=tmp_path / "val", device="cpu", faithful=2, answer_from=None
    )
    assert metrics["accuracy"] == pytest.approx(pd.read_csv(tmp_path / "history.csv")["val_accuracy"].max())
    widths = load(tmp_path / "model.json")[1].clip_widths
    assert widths.shapes["frames"] == (synthetic.FRAMES, 8) and widths.clips == synthetic.CLIPS


def test_a_store_without_frames_is_refused(tmp_path):
    data = synthetic.write(tmp_path, multiple_choice=False)
    with pytest.raises(UserError, match=r"`features.appearance.frames: every`"):
        train(RunSettings.model_validate(SMALL), **data, out=tmp_path, state=tmp_path / "state", device="cpu")
