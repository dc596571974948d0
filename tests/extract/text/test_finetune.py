"""Fine-tuning: resumes bit for bit, learns what the words give away, and says what is wrong."""

import json
import os
import signal

import pandas as pd
import pytest
import torch

from base.errors import UserError
from base.formats.vocabulary import write_vocabulary
from base.jobs import resume
from eigv.runs.question_only import question_only
from extract.config import FineTuningSettings, TextSettings
from extract.text import finetune as module
from extract.text.encoder import load_encoder
from extract.text.finetune import autocast_type, finetune, parts_of
from extract.text.question_only import LabelledQuestions, QuestionOnly, load
from tests.extract.small_fine_tuning import COLOURS, MINILM, text, write_annotations


def run(folder, settings, name="a"):
    about = finetune(folder / "questions", settings, folder / name, folder / f"state-{name}", "cpu")
    return about, load(folder / name)[1].state_dict()


@pytest.mark.slow
@pytest.mark.parametrize("multiple_choice", [True, False], ids=["multiple choice", "open-ended"])
def test_it_learns_and_its_accuracy_is_written_like_any_run_s(tmp_path, multiple_choice):
    questions = write_annotations(tmp_path / "questions", multiple_choice=multiple_choice, questions=200)
    settings = TextSettings(encoder=MINILM, finetuning=FineTuningSettings(epochs=3, batch=16, learning_rate=3e-4))
    about = finetune(questions, settings, tmp_path / "out", tmp_path / "state", "cpu")
    assert about["val_accuracy"] > 90 and not (tmp_path / "state").exists()
    curve = pd.read_csv(tmp_path / "out/learning_curve.csv")
    assert len(curve) == 3 * 13 and curve["loss"].tail(5).mean() < curve["loss"].head(5).mean()
    assert (tmp_path / "out/learning_curve.png").stat().st_size > 5000
    metrics = question_only(tmp_path / "out", questions, "test", tmp_path / "run", "cpu")
    predictions = pd.read_csv(tmp_path / "run/predictions.csv")
    assert metrics["accuracy"] == pytest.approx(100 * predictions["correct"].mean())
    assert set(metrics["by_type"]) == {"even", "odd"} and metrics["questions_left_out"] == 3
    assert metrics["accuracy"] > 90 and json.loads((tmp_path / "run/run.json").read_text())["commit"]


class Killed(BaseException):
    pass


@pytest.mark.parametrize("at", [2, 5, 9])
def test_after_a_kill_it_goes_on_bit_for_bit(tmp_path, monkeypatch, at):
    write_annotations(tmp_path / "questions", multiple_choice=True)
    settings = text(tmp_path, epochs=3, batch=16)  # 4 steps an epoch
    expected, weights = run(tmp_path, settings, "whole")
    monkeypatch.setattr(resume, "SAVE_EVERY", 0.0)
    steps, step = [0], module._Training._step

    def dies(self, rows):
        steps[0] += 1
        if steps[0] == at + 1:
            raise Killed
        return step(self, rows)

    monkeypatch.setattr(module._Training, "_step", dies)
    with pytest.raises(Killed):
        run(tmp_path, settings, "killed")
    assert not (tmp_path / "killed").exists()
    found, resumed = run(tmp_path, settings, "killed")
    assert steps[0] == at + 1 + (12 - at)
    assert found == expected
    assert all(torch.equal(weights[name], resumed[name]) for name in weights)


@pytest.mark.parametrize(("during", "at"), [("step", 1), ("step", 6), ("validation", 4), ("validation", 8)])
def test_sigterm_ends_it_at_once_and_it_goes_on_bit_for_bit(tmp_path, monkeypatch, caplog, during, at):
    write_annotations(tmp_path / "questions", multiple_choice=True)
    settings = text(tmp_path, epochs=2, batch=16)  # 4 steps an epoch
    expected, weights = run(tmp_path, settings, "whole")
    steps, step, accuracies = [0], module._Training._step, module.accuracies

    def asked(self, rows):
        steps[0] += 1
        if (during, steps[0]) == ("step", at):
            os.kill(os.getpid(), signal.SIGTERM)
        return step(self, rows)

    def validated(*args):
        if (during, steps[0]) == ("validation", at):
            os.kill(os.getpid(), signal.SIGTERM)
        return accuracies(*args)

    monkeypatch.setattr(module._Training, "_step", asked)
    monkeypatch.setattr(module, "accuracies", validated)
    with pytest.raises(SystemExit) as ended:
        run(tmp_path, settings, "ended")
    assert ended.value.code == 143 and not (tmp_path / "ended").exists()
    assert f"ended by SIGTERM in epoch {-(-at // 4)} after step {(at - 1) % 4 + 1};" in caplog.text
    monkeypatch.setattr(module, "accuracies", accuracies)
    found, resumed = run(tmp_path, settings, "ended")
    assert steps[0] == 8 and found == expected
    assert all(torch.equal(weights[name], resumed[name]) for name in weights)


def test_other_settings_do_not_go_on_from_its_state(tmp_path, monkeypatch):
    write_annotations(tmp_path / "questions", multiple_choice=True)
    monkeypatch.setattr(module, "_save", lambda *a: (_ for _ in ()).throw(Killed))
    with pytest.raises(Killed):
        run(tmp_path, text(tmp_path, epochs=1, batch=16))
    monkeypatch.undo()
    about, _ = run(tmp_path, text(tmp_path, epochs=1, batch=20))
    assert len(pd.read_csv(tmp_path / "a/learning_curve.csv")) == 3 and about["epoch"] == 1


@pytest.mark.parametrize("multiple_choice", [True, False], ids=["multiple choice", "open-ended"])
def test_a_step_in_parts_is_the_same_step(tmp_path, multiple_choice):
    write_annotations(tmp_path / "questions", multiple_choice=multiple_choice, questions=20)
    gradients = []
    for parts in (1, 3):
        settings = text(tmp_path, accumulation=parts, batch=20)
        tokenizer, encoder = load_encoder(settings.encoder)
        torch.manual_seed(0)
        model = QuestionOnly(encoder, 1 if multiple_choice else 5, None).eval()  # no dropout
        split = LabelledQuestions.read(tmp_path / "questions/train.csv", tokenizer, settings, COLOURS)
        training = module._Training(model, split, split, settings.finetuning, "")
        loss = training._step(list(range(20)))
        gradients.append((loss, [p.grad.clone() for p in model.parameters() if p.grad is not None]))
    assert gradients[0][0] == pytest.approx(gradients[1][0], abs=1e-6)
    for one, other in zip(gradients[0][1], gradients[1][1], strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)


def test_parts_cover_a_batch():
    assert [len(p) for p in parts_of(list(range(10)), 4)] == [3, 3, 3, 1]
    assert list(parts_of([1], 4)) == [[1]]


def test_a_fixed_draw_of_questions(tmp_path):
    write_annotations(tmp_path / "questions", multiple_choice=True)
    about, weights = run(tmp_path, text(tmp_path, epochs=1, questions=7), "a")
    _, again = run(tmp_path, text(tmp_path, epochs=1, questions=7), "b")
    assert about["train_questions"] == 7
    assert all(torch.equal(weights[name], again[name]) for name in weights)


def test_answers_outside_the_vocabulary_are_left_out_or_a_class_and_never_right(tmp_path):
    questions = write_annotations(tmp_path / "questions", multiple_choice=False)
    train = pd.read_csv(questions / "train.csv")
    outside = int((~train["answer"].isin(COLOURS[:3])).sum())
    write_vocabulary(questions, COLOURS[:3])
    about, _ = run(tmp_path, text(tmp_path, epochs=1), "out")
    assert about["train_questions_outside_vocabulary"] == outside
    write_vocabulary(questions, [*COLOURS[:3], "<unknown>"])
    about, weights = run(tmp_path, text(tmp_path, epochs=1), "class")
    assert about["train_questions_outside_vocabulary"] == 0 and len(weights["head.bias"]) == 4
    with torch.no_grad():
        from safetensors.torch import load_file, save_file

        head = load_file(tmp_path / "class/head.safetensors")
        head["bias"][3] = 1e6  # answers `unknown` to everything
        save_file(head, tmp_path / "class/head.safetensors")
    assert question_only(tmp_path / "class", questions, "test", tmp_path / "run", "cpu")["accuracy"] == 0.0


def test_mixed_precision_is_for_gpus_and_bf16_for_those_that_do_not_emulate_it(monkeypatch):
    assert autocast_type(torch.device("cpu"), FineTuningSettings()) is None
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: True)
    assert autocast_type(torch.device("cuda"), FineTuningSettings()) is torch.bfloat16
    assert autocast_type(torch.device("cuda"), FineTuningSettings(mixed_precision=False)) is None
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)
    assert autocast_type(torch.device("cuda"), FineTuningSettings()) is torch.float16


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_mixed_precision_on_a_gpu_gives_nearly_the_same_loss(tmp_path):
    write_annotations(tmp_path / "questions", multiple_choice=True)
    losses = []
    for mixed in (True, False):
        settings = text(tmp_path, epochs=1, mixed_precision=mixed)
        losses.append(finetune(tmp_path / "questions", settings, tmp_path / "o", tmp_path / "s", "cuda")["history"][0])
    assert losses[0]["loss"] == pytest.approx(losses[1]["loss"], rel=0.05)


def test_other_kinds_of_encoders(tmp_path):
    """DistilBERT has no token types and no pooler."""
    from transformers import DistilBertConfig, DistilBertModel

    write_annotations(tmp_path / "questions", multiple_choice=True)
    DistilBertModel(DistilBertConfig(dim=32, n_layers=1, n_heads=2, hidden_dim=64)).save_pretrained(tmp_path / "d")
    load_encoder(MINILM)[0].save_pretrained(tmp_path / "d")
    settings = TextSettings(encoder=str(tmp_path / "d"), finetuning=FineTuningSettings(epochs=1))
    about, _ = run(tmp_path, settings)
    assert 0 <= about["val_accuracy"] <= 100


def test_an_encoder_that_was_not_fine_tuned_does_not_answer(tmp_path):
    write_annotations(tmp_path / "questions", multiple_choice=True)
    finetune(tmp_path / "questions", text(tmp_path, epochs=0), tmp_path / "out", tmp_path / "state", "cpu")
    with pytest.raises(UserError, match="has not been fine-tuned"):
        load(tmp_path / "out")
