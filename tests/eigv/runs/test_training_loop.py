"""What training does with the splits: which it learns from, which it is judged by, which it keeps to itself."""

import copy
import itertools

import pytest
import torch

from eigv.method.draws import Draws
from tests.eigv import numbered
from tests.eigv.runs.scripted import CHECKED, STEPS, Scripted, settings, trainer

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def run(tmp_path):
    """Trains; returns the card, the history and the weights that are kept."""
    return trainer(tmp_path)


def equal(one, other) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("val", "clean", "measured", "kept"),
    [
        ([2, 9, 9, 4, 3], [3, 1, 5, 11, 12], [0.1, 0.2, 0.3, 0.8, 0.9], 2),
        ([2, 3, 4, 11, 5], [12, 5, 5, 4, 3], [0.9, 0.8, 0.7, 0.2, 0.1], 4),
        ([7, 3, 6, 7, 7], [1, 2, 12, 4, 5], [0.1, 0.1, 0.9, 0.2, 0.1], 1),
        ([0, 0, 0, 0, 1], [6, 5, 4, 3, 2], [0.5, 0.4, 0.3, 0.2, 0.1], 5),
    ],
)
def test_the_first_epoch_with_the_best_validation_accuracy_is_kept(monkeypatch, run, val, clean, measured, kept):
    script = Scripted(monkeypatch, {"val": val, "train": clean}, measured)
    card, history, weights = run(settings(epochs=5))
    assert card.epoch == kept and card.val_accuracy == pytest.approx(100 * val[kept - 1] / 12)
    assert equal(weights, script.weights[kept])
    assert not any(equal(weights, script.weights[epoch]) for epoch in range(1, 6) if epoch != kept)
    assert history["epoch"].tolist() == [1, 2, 3, 4, 5]
    assert history["val_accuracy"].tolist() == pytest.approx([100 * n / 12 for n in val])
    assert history["clean_accuracy"].tolist() == pytest.approx([100 * n / 12 for n in clean])
    assert history["train_accuracy"].tolist() == pytest.approx([100 * share for share in measured])


FALLING, RISING = [9, 8, 7, 6, 5, 4, 3], [5, 6, 7, 8, 9, 10, 11]


@pytest.mark.parametrize(
    ("val", "on_train", "falls_after"),
    [
        (RISING, FALLING, []),
        (FALLING, RISING, [4, 7]),
        ([6] * 7, RISING, [4, 7]),
        ([6, 5, 5, 7, 7, 6, 5], RISING, [7]),
    ],
    ids=["val rises", "val falls", "val stays", "val rises once"],
)
def test_the_learning_rate_falls_when_validation_no_longer_improves(monkeypatch, run, val, on_train, falls_after):
    Scripted(monkeypatch, {"val": val, "train": on_train}, [n / 12 for n in on_train])
    _, history, _ = run(settings(epochs=7, learning_rate=0.01, decay_at=3, decay_factor=0.25))
    expected = [0.01 * 0.25 ** sum(after < epoch for after in falls_after) for epoch in range(1, 8)]
    assert history["learning_rate"].tolist() == pytest.approx(expected)


@pytest.mark.parametrize("val", [RISING[:4], [6] * 5], ids=["one rate", "a rate that falls"])
def test_training_is_adam_on_the_gradient_of_each_batch_alone(monkeypatch, run, val):
    script = Scripted(monkeypatch, {"val": val, "train": val})
    _, history, _ = run(settings(epochs=len(val), weight_decay=0.03, decay_at=2))
    model, steps = copy.deepcopy(script.begun_with), iter(list(script.steps))
    optimizer = torch.optim.Adam(model.parameters(), weight_decay=0.03)
    assert (history["learning_rate"].iloc[-1] == 0.01) == (val[0] != val[1])
    for _, row in history.iterrows():
        optimizer.param_groups[0]["lr"] = row["learning_rate"]
        norms = []
        for step in itertools.islice(steps, STEPS):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(_logits(model, step.batch), step.batch.answer).backward()
            every = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
            norms.append(torch.cat(every).norm().item())
            optimizer.step()
        assert row["gradient_norm"] == pytest.approx(sum(norms) / STEPS, rel=1e-3)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(script.weights[len(val)][name], value, atol=1e-5, rtol=1e-3)


def _logits(model, batch):
    clips, texts = model.backbone.encode_clips(batch.video), model.backbone.encode_tokens(batch.tokens, batch.lengths)
    own = torch.arange(batch.size)
    return model.heads.scores(model.backbone.fuse(clips, texts, own, own))


def test_every_epoch_sees_all_train_questions_once_in_a_new_order(monkeypatch, run):
    script = Scripted(monkeypatch)
    run(settings(epochs=3, dropout=0.2))
    orders = [script.questions(epoch) for epoch in (1, 2, 3)]
    every = [f"q{m}" for m in range(20)]
    assert all(sorted(order, key=every.index) == every for order in orders)
    assert len({tuple(order) for order in [*orders, every]}) == 4
    assert [step.batch.size for step in script.steps] == 3 * [8, 8, 4]
    assert all(step.training for step in script.steps)
    for epoch in (1, 2, 3):  # validation whole, and as much of train
        asked = [qid for at, qids in script.asked if at == epoch for qid in qids]
        assert sorted(asked) == sorted(f"q{m}" for m in [*range(20, 32), *CHECKED])


@pytest.mark.parametrize(("limit", "checked"), [(1, [0]), (5, [0, 4, 8, 12, 16]), (999, CHECKED)])
def test_the_questions_of_train_that_are_checked_are_spread_over_it(monkeypatch, run, limit, checked):
    script = Scripted(monkeypatch)
    run(settings(epochs=1, checked_questions=limit))
    asked = [qid for _, qids in script.asked for qid in qids]
    assert sorted(asked) == sorted(f"q{m}" for m in [*range(20, 32), *checked])


def test_a_limited_epoch_draws_its_questions_anew(monkeypatch, run):
    script = Scripted(monkeypatch)
    run(settings(epochs=2, batch=3, questions=7))
    first, second = ({qid for step in script.steps[n : n + 3] for qid in step.batch.qids} for n in (0, 3))
    assert len(script.steps) == 6 and len(first) == len(second) == 7
    assert first != second


def test_the_seed_decides_weights_orders_and_draws(monkeypatch, run):
    found = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        script = Scripted(monkeypatch)
        run(settings("eigv", seed=seed, epochs=2, dropout=0.2), name)
        found.append(script)
        states = [step.draws for step in script.steps]
        assert not any(torch.equal(a, b) for n, a in enumerate(states) for b in states[:n])
    one, same, other = found
    assert equal(one.begun_with.state_dict(), same.begun_with.state_dict())
    assert equal(one.weights[2], same.weights[2])
    for name, value in one.begun_with.state_dict().items():
        assert value.unique().numel() < 2 or not torch.equal(value, other.begun_with.state_dict()[name]), name
    assert one.questions(1) == same.questions(1) != other.questions(1)
    for mine, its, theirs in zip(one.steps, same.steps, other.steps, strict=True):
        assert torch.equal(mine.draws, its.draws) and not torch.equal(mine.draws, theirs.draws)


@pytest.mark.parametrize("method", ["eigv", "disrupt-v"])
def test_substitutes_come_from_train_videos_alone_never_from_the_own(monkeypatch, run, method):
    script = Scripted(monkeypatch)
    run(settings(method, epochs=1))
    clips = {video: torch.from_numpy(numbered.appearance(video)).float() for video in range(10)}
    for step in script.steps:
        drawn = step.bank.draw(step.batch.excluded, (400,), Draws(0))
        for qid, own, substitutes in zip(step.batch.qids, step.batch.video, drawn, strict=True):
            (mine,) = [video for video, values in clips.items() if torch.equal(values, own[:, :2])]
            videos = set((substitutes[:, 0] // 100).int().tolist())
            assert videos == set(numbered.VIDEOS["train"]) - {mine}, qid
