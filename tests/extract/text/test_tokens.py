"""Token features: equal to the plain way, in parts, resumed, and read lazily."""

import numpy as np
import pandas as pd
import pytest
import torch

from base.errors import UserError
from base.formats.token_features import TokenFeatures
from extract.config import FineTuningSettings, TextSettings
from extract.text import tokens as module
from extract.text.encoder import load_encoder
from extract.text.finetune import finetune
from extract.text.tokens import write_tokens
from tests.extract.small_fine_tuning import MINILM, tiny, write_annotations


class Killed(BaseException):
    pass


@pytest.fixture(params=[True, False], ids=["multiple choice", "open-ended"])
def prepared(request, tmp_path):
    """Annotations and an encoder as the workflow has them."""
    write_annotations(tmp_path / "questions", multiple_choice=request.param)
    settings = TextSettings(encoder=tiny(tmp_path / "bert"), finetuning=FineTuningSettings(epochs=0))
    finetune(tmp_path / "questions", settings, tmp_path / "encoder", tmp_path / "state", "cpu")
    return tmp_path, settings


def write(folder, settings, name="t.h5", stage=0):
    state = folder / "tokens-state"
    write_tokens(folder / "questions", {"val": folder / name}, folder / "encoder", settings, state, "cpu", stage)
    assert not (state / "val").exists()
    return TokenFeatures.read(folder / name)


def test_features_are_the_encoder_s(prepared, monkeypatch):
    folder, settings = prepared
    monkeypatch.setattr(module, "PART", 35)
    monkeypatch.setattr(module, "BATCH", 8)
    store = write(folder, settings)
    tokenizer, encoder = load_encoder(str(folder / "encoder"))
    encoder.eval()
    table = pd.read_csv(folder / "questions/val.csv")
    for row in (0, 17, 59):
        for s in range(store.sequences):
            pair = (table["question"][row], *([table[f"a{s}"][row]] if store.sequences > 1 else []))
            with torch.inference_mode():
                expected = encoder(**tokenizer(*pair, return_tensors="pt")).last_hidden_state[0].numpy()
            n = row * store.sequences + s
            found = store.tokens[store.offsets[n] : store.offsets[n + 1]]
            np.testing.assert_allclose(found, expected, atol=2e-3)
    assert store.attributes["layer"] == "last" and store.attributes["truncate"] == "question"
    assert isinstance(store.tokens.base, np.memmap)  # what is not read takes no memory


def test_a_batch_is_padded_to_its_longest(prepared):
    folder, settings = prepared
    store = write(folder, settings)
    padded, lengths = store.batch(np.array([5, 2]))
    assert padded.shape == (2 * store.sequences, lengths.max(), 32)
    first = store.offsets[5 * store.sequences]
    np.testing.assert_array_equal(padded[0, : lengths[0]], store.tokens[first : first + lengths[0]].astype(np.float32))
    assert (padded[np.arange(lengths.max()) >= lengths[:, None]] == 0).all()


def test_a_split_that_was_written_before_a_kill_is_not_encoded_again(prepared, monkeypatch):
    folder, settings = prepared
    files = {split: folder / f"{split}.h5" for split in ("val", "train")}
    calls, read, encode = [], module.read_annotations, module.encode

    def dies(path):
        if path.stem == "train" and not calls[1:]:
            files["val"].unlink()  # as Snakemake does
            raise Killed
        return read(path)

    def write_both():
        write_tokens(folder / "questions", files, folder / "encoder", settings, folder / "tokens-state", "cpu")

    monkeypatch.setattr(module, "read_annotations", dies)
    monkeypatch.setattr(module, "encode", lambda *given, **rest: calls.append(given) or encode(*given, **rest))
    with pytest.raises(Killed):
        write_both()
    assert len(calls) == 1
    monkeypatch.setattr(module, "read_annotations", read)
    write_both()
    assert len(calls) == 2  # of train alone
    np.testing.assert_array_equal(TokenFeatures.read(files["val"]).tokens, write(folder, settings).tokens)


def test_after_a_kill_only_what_is_missing_is_made(prepared, monkeypatch):
    folder, settings = prepared
    monkeypatch.setattr(module, "PART", 20)
    expected = write(folder, settings, "whole.h5")
    calls, encode = [], module.encode

    def dies(encoder, questions, numbers, **rest):
        calls.append(numbers)
        if len(calls) == 3:
            raise Killed
        return encode(encoder, questions, numbers, **rest)

    monkeypatch.setattr(module, "encode", dies)
    with pytest.raises(Killed):
        write(folder, settings)
    store = write(folder, settings)
    parts = -(-60 * store.sequences // 20)
    assert len(calls) == parts + 1  # the part that died is made again, the two before it are not
    np.testing.assert_array_equal(store.tokens, expected.tokens)


@pytest.mark.parametrize(("stage", "again"), [(1, False), (2, True)])
def test_parts_of_another_stage_are_not_used(prepared, monkeypatch, stage, again):
    folder, settings = prepared
    monkeypatch.setattr(module, "PART", 200)
    monkeypatch.setattr(module, "write_token_features", lambda *given: (_ for _ in ()).throw(Killed))
    with pytest.raises(Killed):
        write(folder, settings, stage=1)
    monkeypatch.undo()
    monkeypatch.setattr(module, "PART", 200)
    calls, encode = [], module.encode
    monkeypatch.setattr(module, "encode", lambda *given, **rest: calls.append(given) or encode(*given, **rest))
    parts = len(write(folder, settings, stage=stage).offsets) // 200 + 1
    assert len(calls) == (parts if again else 0)


def test_parts_of_another_encoder_are_not_used(prepared, monkeypatch):
    folder, settings = prepared
    monkeypatch.setattr(module, "write_token_features", lambda *a: (_ for _ in ()).throw(Killed))
    with pytest.raises(Killed):
        write(folder, settings)
    monkeypatch.undo()
    encoder = load_encoder(str(folder / "encoder"))[1]
    with torch.no_grad():
        encoder.embeddings.word_embeddings.weight.mul_(2)
    encoder.save_pretrained(folder / "encoder")
    fresh = write(folder, settings)
    np.testing.assert_array_equal(fresh.tokens, write(folder, settings, "again.h5").tokens)


def test_the_mean_of_the_last_four_layers(tmp_path):
    write_annotations(tmp_path / "questions", multiple_choice=False, questions=20)
    settings = TextSettings(encoder=MINILM, layer="mean-last-four", finetuning=FineTuningSettings(epochs=0))
    finetune(tmp_path / "questions", settings, tmp_path / "encoder", tmp_path / "state", "cpu")
    store = write(tmp_path, settings)
    tokenizer, encoder = load_encoder(MINILM)
    with torch.inference_mode():
        inputs = tokenizer("which of these is red", return_tensors="pt")
        states = encoder.eval()(**inputs, output_hidden_states=True).hidden_states
    expected = torch.stack(states[-4:]).mean(dim=0)[0].numpy()
    red = pd.read_csv(tmp_path / "questions/val.csv")["question"].str.endswith("red").to_numpy()
    row = int(np.flatnonzero(red)[0])
    np.testing.assert_allclose(store.tokens[store.offsets[row] : store.offsets[row + 1]], expected, atol=2e-3)
    assert store.attributes["layer"] == "mean-last-four"


def test_too_few_layers_for_a_mean_of_four(prepared):
    folder, settings = prepared
    with pytest.raises(UserError, match="needs an encoder of four layers; this one has 1"):
        write(folder, settings.model_copy(update={"layer": "mean-last-four"}))


def test_questions_and_candidates_may_lie_apart(prepared):
    folder, settings = prepared
    joint = write(folder, settings)
    store = write(folder, settings.model_copy(update={"layout": "apart"}), "apart.h5")
    if joint.sequences == 1:  # open-ended texts have no candidates
        assert not store.apart and np.array_equal(store.tokens, joint.tokens)
        return
    assert store.apart and store.sequences == joint.sequences + 1
    tokenizer, encoder = load_encoder(str(folder / "encoder"))
    table = pd.read_csv(folder / "questions/val.csv")
    for row, column in ((0, "question"), (17, "a0"), (59, "a4")):
        with torch.inference_mode():
            expected = encoder.eval()(**tokenizer(table[column][row], return_tensors="pt")).last_hidden_state[0].numpy()
        n = row * store.sequences + ["question", "a0", "a1", "a2", "a3", "a4"].index(column)
        np.testing.assert_allclose(store.tokens[store.offsets[n] : store.offsets[n + 1]], expected, atol=2e-3)
