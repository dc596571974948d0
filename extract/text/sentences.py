"""Vectors of whole texts, by any sentence encoder of transformers.

Sizes: N texts, L tokens, D width of the encoder.
"""

import logging
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from base.errors import UserError
from base.reading import sha256
from extract.text.encoder import folder_of, has_segments, load_encoder

log = logging.getLogger(__name__)

BATCH = 64
"""Texts that go through the encoder at once."""


class SentenceEncoder:
    """An encoder and the way in which its hidden states become one vector of a text."""

    def __init__(self, name: str, pooling: Literal["mean", "first"], unit: bool) -> None:
        """Loads the encoder `name`; `UserError` where it is not there, or cannot take several texts at once."""
        self.name, self.pooling, self.unit = name, pooling, unit
        self._tokenizer, self._encoder = load_encoder(name, of_writers=True)
        if self._tokenizer.pad_token_id is None:
            raise UserError(f"the tokenizer of {name!r} has no token for padding: take a sentence encoder")
        self._encoder.eval()

    def described(self) -> dict[str, Any]:
        """What a feature file says of it."""
        weights = Path(folder_of(self.name)) / "model.safetensors"
        digest = sha256(weights) if weights.is_file() else ""
        return {"weights": self.name, "sha256": digest, "pooling": self.pooling, "unit": self.unit}

    @torch.inference_mode()
    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        """The vectors (N, D) of texts. One that is longer than the encoder takes is cut, with a warning."""
        parts = [self._pooled(texts[start : start + BATCH]) for start in range(0, len(texts), BATCH)]
        return np.concatenate(parts)

    def _pooled(self, texts: list[str]) -> NDArray[np.float32]:
        most = min(self._tokenizer.model_max_length, 2**31 - 1)  # one that knows no longest says 10^30
        # what reads like a special token ([SEP]) stays text
        whole = self._tokenizer(texts, split_special_tokens=True)["input_ids"]
        if cut := [text for text, ids in zip(texts, whole, strict=True) if len(ids) > most]:
            log.warning("%d texts are cut to the %d tokens that %s takes: %.40s...", len(cut), most, self.name, cut[0])
        inputs = self._tokenizer(
            texts, padding=True, truncation=True, max_length=most, return_tensors="pt", split_special_tokens=True
        )
        mask: Tensor = inputs["attention_mask"]
        given = {"input_ids": inputs["input_ids"], "attention_mask": mask}
        if has_segments(self._encoder):
            given["token_type_ids"] = torch.zeros_like(mask)
        states: Tensor = self._encoder(**given).last_hidden_state.float()  # (N, L, D)
        if self.pooling == "first":
            pooled = states[torch.arange(len(texts)), mask.argmax(dim=1)]
        else:
            pooled = (states * mask[:, :, None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
        found: NDArray[np.float32] = (torch.nn.functional.normalize(pooled, dim=1) if self.unit else pooled).numpy()
        return found
