"""Token features: the encoder's last hidden states of every sequence, packed without padding.

Sizes: Q questions, A sequences a question, D width of the encoder.
"""

from pathlib import Path

import numpy as np
import torch

from extract.config import Text
from extract.files import read_json
from extract.progress import progress
from extract.provenance import commit, versions
from extract.stores import create, write_strings
from extract.text.encoder import load_encoder
from extract.text.sequences import batches, pad, read_questions

KIND = "token features"
BATCH = 64


@torch.inference_mode()
def write_tokens(annotations: Path, split: str, encoder_folder: Path, text: Text, out: Path, device: str) -> None:
    """Writes `text_<split>.h5`: `qid`, `video_id`, `tokens` (sum of lengths, D) float16, `offsets` (Q * A + 1,)."""
    tokenizer, encoder = load_encoder(str(encoder_folder.resolve()))
    encoder.to(device).eval()
    questions = read_questions(annotations / f"{split}.csv", tokenizer, text.length)
    a = questions.sequences
    offsets = np.concatenate([[0], np.cumsum([len(tokens) for tokens in questions.tokens])]).astype(np.int64)
    about = {
        "sequences": a,
        "split": split,
        "layer": "last",
        "length": text.length,
        "encoder": text.encoder,
        "finetuning": read_json(encoder_folder / "finetuning.json", "the fine-tuned encoder"),
        "commit": commit(),
        "versions": versions(),
    }
    with create(out, KIND, about) as file:
        write_strings(file, "qid", questions.table["qid"].tolist())
        write_strings(file, "video_id", questions.table["video_id"].tolist())
        file["offsets"] = offsets
        tokens = np.empty((int(offsets[-1]), encoder.config.hidden_size), np.float16)
        todo = list(batches(questions, max(1, BATCH // a)))
        for rows in progress(todo, total=len(todo), label=f"tokens of {split}", unit="batch"):
            inputs = pad(questions, rows, device)
            states = encoder(**inputs).last_hidden_state.to(torch.float16).cpu().numpy()
            for i, n in enumerate(row * a + j for row in rows for j in range(a)):
                tokens[offsets[n] : offsets[n + 1]] = states[i, : offsets[n + 1] - offsets[n]]
        file["tokens"] = tokens
