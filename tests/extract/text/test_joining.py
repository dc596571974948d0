"""Encoders of other families: sequences are those of their own tokenizers, features those of their own models."""

import string

import numpy as np
import pytest
import torch
import transformers

from base.errors import UserError
from base.formats.questions import read_annotations
from base.formats.token_features import TokenFeatures
from extract.config import FineTuningSettings, TextSettings
from extract.text.encoder import load_encoder
from extract.text.finetune import finetune
from extract.text.joining import Joining, summary_token
from extract.text.question_only import QuestionOnly
from extract.text.sentences import SentenceEncoder
from extract.text.sequences import laid_out, pad, read_questions
from extract.text.tokens import write_tokens
from tests.extract.small_fine_tuning import write_annotations

LETTERS = [*string.ascii_lowercase]
BYTES = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "Ġ", *LETTERS]
PIECES = ["▁", *LETTERS, *(f"▁{letter}" for letter in LETTERS)]
DEBERTA = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]", *PIECES]
XLNET = ["<unk>", "<s>", "</s>", "<cls>", "<sep>", "<pad>", "<mask>", "<eod>", "<eop>", *PIECES]
WORDS = ["which", "of", "these", "is", "the", "red", "blue", "green", "black", "white", "thing"]
MPNET = ["<s>", "<pad>", "</s>", "<unk>", "[UNK]", "<mask>", *WORDS]
ELECTRA = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]


def numbered(words):
    return {word: number for number, word in enumerate(words)}


def scored(words):
    return [(word, -float(number)) for number, word in enumerate(words)]


SIZES = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
POSITIONS = {"max_position_embeddings": 64}
ENCODERS = {
    "Roberta": (lambda: transformers.RobertaTokenizer(vocab=numbered(BYTES), merges=[]), SIZES | POSITIONS),
    "MPNet": (lambda: transformers.MPNetTokenizer(vocab=numbered(MPNET)), SIZES | POSITIONS),
    "Electra": (lambda: transformers.ElectraTokenizer(vocab=numbered(ELECTRA)), SIZES | POSITIONS),
    "DebertaV2": (lambda: transformers.DebertaV2Tokenizer(vocab=scored(DEBERTA), unk_id=3), SIZES | POSITIONS),
    "XLNet": (
        lambda: transformers.XLNetTokenizer(vocab=scored(XLNET), unk_id=0),
        {"d_model": 16, "n_layer": 1, "n_head": 2, "d_inner": 16},
    ),
}


@pytest.fixture(params=ENCODERS)
def folder(request, tmp_path):
    """An encoder with random weights that are large enough to tell its inputs apart."""
    make, sizes = ENCODERS[request.param]
    torch.manual_seed(0)
    config = getattr(transformers, f"{request.param}Config")(vocab_size=100, **sizes)
    model = getattr(transformers, f"{request.param}Model")(config)
    for value in model.parameters():
        torch.nn.init.normal_(value, 0, 0.5)
    model.save_pretrained(tmp_path / "e")
    make().save_pretrained(tmp_path / "e")
    return tmp_path / "e"


def test_sequences_and_features_are_those_of_the_encoder_itself(folder, tmp_path):
    questions = write_annotations(tmp_path / "questions", multiple_choice=True, questions=6)
    text = TextSettings(encoder=str(folder), length=60, finetuning=FineTuningSettings(epochs=1, batch=4))
    finetune(questions, text, tmp_path / "tuned", tmp_path / "state", "cpu")
    write_tokens(questions, {"test": tmp_path / "t.h5"}, tmp_path / "tuned", text, tmp_path / "tokens", "cpu")
    found = TokenFeatures.read(tmp_path / "t.h5")
    assert found.tokens.shape[1] == 16 and found.attributes["encoder"] == str(folder)
    tokenizer, encoder = load_encoder(str(tmp_path / "tuned"))
    read = read_questions(questions / "test.csv", tokenizer, text)
    for number in (0, 7, 23):
        row = read.table.iloc[number // 5]
        theirs = tokenizer(row["question"], row[f"a{number % 5}"], return_token_type_ids=True, return_tensors="pt")
        assert read.tokens[number] == theirs["input_ids"][0].tolist()
        assert read.types[number] == theirs["token_type_ids"][0].tolist()
        taken = {name: value for name, value in theirs.items() if name in tokenizer.model_input_names}
        with torch.inference_mode():
            states = encoder.eval()(**taken).last_hidden_state[0]
        ours = found.tokens[found.offsets[number] : found.offsets[number + 1]]
        np.testing.assert_allclose(ours, states, atol=4e-3, rtol=2e-3)


def test_texts_that_lie_apart_are_those_of_the_tokenizer_by_themselves(folder, tmp_path):
    path = write_annotations(tmp_path / "questions", multiple_choice=True, questions=2) / "test.csv"
    tokenizer, table = load_encoder(str(folder))[0], read_annotations(path)
    text = TextSettings(encoder=str(folder), length=60, layout="apart")
    found, row = laid_out(table, tokenizer, text, path), table.iloc[1]
    texts = [row["question"], *(row[f"a{j}"] for j in range(5))]
    theirs = tokenizer(texts, return_token_type_ids=True)
    assert (found.tokens[6:], found.types[6:]) == (theirs["input_ids"], theirs["token_type_ids"])
    table = table.assign(question="which of these is the red thing which is the blue thing")
    cut = laid_out(table, tokenizer, text.model_copy(update={"length": 8}), path)
    assert cut.tokens[6][:1] + cut.tokens[6][-1:] == found.tokens[6][:1] + found.tokens[6][-1:]
    assert cut.cut == 2 and max(map(len, cut.tokens)) == 8 and cut.padding == tokenizer.pad_token_id


def test_what_is_cut_keeps_the_special_tokens(folder, tmp_path):
    questions = write_annotations(tmp_path / "questions", multiple_choice=True, questions=2)
    tokenizer = load_encoder(str(folder))[0]
    text, join = TextSettings(encoder=str(folder), length=9), Joining.of(tokenizer, 2)
    for truncate in ("question", "end"):
        read = read_questions(questions / "test.csv", tokenizer, text.model_copy(update={"truncate": truncate}))
        assert {len(tokens) for tokens in read.tokens} <= {8, 9} and read.cut == 2
        special = {token for found in join.specials for token in found}
        assert all(sum(token in special for token in tokens) == len(join) for tokens in read.tokens)
    inputs = pad(read, [0, 1], "cpu")
    assert (inputs["input_ids"][inputs["attention_mask"] == 0] == tokenizer.pad_token_id).all()


class States(torch.nn.Module):
    """An encoder whose states are the tokens themselves."""

    def __init__(self):
        super().__init__()
        self.config = transformers.DistilBertConfig(dim=1)

    def forward(self, input_ids, attention_mask):
        return transformers.modeling_outputs.BaseModelOutput(last_hidden_state=input_ids[..., None].float())


def test_the_state_of_the_classification_token_is_read_where_it_stands():
    xlnet, roberta = (ENCODERS[name][0]() for name in ("XLNet", "Roberta"))
    assert (summary_token(xlnet), summary_token(roberta)) == (3, 0)
    ids = torch.tensor([[9, 8, 4, 3, 5, 5], [9, 9, 9, 9, 4, 3]])  # two sequences, their <cls> at the end, padding
    inputs = {"input_ids": ids, "attention_mask": (ids != 5).int()}
    for summary, expected in ((3, [3.0, 3.0]), (8, [8.0, 9.0]), (None, [6.0, 43 / 6])):
        model = QuestionOnly(States(), 1, summary)
        torch.nn.init.ones_(model.head.weight)
        torch.nn.init.zeros_(model.head.bias)
        assert model(inputs, 1).flatten().tolist() == pytest.approx(expected)


def test_a_tokenizer_without_a_fast_form_says_its_rule_too():
    tokenizer = transformers.CanineTokenizer()
    join = Joining.of(tokenizer, 2)
    assert not tokenizer.is_fast and join([1, 2], [3])[0] == [57344, 1, 2, 57345, 3, 57345]
    assert summary_token(tokenizer) == 57344


def test_of_a_model_that_writes_text_only_whole_sentences_are_taken(tmp_path):
    config = transformers.T5Config(d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2, vocab_size=100)
    transformers.T5Model(config).save_pretrained(tmp_path)
    ENCODERS["Roberta"][0]().save_pretrained(tmp_path)
    with pytest.raises(UserError, match="is a T5Model, which writes text; name an encoder"):
        load_encoder(str(tmp_path))
    assert SentenceEncoder(str(tmp_path), "mean", unit=False).encode(["red", "the blue thing"]).shape == (2, 8)
