"""Questions as sequences of tokens: what is cut, how they are padded and dealt out in batches."""

import logging

import pandas as pd
import pytest
import torch

from base.errors import UserError
from base.formats.questions import CANDIDATES
from extract.config import Text, TextSettings
from extract.text.encoder import load_encoder
from extract.text.sequences import batches, laid_out, pad, read_questions
from tests.extract.small_fine_tuning import MINILM, tiny, write_annotations


def test_batches_hold_every_question_once_and_little_padding(shared):
    from extract.annotations import read
    from extract.config import Dataset

    table = read(Dataset(format="msvd-qa", annotations=shared / "data/msvd-qa", videos="v"), "val")
    lengths = table["question"].str.split().str.len()

    class Lengths:
        def __len__(self):
            return len(lengths)

        def length(self, i):
            return int(lengths[i])

    cut = batches(Lengths(), 64, torch.Generator().manual_seed(0))
    assert sorted(row for rows in cut for row in rows) == list(range(len(lengths)))
    padded = sum(len(rows) * lengths[rows].max() for rows in cut)
    assert padded < 1.15 * lengths.sum() < sum(64 * lengths[i : i + 64].max() for i in range(0, len(lengths), 64))


def test_texts_apart_are_too_long_by_themselves_alone(caplog):
    row = {"qid": "1", "video_id": "v", "question": "why " * 8, "type": "w", "answer": 0}
    table = pd.DataFrame([row | dict.fromkeys(CANDIDATES, "red " * 8), row | dict.fromkeys(CANDIDATES, "red " * 12)])
    tokenizer, text = load_encoder(MINILM)[0], TextSettings(length=12, layout="apart")
    with caplog.at_level(logging.WARNING):
        found = laid_out(table, tokenizer, text, "q.csv")
    assert found.apart and found.take([1]).apart and found.sequences == 6 and found.cut == 1
    assert [len(tokens) for tokens in found.tokens] == [10] * 7 + [12] * 5
    assert "1 of 2 questions are longer than text.length = 12" in caplog.text
    assert "the first is row 2, with 14 tokens" in caplog.text


def test_a_candidate_is_kept_and_its_question_cut_or_the_other_way(tmp_path, caplog):
    row = {"qid": "1", "video_id": "v", "question": "why " * 300, "type": "w", "answer": 0}
    pd.DataFrame([row | dict.fromkeys(CANDIDATES, "the red thing")]).to_csv(tmp_path / "q.csv", index=False)
    tokenizer = load_encoder(MINILM)[0]
    with caplog.at_level(logging.WARNING):
        questions = read_questions(tmp_path / "q.csv", tokenizer, TextSettings(length=37))
    assert {len(t) for t in questions.tokens} == {37} and questions.cut == 1
    assert tokenizer.decode(questions.tokens[0]).endswith("why [SEP] the red thing [SEP]")
    assert "q.csv: 1 of 1 questions are longer than text.length = 37" in caplog.text
    assert "the first is row 1, with 306 tokens" in caplog.text
    cut = read_questions(tmp_path / "q.csv", tokenizer, TextSettings(length=37, truncate="end")).tokens[0]
    assert tokenizer.decode(cut).endswith("why [SEP] [SEP]") and len(cut) == 37


def test_a_length_that_the_encoder_can_not_take_is_refused(tmp_path, caplog):
    row = {"qid": "1", "video_id": "v", "question": "why " * 600, "type": "w", "answer": "so"}
    pd.DataFrame([row]).to_csv(tmp_path / "q.csv", index=False)
    tokenizer = load_encoder(tiny(tmp_path / "e"))[0]
    with pytest.raises(UserError, match=r"text\.length is 513, and the encoder .* takes at most 512 tokens"):
        read_questions(tmp_path / "q.csv", tokenizer, TextSettings(length=513))
    assert len(read_questions(tmp_path / "q.csv", tokenizer, TextSettings(length=512)).tokens[0]) == 512
    assert "with 602 tokens: the encoder takes 512 at most" in caplog.text


def test_pad_marks_the_candidate(tmp_path):
    write_annotations(tmp_path / "questions", multiple_choice=True, questions=3)
    questions = read_questions(tmp_path / "questions/train.csv", load_encoder(MINILM)[0], TextSettings())
    inputs = pad(questions, [0, 2], "cpu")
    second = inputs["token_type_ids"].bool()
    decoded = load_encoder(MINILM)[0].decode(inputs["input_ids"][6][second[6]])
    assert decoded == f"{questions.table['a1'].iloc[2]} [SEP]"
    assert (
        inputs["attention_mask"].sum(dim=1)
        == torch.tensor([len(t) for t in questions.tokens[:5] + questions.tokens[10:]])
    ).all()


def test_what_reads_like_a_special_token_is_text(tmp_path, caplog):
    asked = ["is [SEP] a word", "[MASK] [cls] [PAD] [UNK]", "\u200b"]
    rows = [
        {"qid": n, "video_id": "v", "question": question, "type": "w", "answer": "x"}
        for n, question in enumerate(asked)
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "q.csv", index=False)
    tokenizer = load_encoder(MINILM)[0]
    special = {*tokenizer.all_special_ids}
    tokens = read_questions(tmp_path / "q.csv", tokenizer, TextSettings()).tokens
    assert [sum(token in special for token in sequence) for sequence in tokens] == [2, 2, 2]
    assert tokenizer.convert_ids_to_tokens(tokens[0]) == ["[CLS]", "is", "[", "sep", "]", "a", "word", "[SEP]"]
    assert "1 questions have no token, the first is row 3" in caplog.text
    assert Text is TextSettings
