"""Token features: the encoder's hidden states of every sequence, packed without padding.

Sizes: Q questions, A sequences a question, L tokens, D width of the encoder.
"""

import io
import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from base.errors import UserError
from base.formats.questions import read_annotations
from base.formats.token_features import LAYOUT, write_token_features
from base.jobs.journal import Journal, journal
from base.jobs.progress import progress
from base.reading import read_json, sha256
from base.writing import write_bytes
from extract.config import TextSettings
from extract.text.encoder import has_segments, load_encoder
from extract.text.sequences import Questions, by_length, laid_out, pad_sequences

BATCH = 256
"""Sequences that go through the encoder at once."""
PART = 4096
"""Sequences of a part: what a kill can cost, and what is held in memory."""


def write_tokens(
    annotations: Path,
    files: Mapping[str, Path],
    encoder_folder: Path,
    text: TextSettings,
    state: Path,
    device: str,
    stage: int = 0,
) -> None:
    """Writes a file for each split: `qid`, `video_id`, `tokens` (sum of lengths, D) float16, `offsets` (Q * A + 1,).

    Works in parts, which lie in the folder `state` until all of the files are whole: Snakemake removes those of a job
    that was killed. Parts that are there are not made again if they are of the same `stage` (workflow/stages.yaml), and
    memory does not grow with a split.
    """
    tokenizer, encoder = load_encoder(str(encoder_folder.resolve()))
    encoder.to(device).eval()
    weights = {p.name: sha256(p) for p in sorted(encoder_folder.glob("*.safetensors"))}
    with ExitStack() as unfinished:
        for split, out in files.items():
            path, folder = annotations / f"{split}.csv", state / split
            questions = laid_out(read_annotations(path), tokenizer, text, path)
            about = {
                "split": split,
                "layer": text.layer,
                "truncate": text.truncate,
                "length": text.length,
                "sequences": questions.sequences,
                "questions_cut": questions.cut,
                "encoder": text.encoder,
                "finetuning": read_json(encoder_folder / "finetuning.json", "the fine-tuned encoder"),
            }
            if questions.apart:
                about[LAYOUT] = "apart"
            key = [weights, text.model_dump(), sha256(path), PART, stage]
            past = unfinished.enter_context(journal(folder / "parts", key))
            parts = _parts(questions, partial(encode, encoder, questions, text=text, device=device), past, folder)
            lengths = np.array([len(tokens) for tokens in questions.tokens])
            width = encoder.config.hidden_size
            write_token_features(out, questions.table, lengths, width, (np.load(p) for p in parts), about)
        for split in files:
            shutil.rmtree(state / split)


def _parts(
    questions: Questions, encoded: Callable[[range], NDArray[np.float16]], past: Journal, folder: Path
) -> list[Path]:
    """The files of the parts, in a folder of the split's name; those that the journal `past` knows are there."""
    made = {entry["part"] for entry in past.entries}
    numbers = [range(n, min(n + PART, len(questions.tokens))) for n in range(0, len(questions.tokens), PART)]
    parts = []
    for part in progress(numbers, total=len(numbers), label=f"tokens of {folder.name}", unit="part"):
        parts.append(folder / f"{part.start:09d}.npy")
        if part.start not in made:
            content = io.BytesIO()  # where NumPy writes the file, a full disk is an error without a number
            np.save(content, encoded(part))
            write_bytes(parts[-1], content.getbuffer())
            past.note({"part": part.start})
    return parts


@torch.inference_mode()
def encode(
    encoder: nn.Module, questions: Questions, numbers: range, text: TextSettings, device: str
) -> NDArray[np.float16]:
    """The token features (sum of lengths, D) of consecutive sequences, calculated in batches of similar length.

    Sequences that are alike, as of questions that many videos are asked, go through the encoder once.
    """
    alike: dict[tuple[int, ...], list[int]] = {}
    for n in numbers:
        alike.setdefault((*questions.types[n], *questions.tokens[n]), []).append(n)
    same = {found[0]: found for found in alike.values()}
    starts = np.concatenate([[0], np.cumsum([len(questions.tokens[n]) for n in numbers])])
    found: NDArray[np.float16] | None = None
    for batch in by_length(questions, list(same), BATCH):
        states = _hidden(encoder, pad_sequences(questions, batch, device), text.layer)
        values = states.to(torch.float16).cpu().numpy()  # (sequences, L, D)
        if found is None:
            found = np.empty((int(starts[-1]), values.shape[2]), np.float16)
        for row, first in enumerate(batch):
            for n in same[first]:
                i = n - numbers.start
                found[starts[i] : starts[i + 1]] = values[row, : starts[i + 1] - starts[i]]
    assert found is not None
    return found


def _hidden(encoder: Any, inputs: dict[str, Tensor], layer: str) -> Tensor:
    if not has_segments(encoder):
        inputs = {name: value for name, value in inputs.items() if name != "token_type_ids"}
    if layer == "last":
        return encoder(**inputs).last_hidden_state
    states = encoder(**inputs, output_hidden_states=True).hidden_states[1:]
    if len(states) < 4:
        raise UserError(f"text.layer mean-last-four needs an encoder of four layers; this one has {len(states)}")
    return torch.stack(states[-4:]).mean(dim=0)
