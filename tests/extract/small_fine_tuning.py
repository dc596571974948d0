"""A fine-tuning that takes seconds: questions whose words give the answer away, and an encoder of one layer."""

import numpy as np
import pandas as pd
import torch

from base.formats.questions import CANDIDATES, write_summary
from base.formats.vocabulary import write_vocabulary
from extract.config import FineTuning, Text
from extract.text.encoder import load_encoder

MINILM = "package:minilm"
COLOURS = ["red", "blue", "green", "black", "white"]


def write_annotations(folder, *, multiple_choice, questions=60, seed=0):
    """Questions whose answer can be told from their words: "which is red" wants "red thing"."""
    rng = np.random.default_rng(seed)
    for split in ("train", "val", "test"):
        right = rng.integers(5, size=questions)
        table = pd.DataFrame({"qid": [f"{split}{n}" for n in range(questions)], "video_id": "v"})
        table["question"] = [f"which of these is {COLOURS[n]}" for n in right]
        table["type"] = ["even" if n % 2 == 0 else "odd" for n in right]
        if multiple_choice:
            order = [rng.permutation(5) for _ in right]
            table["answer"] = [int(np.flatnonzero(o == n)[0]) for o, n in zip(order, right, strict=True)]
            for i, name in enumerate(CANDIDATES):
                table[name] = [f"the {COLOURS[o[i]]} thing" for o in order]
        else:
            table["answer"] = [COLOURS[n] for n in right]
        folder.mkdir(exist_ok=True)
        table.to_csv(folder / f"{split}.csv", index=False)
    write_vocabulary(folder, [] if multiple_choice else COLOURS)
    write_summary(folder, {s: {"questions_left_out": 3} for s in ("train", "val", "test")})
    return folder


def tiny(folder):
    """A BERT of one layer with MiniLM's tokenizer: everything is real but its size."""
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    config = BertConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64)
    BertModel(config).save_pretrained(folder)
    load_encoder(MINILM)[0].save_pretrained(folder)
    return str(folder)


def text(folder, length=37, **settings):
    return Text(encoder=tiny(folder / "encoder"), length=length, finetuning=FineTuning(**settings))
