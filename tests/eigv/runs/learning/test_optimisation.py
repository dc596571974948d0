"""Clipping, warm-up, AdamW, accumulated batches and early stopping, beside what PyTorch gives by hand."""

import copy
import dataclasses

import pytest
import torch

from base.jobs.interruption import Terminated
from eigv.config.run import TrainingSettings
from eigv.method.model import VideoQA
from eigv.runs.learning import optimisation
from tests.eigv.runs.scripted import STEP, STEPS, Scripted, settings, trainer

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def run(tmp_path):
    """Trains; returns the history and the weights that are kept."""
    train = trainer(tmp_path)
    return lambda run_settings, name="run": train(run_settings, name)[1:]


def loss_of(model, batch):
    clips, texts = model.backbone.encode_clips(batch.video), model.backbone.encode_tokens(batch.tokens, batch.lengths)
    own = torch.arange(batch.size)
    logits = model.heads.scores(model.backbone.fuse(clips, texts, own, own))
    return torch.nn.functional.cross_entropy(logits, batch.answer)


@pytest.mark.parametrize(
    ("optimiser", "kind"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)], ids=["adam", "adamw"]
)
def test_steps_are_clipped_warmed_up_and_decayed(monkeypatch, run, optimiser, kind):
    script = Scripted(monkeypatch, {"val": [1, 2], "train": [1, 2]})
    how = {"epochs": 2, "warmup_steps": 5, "clip_norm": 0.02, "weight_decay": 0.5, "optimiser": optimiser}
    history, _ = run(settings(**how))
    model = copy.deepcopy(script.begun_with)
    optimizer, norms = kind(model.parameters(), weight_decay=0.5), []
    for number, step in enumerate(list(script.steps), 1):
        optimizer.param_groups[0]["lr"] = 0.01 * min(1, number / 5)
        optimizer.zero_grad()
        loss_of(model, step.batch).backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(model.parameters(), 0.02)))
        optimizer.step()
    assert min(norms) > 0.02  # every step is clipped
    for name, value in model.state_dict().items():
        torch.testing.assert_close(script.weights[2][name], value, atol=1e-5, rtol=1e-3)
    assert history["learning_rate"].tolist() == pytest.approx([0.01 * STEPS / 5, 0.01])
    assert history["gradient_norm"].tolist() == pytest.approx([sum(norms[:3]) / 3, sum(norms[3:]) / 3], rel=1e-3)


def test_accumulated_batches_give_the_gradient_of_all_their_questions(monkeypatch, run):
    script = Scripted(monkeypatch)
    history, _ = run(settings(epochs=1, batch=3, accumulate=3))  # 20 questions: 9, 9, and 2 in one batch
    assert [step.batch.size for step in script.steps] == [3] * 6 + [2]
    whole = Scripted(monkeypatch)
    expected, _ = run(settings(epochs=1, batch=9), "whole")
    assert [step.batch.size for step in whole.steps] == [9, 9, 2]
    assert [q for s in script.steps for q in s.batch.qids] == [q for s in whole.steps for q in s.batch.qids]
    for name in ("loss", "gradient_norm"):  # over three steps, the later of which depend on the updates before
        assert history[name].tolist() == pytest.approx(expected[name].tolist(), rel=1e-4)


def test_a_mean_over_batches_counts_questions(monkeypatch, run):
    """Batches of 3 and 1 that are measured as 1 and 0."""
    sizes = []

    def measured(model, batch, *given):
        sizes.append(batch.size)
        return dataclasses.replace(STEP(model, batch, *given), accuracy=torch.tensor(float(batch.size == 3)))

    monkeypatch.setattr(VideoQA, "training_step", measured)
    history, _ = run(settings(epochs=1, batch=3, accumulate=2, questions=4))
    assert sizes == [3, 1]
    assert history["train_accuracy"].tolist() == pytest.approx([75.0])


def test_accumulation_goes_on_after_the_same_step(monkeypatch, run):
    how = settings("eigv", epochs=2, batch=3, accumulate=2, dropout=0.2)
    _, whole = run(how, "whole")
    steps, update = [], optimisation.update

    def ended(*given):
        steps.append(update(*given))
        if len(steps) == 6:  # of 4 steps an epoch
            raise Terminated

    monkeypatch.setattr(optimisation, "update", ended)
    with pytest.raises(Terminated):
        run(how, "broken")
    monkeypatch.setattr(optimisation, "update", update)
    _, again = run(how, "broken")
    assert all(torch.equal(again[name], value) for name, value in whole.items())


@pytest.mark.parametrize(
    ("val", "epochs"), [([3, 5, 5, 4, 9, 9], 4), ([3, 2, 4, 3, 5, 4], None), ([7, 1, 1, 8, 8, 8], 3)]
)
def test_training_stops_early_and_says_why(monkeypatch, run, caplog, val, epochs):
    Scripted(monkeypatch, {"val": val, "train": val})
    with caplog.at_level("INFO"):
        history, _ = run(settings(epochs=6, stop_after=2))
    assert len(history) == (epochs or 6)
    if epochs is None:
        assert "stopped" not in history.columns and "stopped after" not in caplog.text
    else:
        assert history["stopped"].isna().tolist() == [True] * (epochs - 1) + [False]
        assert history["stopped"].iloc[-1] == "no better validation accuracy in 2 epochs"
        assert f"stopped after epoch {epochs} of 6: no better validation accuracy in 2 epochs" in caplog.text


def test_the_warmth_of_a_step_by_hand():
    assert [optimisation.warmth(TrainingSettings(warmup_steps=4), n) for n in (1, 2, 4, 5)] == [0.25, 0.5, 1, 1]
    assert optimisation.warmth(TrainingSettings(), 1) == 1
